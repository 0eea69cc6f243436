"""Register the evaluated model as a version in the model registry."""

import datetime
from typing import Any

from include.aws.console import PAGE
from include.aws.dataset import PreparedData
from include.aws.registry import Approval, description_of, job_of
from include.blazingtext.requests import model_package_request
from include.evaluation import champion
from include.results import Evaluated, Registered, Trained
from include.steps.workplace import Workplace


def register_model(
    hashtag: str,
    date: str,
    run_name: str,
    data_uri: str,
    evaluated: dict[str, Any],
    trained: dict[str, Any],
    ti: Any = None,
) -> dict[str, Any]:
    """Make the evaluated model a version of the hashtag's group in the model registry, with its approval status."""
    place, job, evaluation = (
        Workplace.connect(hashtag, date),
        Trained.from_xcom(trained),
        Evaluated.from_xcom(evaluated),
    )
    approval, reason = evaluation.decision.approval, evaluation.decision.approval_reason
    current = place.registry.champion(besides=job.model_uri)
    newest = current.properties.get(champion.DATE, "") if current else ""
    if approval == "Approved" and newest > date:  # the champion was approved after the evaluation
        approval = "PendingManualApproval"
        reason += f" But the champion's tweets are newer ({newest})."
    request = _request(place, run_name, PreparedData(data_uri), evaluation.evaluation_uri, job, approval)
    version = place.registry.register(request, reason, since=datetime.datetime.fromisoformat(job.created_at))
    ti.xcom_push(key=PAGE, value=place.storage.console.model_registry())
    print(f"Version {version.number} in the model registry, {version.approval}: {version.arn}")
    return Registered(version.arn, version.number, version.approval).to_xcom()


def _request(
    place: Workplace, run_name: str, data: PreparedData, evaluation_uri: str, trained: Trained, approval: Approval
) -> dict[str, Any]:
    """CreateModelPackage's request for the evaluated model, without the group."""
    storage, keys = place.storage, place.keys
    found = storage.read_json(storage.key_of(evaluation_uri))
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
            champion.DATE: keys.date,
            champion.RULE: preparation["settings"]["rule"],
            champion.TRAINING_JOB: trained.training_job_name,
            "data": data.digest,
            "test_tweets": str(found["tweets"]),
            "report": storage.uri(keys.run(run_name) + "report.html"),
            **{name: f"{figure:.4f}" for name, figure in figures.items()},
        },
    )
