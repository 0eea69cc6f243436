"""Register the evaluated model as a version in the model registry."""

import datetime
from collections.abc import Mapping
from typing import Any

from include.aws.console import PAGE
from include.aws.dataset import PreparedData
from include.aws.registry import DATE, SMOKE_TESTS, Approval, description_of, job_of
from include.aws.requests import model_package_request
from include.evaluation import champion
from include.results import Evaluated, Prepared, Registered, Trained
from include.steps.workplace import Workplace


def register_model(
    hashtag: str,
    date: str,
    run_name: str,
    prepared: dict[str, Any],
    evaluated: dict[str, Any],
    trained: dict[str, Any],
    ti: Any = None,
) -> dict[str, Any]:
    """Make the evaluated model a version of the hashtag's group in the model registry, with its approval status."""
    place = Workplace.connect(hashtag, date)
    data, evaluation, job = Prepared.from_xcom(prepared), Evaluated.from_xcom(evaluated), Trained.from_xcom(trained)
    approval, reason = evaluation.decision.approval, evaluation.decision.approval_reason
    current = place.registry.champion(besides=job.model_uri)
    newest = current.date if current else ""
    if approval == "Approved" and newest > date:  # the champion was approved after the evaluation
        approval = "PendingManualApproval"
        reason += f" But the champion's tweets are newer ({newest})."
    found = place.storage.read_json(place.storage.key_of(evaluation.evaluation_uri))
    report = place.keys.run(run_name) + "report.html"
    request = _request(place, PreparedData(data.data_uri), found, run_name, evaluation.evaluation_uri, job, approval)
    version = place.registry.register(request, reason, since=datetime.datetime.fromisoformat(job.created_at))
    registry_url = place.storage.console.model_registry()
    ti.xcom_push(key=PAGE, value=registry_url)
    print(f"Version {version.number} in the model registry, {version.approval}: {version.arn}")
    return Registered(
        model_package_arn=version.arn,
        version=version.number,
        approval=version.approval,
        accuracy=found["accuracy"],
        accuracy_interval=found["accuracy_interval"],
        majority_accuracy=found["majority_accuracy"],
        test_tweets=found["tweets"],
        training_job=job.training_job_name,
        report_url=place.storage.browser_url(report),
        registry_url=registry_url,
    ).to_xcom()


def _request(
    place: Workplace,
    data: PreparedData,
    found: Mapping[str, Any],
    run_name: str,
    evaluation_uri: str,
    trained: Trained,
    approval: Approval,
) -> dict[str, Any]:
    """
    CreateModelPackage's request for the evaluated model, without the group.

    :param found: the content of evaluation.json
    """
    storage, keys = place.storage, place.keys
    low, high = found["accuracy_interval"]
    figures = {
        "accuracy": found["accuracy"],
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": found["balanced_accuracy"],
        "macro_f1": found["macro_f1"],
        "log_loss": found["log_loss"],
        "majority_accuracy": found["majority_accuracy"],
        # Who calls the endpoint needs it: see docs/report.md.
        **({"temperature": found["temperature"]["temperature"]} if found["temperature"] else {}),
    }
    preparation = storage.read_json(storage.key_of(data.file("report")))
    return model_package_request(
        description=description_of(
            job_of(trained.model_uri), f"#{keys.hashtag}, tweets of {keys.date}: {found['headline']}"
        ),
        image=trained.image,
        model_uri=trained.model_uri,
        metrics_uri=evaluation_uri,
        approval=approval,
        properties={
            DATE: keys.date,
            "labels": str(len(found["labels"])),
            "recipe": preparation["settings"]["recipe"],
            champion.RULE: preparation["settings"]["rule"],
            champion.TRAINING_JOB: trained.training_job_name,
            "data": data.digest,
            "test_tweets": str(found["tweets"]),
            "report": storage.uri(keys.run(run_name) + "report.html"),
            SMOKE_TESTS: storage.uri(keys.smoke_tests(run_name)),
            # All digits: the history in reports reads them, and would round a second time.
            **{name: str(figure) for name, figure in figures.items()},
        },
    )
