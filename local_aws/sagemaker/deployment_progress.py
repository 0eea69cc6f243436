"""
What DescribeEndpoint shows of an update under way: PendingDeploymentSummary, with the stage as VariantStatus.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantStatus.html
The messages: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from datetime import datetime
from typing import Any

from local_aws.sagemaker.deployment_policy import Stage
from local_aws.sagemaker.resource import now
from local_aws.sagemaker.variants import Variant, describe, describe_pending, instance_count, instances_of_share


class DeploymentProgress:
    """
    How far an update is.

    :param pending: config_name, variants, started
    :param is_rolling: the old fleet's instances end with each stage
    """

    def __init__(self, pending: dict[str, Any], is_rolling: bool):
        self._pending, self._is_rolling = pending, is_rolling
        self.share = 0.0
        """Of the traffic, that the new fleet has."""
        self._status, self._message, self._since = "", "", now()
        self._shown_share = 1.0
        self.creating()

    def creating(self) -> None:
        self._say("Creating", "Launching {} instance(s).")

    def activating(self, stage: Stage) -> None:
        self._say(
            "ActivatingTraffic", f"Activating traffic on {stage.capacity} capacity of {{}} instance(s).", stage.share
        )

    def baking(self, stage: Stage) -> None:
        message = (
            f"Baking for {stage.wait} seconds ({stage.member}) with traffic enabled on {stage.capacity} capacity of"
        )
        self._say("Baking", f"{message} {{}} instance(s).", stage.share)

    def deleting(self) -> None:
        self._say("Deleting", "Terminating {} instance(s).")

    def _say(self, status: str, message: str, share: float = 1.0) -> None:
        """
        :param message: with a place for the number of instances
        :param share: of all instances, that are meant
        """
        self._status, self._message, self._since, self._shown_share = status, message, now(), share

    def describe(self) -> dict[str, Any]:
        """PendingDeploymentSummary."""
        started: datetime | None = self._pending.get("started")
        return {
            "EndpointConfigName": self._pending["config_name"],
            "StartTime": started,
            "ProductionVariants": [self._describe_new(variant) for variant in self._pending["variants"]],
        }

    def _describe_new(self, variant: Variant) -> dict[str, Any]:
        message = self._message.format(instances_of_share(variant, self._shown_share))
        status = {"Status": self._status, "StatusMessage": message, "StartTime": self._since}
        return describe_pending(variant, status, instances_of_share(variant, self.share) if self.share else 0)

    def describe_old(self, variant: Variant) -> dict[str, Any]:
        """A variant of the old fleet."""
        gone = instances_of_share(variant, self.share) if self._is_rolling and self.share else 0
        return describe(variant, instances=instance_count(variant) - gone)
