"""Reports for tests, made by the product's own functions from the results that tasks give."""

from typing import Any

from include.evaluation.baseline import linear_baseline
from include.evaluation.metrics import evaluate
from include.evaluation.outcomes import Outcomes
from include.predictions import Prediction
from include.report.document import Links, Run, describe_run
from include.results import Results

TASKS = ("wait_for_tweets", "prepare_dataset", "train_model", "evaluate_model", "deploy_endpoint", "record_outcome")


EARLIER_CHAMPION = {
    "date": "2026-01-05",
    "version": 1,
    "accuracy": 0.85,
    "accuracy_interval": [0.75, 0.9],
    "tweets": 40,
}
LINKS = Links(
    run="https://airflow.example.org/dags/retrain_aws/runs/manual__1",
    registry="https://example.org/registry",
    tasks={task_id: f"https://airflow.example.org/tasks/{task_id}" for task_id in TASKS},
    files={"report": "https://example.org/report.html", "rejected": "https://example.org/rejected.csv"},
)


def a_run(**changes: Any) -> Run:
    values = {
        "hashtag": "aws",
        "date": "2026-01-07",
        "dag_id": "retrain_aws",
        "run_id": "manual__1",
        "name": "retrain-aws-1",
        "code_version": "1.2.3",
        "parameters": {"training_instance_type": "ml.c5.xlarge", "epochs": None, "date": None},
        "states": dict.fromkeys(TASKS, "success"),
        "files": {"report": "s3://b/report.html", "evaluation": None},
        "links": LINKS,
    }
    return Run(**{**values, **changes})


def data_report(labels: list[str], text: str = "a tweet", warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    counts = dict.fromkeys(labels, 5)
    return {
        "schema": "prepare-report/1",
        "settings": {"labels": dict(enumerate(labels)), "recipe": "clean", "seed": 0},
        "files": {"part.csv": 30},
        "rows": {"read": 30, "used": 28, "rejected": 2, "duplicates": 3},
        "rejected_by_reason": {"label_tie": 2},
        "label_rows": counts,
        "majority": {"label": labels[0], "share": 0.5},
        "tweets": {"different": 25, "with_conflicting_labels": 1, "rows_of_those": 2, "ties": 1},
        "conflicts": [{"text": text, "labels": {labels[0]: 1, labels[1]: 1}}],
        "memory_accuracy": 0.98,
        "splits": {s: {"examples": 10, "labels": counts, "vocabulary": 40} for s in ("train", "validation", "test")},
        "warnings": list(warnings),
        "notes": ["part.csv: not UTF-8; read as cp1252."],
        "samples": [{"cell": "secret"}],
    }


def evaluation(labels: list[str], text: str = "a tweet") -> dict[str, Any]:
    from dataclasses import asdict

    truth = labels * 3
    predictions = [Prediction({labels[number % 2]: 0.8}) for number in range(len(truth))]
    found = evaluate(Outcomes.of(truth, predictions), labels)
    test = [(label, text) for label in truth]
    baseline = linear_baseline(test, test, [prediction.label for prediction in predictions], 1)
    assert baseline is not None
    return {
        **asdict(found),
        "verdicts": [found.verdict()],
        "warnings": [],
        "calibration": found.calibration_in_words(),
        "linear_baseline": asdict(baseline),
        "near_copies": 7,
        "champion": {
            "verdict": "Equal.",
            "version": 2,
            "model_package_arn": "arn",
            "date": "2026-01-06",
            "training_job": "job-1",
            "accuracy_when_registered": "0.9",
            "comparison": asdict(baseline.comparison),
            "on_later_tweets": EARLIER_CHAMPION,
        },
        "mistakes": [
            {"text": text, "label": labels[0], "predicted": labels[1], "probability": 0.8, "file": text, "line": 3}
        ],
        "words": {
            label: [{"word": text, "weight": 1.5, "occurrences": 4, "tweets": 4, "share": 0.75}] for label in labels
        },
    }


def history_of(*dates: str) -> list[dict[str, Any]]:
    return [
        {
            "date": date,
            "training_job": f"job-{number}",
            "tweets": 50,
            "accuracy": 0.9,
            "accuracy_interval": [0.8, 0.95],
            "majority_accuracy": 0.5,
            "champion": number == 1,
            "earlier_champion": EARLIER_CHAMPION if number else None,
            "report": f"s3://b/{date}/report.html",
            "url": f"https://example.org/{date}/report.html" if number else None,
        }
        for number, date in enumerate(dates)
    ]


def results(text: str = "a tweet", **others: Any) -> Results:
    """What tasks return; `others` instead of these, by the tasks' ids."""
    returned = {
        "prepare_dataset": {
            "training_request": {},
            "tuning_request": {},
            "data_uri": "s3://b/data/",
            "dates": ["2026-01-06", "2026-01-07"],
            "warnings": [],
        },
        "train_model": {
            "training_job_name": "job-1",
            "model_uri": "s3://b/model.tar.gz",
            "image": "blazingtext:1",
            "created_at": "2026-01-07T00:00:00+00:00",
            "instance_type": "ml.c5.xlarge",
            "hyperparameters": {"epochs": "3"},
            "metrics": {},
            "epochs": [{"epoch": epoch, "validation_accuracy": 0.5 + epoch / 100} for epoch in range(5, 9)],
            "billable_seconds": 61,
            "reused": False,
        },
        "evaluate_model": {
            "decision": {
                "deploy": True,
                "reason": "To be deployed: it is good.",
                "refused": False,
                "approval": "Approved",
                "approval_reason": "Good.",
            },
            "evaluation_uri": "s3://b/evaluation.json",
            "endpoint_request": {},
            "smoke_tests": [],
            "smoke_test_request": {},
        },
        "register_model": {
            "model_package_arn": "arn:…/2",
            "version": 2,
            "approval": "Approved",
            "accuracy": 0.9,
            "accuracy_interval": [0.8, 0.95],
            "majority_accuracy": 0.5,
            "test_tweets": 100,
            "training_job": "job",
            "report_url": "http://localhost/report.html",
            "registry_url": "http://localhost/registry",
        },
        "deploy_endpoint": {
            "endpoint_name": "retrain-aws-1",
            "created_at": "2026-01-07T10:00:00+00:00",
            "deadline": None,
        },
        "smoke_test": [{"text": text, "label": "technical", "predicted": "technical", "probability": 0.9}],
        "delete_endpoint": {
            "deleted": ["endpoint retrain-aws-1"],
            "left_alone": [],
            "deleted_at": "2026-01-07T11:01:00+00:00",
        },
    }
    return Results.from_xcoms({**returned, **others})


def a_report(
    labels: list[str] | None = None, text: str = "a tweet", warnings: tuple[str, ...] = (), run: Run | None = None
) -> dict[str, Any]:
    labels = labels or ["technical", "marketing"]
    return describe_run(
        run or a_run(),
        results(text),
        data_report(labels, text, warnings),
        evaluation(labels, text),
        history_of("2026-01-06", "2026-01-07"),
    )
