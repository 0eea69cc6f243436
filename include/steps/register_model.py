"""The evaluated model becomes a version in the model registry."""

import datetime
from typing import Any

from include.evaluation import champion
from include.steps.workplace import Workplace


def register_model(hashtag: str, date: str, evaluated: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Make the evaluated model a version of the hashtag's group in the model registry, approved or not."""
    registry, request = Workplace.connect(hashtag, date).registry, evaluated["registration"]
    reason = evaluated["decision"]["approval_reason"]
    current = registry.champion(besides=trained["model_uri"])
    newest = current.properties.get(champion.DATE, "") if current else ""
    if request["ModelApprovalStatus"] == "Approved" and newest > date:  # approved since the evaluation
        request = {**request, "ModelApprovalStatus": "PendingManualApproval"}
        reason += f" But the champion is of a newer date, {newest}."
    version = registry.register(request, reason, since=datetime.datetime.fromisoformat(trained["created_at"]))
    print(f"Version {version.number} in the model registry, {version.approval}: {version.arn}")
    return {"model_package_arn": version.arn, "version": version.number, "approval": version.approval}
