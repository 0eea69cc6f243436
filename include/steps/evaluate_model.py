"""How good the trained model is, and whether it is deployed."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.aws.dataset import DistinctTestTweets, newer_date, read_distinct_test_tweets, read_examples
from include.aws.registry import Registry, description_of, job_of
from include.aws.storage import Storage
from include.blazingtext.model import LocalModel, Prediction
from include.blazingtext.requests import endpoint_request, invocation, model_package_request
from include.config.names import fingerprint
from include.evaluation import champion
from include.evaluation.baseline import MAX_TRAINING_TWEETS, linear_baseline
from include.evaluation.gate import Dates, Decision, Gate, decide
from include.evaluation.metrics import Evaluation, evaluate, most_confident_mistakes
from include.evaluation.smoke_tests import smoke_tests
from include.report import history
from include.steps.reporting import write_report
from include.steps.workplace import Workplace, today

MISTAKES = 20
HEAVIEST_WORDS = 15


def evaluate_model(
    hashtag: str,
    date: str,
    run_name: str,
    labels: dict[str, str],
    prepared: dict[str, Any],
    trained: dict[str, Any],
    params: Mapping[str, Any] | None = None,
    ti: Any = None,
) -> dict[str, Any]:
    """Score the trained model on the frozen test split, beside the champion, and decide whether it is deployed."""
    assert params is not None
    place = Workplace.connect(hashtag, date)
    settings, storage, keys = place.settings, place.storage, place.keys
    registry = place.registry
    scored = _score(storage, registry, prepared, trained, list(labels.values()))
    decision = _decide(place, registry, scored, trained, params)
    print("\n".join([*scored.data_warnings, *scored.found["verdicts"], decision.reason]))
    history.remember(storage, keys, trained["training_job_name"], scored.found)
    result = {
        "decision": decision.as_dict(),
        "evaluation_uri": storage.write_json(scored.found, keys.run(run_name) + "evaluation.json"),
        "registration": _registration(place, run_name, prepared, trained, scored.evaluation, decision),
        "smoke_tests": scored.smoke_tests,
        "smoke_test_request": invocation([test["instance"] for test in scored.smoke_tests], k=len(scored.model_labels)),
        "endpoint_request": endpoint_request(
            name=run_name,
            image=trained["image"],
            role_arn=settings.role_arn,
            model_uri=trained["model_uri"],
            instance_type=params["endpoint_instance_type"],
        ),
    }
    tuned = ti.xcom_pull(task_ids="tune_model") or None
    results = {"prepare_dataset": prepared, "tune_model": tuned, "train_model": trained, "evaluate_model": result}
    write_report(place, run_name, params, ti, results, {})
    return result


@dataclass(frozen=True, slots=True)
class _Scored:
    """What the test split says of a model."""

    evaluation: Evaluation
    against_champion: champion.ChampionComparison
    found: dict[str, Any]
    """For evaluation.json."""
    data_warnings: list[str]
    smoke_tests: list[dict[str, Any]]
    model_labels: list[str]


def _score(
    storage: Storage,
    registry: Registry,
    prepared: dict[str, Any],
    trained: dict[str, Any],
    labels: list[str],
) -> _Scored:
    data = prepared["data"]
    preparation = storage.read_json(storage.key_of(data["uris"]["report"]))
    with TemporaryDirectory(prefix="evaluate-") as name:
        folder = Path(name)
        model = LocalModel(storage.download(storage.key_of(trained["model_uri"]), folder / "model.tar.gz"), folder)
        split = read_distinct_test_tweets(storage, data, folder)
        test = split.examples
        train = read_examples(storage, data, "train", folder, MAX_TRAINING_TWEETS)
        predictions = model.predict([instance for _, instance in test])
        current = registry.champion(besides=trained["model_uri"])
        against_champion = champion.compare_with_champion(
            current, prepared["rule"], test, predictions, storage, folder / "champion"
        )
    evaluation = evaluate([label for label, _ in test], predictions, labels)
    baseline = linear_baseline(train, test, predictions, int(trained["hyperparameters"]["word_ngrams"]))
    verdicts = [evaluation.verdict(), *([baseline.verdict(evaluation)] if baseline else []), against_champion.verdict]
    found = {
        **asdict(evaluation),
        "verdicts": verdicts,
        "linear_baseline": asdict(baseline) if baseline else None,
        "champion": against_champion.as_dict(),
        "mistakes": _mistakes(split, predictions),
        "near_copies": split.near_copies,
        "heaviest_words": model.heaviest_words(HEAVIEST_WORDS, min_occurrences=max(3, len(train) // 1000)),
    }
    tests = smoke_tests(model, preparation["samples"], prepared["recipe"])
    return _Scored(evaluation, against_champion, found, preparation["warnings"], tests, model.labels)


def _decide(
    place: Workplace,
    registry: Registry,
    scored: _Scored,
    trained: dict[str, Any],
    params: Mapping[str, Any],
) -> Decision:
    own_version = registry.find(trained["model_uri"], datetime.datetime.fromisoformat(trained["created_at"]))
    storage, keys = place.storage, place.keys
    dates = Dates(keys.date, newer_date(storage, keys, today()) or keys.date, scored.against_champion.date)
    manual_approval = own_version.manual_approval if own_version else None
    gate = Gate(params["min_gain"])
    return decide(scored.evaluation, scored.against_champion.comparison, gate, params["deploy"], dates, manual_approval)


def _mistakes(split: DistinctTestTweets, predictions: list[Prediction]) -> list[dict[str, Any]]:
    labels = [label for label, _ in split.examples]
    return [
        {
            "text": split.texts[position],
            "label": labels[position],
            "predicted": predictions[position].label,
            "probability": predictions[position].probability,
        }
        for position in most_confident_mistakes(labels, predictions, MISTAKES)
    ]


def _registration(
    place: Workplace,
    run_name: str,
    prepared: dict[str, Any],
    trained: dict[str, Any],
    evaluation: Evaluation,
    decision: Decision,
) -> dict[str, Any]:
    """CreateModelPackage's request for the evaluated model."""
    storage, keys = place.storage, place.keys
    low, high = evaluation.accuracy_interval
    figures = {
        "accuracy": evaluation.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": evaluation.macro_f1,
        "log_loss": evaluation.log_loss,
        "majority_accuracy": evaluation.majority_accuracy,
    }
    return model_package_request(
        description=description_of(
            job_of(trained["model_uri"]), f"#{keys.hashtag}, tweets of {keys.date}: {evaluation.headline()}"
        ),
        image=trained["image"],
        model_uri=trained["model_uri"],
        metrics_uri=storage.uri(keys.run(run_name) + "evaluation.json"),
        approval=decision.approval,
        properties={
            champion.DATE: keys.date,
            champion.RULE: prepared["rule"],
            champion.TRAINING_JOB: trained["training_job_name"],
            "data": fingerprint(prepared["data"]["sha256"]),
            "test_tweets": str(evaluation.tweets),
            "report": storage.uri(keys.run(run_name) + "report.html"),
            **{name: f"{figure:.4f}" for name, figure in figures.items()},
        },
    )
