"""
An update of an endpoint under way: a new fleet takes the traffic over, stage by stage, or gives it back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html

SageMaker does not document its words for the reason of a rollback: these are the local AWS's own. Nor does it say what
it does with an alarm that is in ALARM when the update begins, except that an alarm that the old fleet trips ends the
update as well. So such an update is accepted here, and rolled back when its baking begins. An alarm that is deleted
meanwhile trips no more.
"""

import time
from typing import Any

from local_aws.alarms import alarms_of
from local_aws.cloud import Cloud
from local_aws.pace import AWS_SECONDS
from local_aws.sagemaker.artifact import ArtifactError, read_artifact
from local_aws.sagemaker.deployment_policy import DeploymentPolicy, Stage
from local_aws.sagemaker.deployment_progress import DeploymentProgress
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.job import JobFailed, require_no_fault
from local_aws.sagemaker.resource import internal_error
from local_aws.sagemaker.traffic import Traffic
from local_aws.sagemaker.variants import Variant

LOOK_SECONDS = 0.5
"""The longest time between two looks at the alarms."""
HEALTH_CHECK_SECONDS = 480
"""
A container has eight minutes to become healthy:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
MAX_OPEN_SECONDS = 70
"""An old fleet with open requests ends after that time: no answer takes longer than 60 s."""


class DeploymentFailed(Exception):
    """The update has failed. The message is the FailureReason."""


class RollbackFailed(DeploymentFailed):
    """The rollback has failed as well: both fleets serve."""


class Deployment:
    """
    The update of an endpoint to a new fleet, or the creation of its first one.

    :param pending: config_name, variants, artifacts (URIs by variant), started
    :param phase: how long the fleet takes to start: Creating or Updating
    """

    def __init__(
        self, cloud: Cloud, name: str, traffic: Traffic, pending: dict[str, Any], policy: DeploymentPolicy, phase: str
    ):
        self._cloud, self._name, self._traffic, self._policy, self._phase = cloud, name, traffic, policy, phase
        self._pending = pending
        self._before = traffic.routes
        self._elapsed = 0.0
        """AWS's seconds so far."""
        self._watching_since: float | None = None
        """When the new fleet got its first traffic."""
        self.fleet = Fleet(cloud, name, pending["config_name"], pending["variants"], {})
        """The new one."""
        self.progress = DeploymentProgress(pending, policy.is_rolling)

    def start_fleet(self) -> None:
        """
        :raises DeploymentFailed: the fleet does not start
        """
        try:
            self._load_fleet()
        except DeploymentFailed:
            raise
        except Exception as error:
            self._cloud.pace.wait(self._phase)
            known = isinstance(error, (JobFailed, ArtifactError))
            raise DeploymentFailed(str(error) if known else internal_error(repr(error))) from error

    def shift_traffic(self) -> None:
        """
        Give all traffic to the new fleet, stage by stage.

        :raises DeploymentFailed: an alarm has tripped, or the deployment takes too long
        """
        for stage in self._policy.stages:
            self._activate(stage)
            self._bake(stage)

    def end_old_fleets(self) -> None:
        """Wait for the open requests of the fleets that have no traffic any more."""
        self.progress.deleting()
        self._traffic.wait_until_idle([fleet for fleet, _ in self._before], MAX_OPEN_SECONDS)

    def roll_back(self) -> None:
        """
        Shift all traffic back to the old fleets, and end the new one.

        :raises RollbackFailed: a fault is ordered
        """
        try:
            require_no_fault(self._cloud.faults, "RollingBack", self._name)
        except JobFailed as failure:
            raise RollbackFailed(str(failure)) from failure
        self.progress.deleting()
        for share in self._policy.back:
            if share < self.progress.share:
                self._shift(share)
            self._cloud.pace.wait("RollingBack", share=1 / len(self._policy.back))
        self._traffic.wait_until_idle([self.fleet], MAX_OPEN_SECONDS)

    def _load_fleet(self) -> None:
        require_no_fault(self._cloud.faults, self._phase, self._name)
        for variant in self._pending["variants"]:
            self._require_health(variant)
        roles = self._pending.get("roles", {})
        archives = {
            name: read_artifact(self._cloud.s3_as(roles.get(name, "")), uri)
            for name, uri in self._pending["artifacts"].items()
        }
        for name, archive in archives.items():
            self.fleet.load(name, archive, self._pending["artifacts"][name] or "")
        self._wait(AWS_SECONDS[self._phase])
        self.fleet.artifacts = {name: self._cloud.store.put_content(archive) for name, archive in archives.items()}

    def _require_health(self, variant: Variant) -> None:
        if self._cloud.faults.of_start(variant.get("ModelName", "")):
            self._wait(variant.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_CHECK_SECONDS))
            raise DeploymentFailed(ArtifactError("unhealthy").failure_reason(variant["VariantName"]))

    def _activate(self, stage: Stage) -> None:
        self.progress.activating(stage)
        if self._before:
            self._wait(AWS_SECONDS["ActivatingTraffic"])
        if self._watching_since is None:
            self._watching_since = time.monotonic()
        self._shift(stage.share)

    def _shift(self, share: float) -> None:
        self.progress.share = share
        self._traffic.share(self._before, self.fleet, share)

    def _bake(self, stage: Stage) -> None:
        self.progress.baking(stage)
        self._wait(stage.wait)

    def _wait(self, seconds: float) -> None:
        """
        Wait, and look at the alarms all the while, once the new fleet has traffic.

        :param seconds: AWS's
        """
        left = (self._policy.timeout or float("inf")) - self._elapsed
        end = time.monotonic() + self._cloud.pace.seconds(min(seconds, left))
        self._elapsed += seconds
        while (remaining := end - time.monotonic()) > 0:
            self._require_no_alarm()
            time.sleep(min(remaining, LOOK_SECONDS, self._cloud.pace.period(5)))
        self._require_no_alarm()
        if seconds > left:
            raise DeploymentFailed(
                f"The deployment has not completed within {self._policy.timeout} seconds "
                "(MaximumExecutionTimeoutInSeconds). It was rolled back."
            )

    def _require_no_alarm(self) -> None:
        since = self._watching_since
        if since is None or not self._policy.alarms:
            return
        alarms = alarms_of(self._cloud.region)
        tripped = [name for name in self._policy.alarms if name in alarms and alarms[name].has_tripped(since)]
        if tripped:
            raise DeploymentFailed(
                "The deployment was rolled back because the following alarms of its AutoRollbackConfiguration are in "
                f"ALARM state: {', '.join(tripped)}"
            )
