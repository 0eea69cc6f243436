"""Endpoints."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local_aws.sagemaker.deployment import MAX_OPEN_SECONDS, Deployment, DeploymentFailed, RollbackFailed
from local_aws.sagemaker.deployment_policy import policy_of
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.job import JobFailed, require_no_fault
from local_aws.sagemaker.resource import RETRY_SECONDS, Resource, cut_reason, internal_error, now
from local_aws.sagemaker.traffic import Traffic
from local_aws.sagemaker.variants import Variant, describe, desire, give_up, instance_count, reach
from local_aws.store import NotKept


@dataclass
class Endpoint(Resource):
    """
    An endpoint. It loads its models once, in the background, while it is Creating or Updating. It keeps its own copy of
    them, so the configuration, the model and the artifact can be changed or deleted afterwards.
    """

    KIND: ClassVar[str] = "endpoint"
    NAME_MEMBER: ClassVar[str] = "EndpointName"
    SUMMARY: ClassVar[str] = "EndpointSummary"
    MAX_COUNT: ClassVar[int] = 500  # each variant has a process
    LOWER_CASE_ARN: ClassVar[bool] = True
    IN_PROGRESS: ClassVar[frozenset[str]] = frozenset(
        {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
    )

    config_name: str = ""
    variants: list[Variant] = field(default_factory=list)
    """The variants in service, as in the configuration, with their DeployedImages and their changed properties."""
    artifacts: dict[str, str] = field(default_factory=dict)
    """The names of the archives in the store, by variant."""
    pending: dict[str, Any] | None = None
    """
    The deployment in progress: config_name, variants, artifact URIs by variant, deployment_config, started; contents
    (the new fleet's archives in the store); and, once it is rolled back, failure.
    """
    failure_reason: str | None = None
    deployment_config: dict[str, Any] | None = None
    """The most recent one."""
    left_over: dict[str, Any] | None = None
    """The new fleet of an update that was not rolled back completely, and its share of the traffic."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._traffic = Traffic()
        self._deployment: Deployment | None = None
        self.request_count = 0
        """The number of invocations since the local AWS started."""
        self.when_deleted: Callable[[], Any] = lambda: None

    def start(self) -> None:
        """Start the pending deployment."""
        self._in_background(self._deploy)

    def update(self, pending: dict[str, Any]) -> None:
        """Start another deployment. The old fleet answers until the new one has taken over."""
        config = pending["deployment_config"] or self.deployment_config
        self.change(pending=pending, deployment_config=config, failure_reason=None, status="Updating", modified=now())
        self._in_background(self._deploy)

    def change_weights_and_capacities(self, wanted: list[dict[str, Any]]) -> None:
        """Start to change properties of the variants in service."""
        self.change(variants=desire(self.variants, wanted), failure_reason=None, status="Updating", modified=now())
        self._in_background(self._scale)

    def delete(self) -> None:
        """Start the deletion; call `when_deleted` at its end."""
        self.change(status="Deleting", modified=now())
        self._in_background(self._delete)

    def resume(self) -> None:
        if self.status == "Deleting":
            self._in_background(self._delete)
            return
        try:
            self._load_fleets()
        except Exception as error:
            self._traffic.set([])
            self.failure_reason = internal_error(repr(error))
            self._set_status("Failed")
            return
        if self.pending is not None:
            self._in_background(self._deploy)
        elif self.status == "Updating":
            self._in_background(self._scale)

    def contents(self) -> list[str]:
        left_over = self.left_over["artifacts"].values() if self.left_over else ()
        pending = self.pending.get("contents", ()) if self.pending else ()
        return [name for name in (*self.artifacts.values(), *left_over, *pending) if name]

    def facts(self) -> dict[str, Any]:
        return super().facts() | {
            "EndpointArn": self.arn,
            "EndpointConfigName": self.config_name or (self.pending or {}).get("config_name"),
            "EndpointStatus": self.status,
            "FailureReason": cut_reason(self.failure_reason),
            "ProductionVariants": [self._describe_variant(variant) for variant in self.variants] or None,
            "PendingDeploymentSummary": self._describe_deployment(),
            "LastDeploymentConfig": self.deployment_config,
        }

    def invoke(
        self, variant: str | None, body: bytes, content_type: str, accept: str, received: float
    ) -> tuple[str, str, str]:
        """
        Return the body of the container's answer, its content type, and the variant that answered.

        :param received: when the request came, in the seconds of `time.perf_counter`
        :raises ValidationException: there is no such variant, or the endpoint is not in service yet
        :raises ContainerError: the container refuses the request, or fails
        """
        with self._traffic.open(variant) as chosen:
            if chosen is None:
                raise ValidationException(self._not_found(variant))
            self.request_count += 1
            fleet, name = chosen
            return *fleet.answer(name, body, content_type, accept, received), name

    def _not_found(self, variant: str | None) -> str:
        if self._traffic.routes:
            return f"Variant {variant} not found for Endpoint {self.name}"
        return f"Endpoint {self.name} of account {self.cloud.account_id} not found."

    # Deployments

    def _deploy(self) -> None:
        assert self.pending is not None
        if "failure" in self.pending:  # before a restart
            self._end_rollback(self.pending["failure"])
            return
        policy = policy_of(self.pending.get("deployment_config"), self.pending["variants"])
        phase = "Updating" if self._traffic.routes else "Creating"
        deployment = Deployment(self.cloud, self.name, self._traffic, self.pending, policy, phase)
        self._deployment = deployment
        try:
            deployment.start_fleet()
            self._keep_contents(deployment)
            deployment.shift_traffic()
            self._take_over(deployment)
        except DeploymentFailed as failure:
            self._roll_back(deployment, str(failure))
        finally:
            self._deployment = None

    def _keep_contents(self, deployment: Deployment) -> None:
        """Let the store know that the new fleet's archives are needed."""
        with self._lock:
            self.pending = {**(self.pending or {}), "contents": list(deployment.fleet.artifacts.values())}
            self.save_or_retry()

    def _take_over(self, deployment: Deployment) -> None:
        """The new fleet has all traffic."""
        deployment.end_old_fleets()
        with self._lock:
            fleet = deployment.fleet
            self.variants, self.artifacts, self.config_name = fleet.variants, fleet.artifacts, fleet.config_name
            self.pending = self.left_over = None
            self._set_status("InService")

    def _roll_back(self, deployment: Deployment, reason: str) -> None:
        if not self.variants:  # there is nothing to go back to
            self._end_rollback(reason, "Failed")
            return
        with self._lock:
            self.failure_reason, self.pending = reason, {**(self.pending or {}), "failure": reason}
            self._set_status("RollingBack")
        try:
            deployment.roll_back()
        except RollbackFailed as failure:
            if share := deployment.progress.share:
                self.left_over = {**deployment.fleet.document(), "share": share}
            self._end_rollback(str(failure), "UpdateRollbackFailed")
        else:
            self._end_rollback(reason)

    def _end_rollback(self, reason: str, status: str = "InService") -> None:
        with self._lock:
            self.failure_reason, self.pending = reason, None
            self._set_status(status)

    def _load_fleets(self) -> None:
        """Load what was in service before a restart."""
        if not self.variants:
            return
        kept = {"config_name": self.config_name, "variants": self.variants, "artifacts": self.artifacts}
        base = [(self._load(kept), 1.0)]
        self._traffic.set(base)
        if self.left_over is not None:
            self._traffic.share(base, self._load(self.left_over), self.left_over["share"])

    def _load(self, kept: dict[str, Any]) -> Fleet:
        fleet = Fleet(self.cloud, self.name, kept["config_name"], kept["variants"], kept["artifacts"])
        for variant, content in fleet.artifacts.items():
            fleet.load(variant, self.cloud.store.content(content))
        return fleet

    # Weights and capacities

    def _scale(self) -> None:
        failure = None
        try:
            require_no_fault(self.cloud.faults, "Updating", self.name)
            self.cloud.pace.wait("Updating")
            variants = reach(self.variants)
        except JobFailed as error:
            failure = str(error)
            self._set_status("RollingBack")
            self.cloud.pace.wait("RollingBack")
            variants = give_up(self.variants)
        with self._lock:
            self.variants, self.failure_reason = variants, failure
            self._traffic.routes[0][0].variants = variants
            self._set_status("InService")

    # What DescribeEndpoint shows

    def _describe_variant(self, variant: Variant) -> dict[str, Any]:
        deployment = self._deployment
        if deployment is not None:
            return deployment.progress.describe_old(variant)
        wanted = variant.get("DesiredInstanceCount", instance_count(variant))
        if self.status != "Updating" or self.pending is not None or wanted == instance_count(variant):
            return describe(variant)
        message = f"Scaling {'out' if wanted > instance_count(variant) else 'in'} desired instance count to {wanted}."
        return describe(variant, {"Status": "Updating", "StatusMessage": message, "StartTime": self.modified})

    def _describe_deployment(self) -> dict[str, Any] | None:
        deployment = self._deployment
        return deployment.progress.describe() if deployment is not None and self.pending is not None else None

    def _delete(self) -> None:
        self.cloud.pace.wait("Deleting")
        while True:
            try:
                self.when_deleted()
                break
            except NotKept:
                time.sleep(RETRY_SECONDS)
        fleets = [fleet for fleet, _ in self._traffic.routes]
        self._traffic.wait_until_idle(fleets, MAX_OPEN_SECONDS)

    def _set_status(self, status: str) -> None:
        with self._lock:
            self.status, self.modified = status, now()
            self.save_or_retry()

    def _in_background(self, work: Callable[..., Any]) -> None:
        threading.Thread(target=work, daemon=True, name=f"endpoint-{self.name}").start()
