"""Models, endpoint configurations and endpoints."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local_aws.blazingtext.inference import ContainerError, Predictor
from local_aws.cloud import ENDPOINT_LOGS
from local_aws.sagemaker.artifact import ArtifactError, open_artifact, read_artifact
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.job import JobFailed, require_no_fault
from local_aws.sagemaker.resource import RETRY_SECONDS, Resource, cut_reason, internal_error, now
from local_aws.store import NotKept

METRICS_NAMESPACE = "AWS/SageMaker"
DEFAULT_WEIGHT = 1.0


def log_group(endpoint_name: str) -> str:
    """The log group of an endpoint's container."""
    return f"{ENDPOINT_LOGS}{endpoint_name}"


@dataclass
class Model(Resource):
    """A model: its container and its artifact."""

    KIND: ClassVar[str] = "model"
    NAME_MEMBER: ClassVar[str] = "ModelName"
    SUMMARY: ClassVar[str] = "ModelSummary"
    LOWER_CASE_ARN: ClassVar[bool] = True

    @property
    def container(self) -> dict[str, Any]:
        """The primary container."""
        container: dict[str, Any] = self.request.get("PrimaryContainer") or self.request["Containers"][0]
        return container

    def facts(self) -> dict[str, Any]:
        container = {"Mode": "SingleModel", "Environment": {}, **self.container}  # as AWS describes it
        member = {"PrimaryContainer": container} if "PrimaryContainer" in self.request else {"Containers": [container]}
        return {"EnableNetworkIsolation": False, **super().facts(), **member, "ModelArn": self.arn}


@dataclass
class EndpointConfig(Resource):
    """An endpoint configuration."""

    KIND: ClassVar[str] = "endpoint-config"
    NAME_MEMBER: ClassVar[str] = "EndpointConfigName"
    SUMMARY: ClassVar[str] = "EndpointConfigSummary"
    LOWER_CASE_ARN: ClassVar[bool] = True

    @property
    def variants(self) -> list[dict[str, Any]]:
        variants: list[dict[str, Any]] = self.request["ProductionVariants"]
        return variants

    def facts(self) -> dict[str, Any]:
        variants = [{"InitialVariantWeight": DEFAULT_WEIGHT, **variant} for variant in self.variants]
        return super().facts() | {"EndpointConfigArn": self.arn, "ProductionVariants": variants}


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
    variants: list[dict[str, Any]] = field(default_factory=list)
    """The variants in service, as in the configuration, and their DeployedImages."""
    artifacts: dict[str, str] = field(default_factory=dict)
    """The names of the archives in the store, by variant."""
    pending: dict[str, Any] | None = None
    """The deployment in progress: config_name, variants, and artifact URIs by variant."""
    failure_reason: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._predictors: dict[str, Predictor] = {}
        self._random = random.Random()
        self.request_count = 0
        """The number of invocations since the local AWS started."""
        self.when_deleted: Callable[[], Any] = lambda: None

    def start(self) -> None:
        """Start the pending deployment."""
        self._in_background(self._deploy)

    def update(self, pending: dict[str, Any]) -> None:
        """Start another deployment. The old variants answer until it is in service."""
        self.change(pending=pending, status="Updating", modified=now())
        self._in_background(self._deploy)

    def delete(self) -> None:
        """Start the deletion; call `when_deleted` at its end."""
        self.change(status="Deleting", modified=now())
        self._in_background(self._delete)

    def resume(self) -> None:
        if self.status == "Deleting":
            self._in_background(self._delete)
            return
        try:
            for variant, content in self.artifacts.items():
                self._predictors[variant] = self._load(variant, "", self.cloud.store.content(content))
        except Exception as error:
            self._predictors, self.failure_reason = {}, internal_error(repr(error))
            self._set_status("Failed")
            return
        if self.pending is not None:
            self._in_background(self._deploy)

    def contents(self) -> list[str]:
        return [name for name in self.artifacts.values() if name]

    def facts(self) -> dict[str, Any]:
        return super().facts() | {
            "EndpointArn": self.arn,
            "EndpointConfigName": self.config_name or (self.pending or {}).get("config_name"),
            "EndpointStatus": self.status,
            "FailureReason": cut_reason(self.failure_reason),
            "ProductionVariants": [_describe_variant(variant) for variant in self.variants] or None,
        }

    def invoke(self, variant: str | None, body: bytes, content_type: str, accept: str) -> tuple[str, str, str]:
        """
        Return the body of the container's answer, its content type, and the variant that answered.

        :raises ValidationException: there is no such variant, or the endpoint is not in service yet
        :raises ContainerError: the container refuses the request
        """
        predictors, variants = self._predictors, self.variants
        if not predictors:
            raise ValidationException(f"Endpoint {self.name} of account {self.cloud.account_id} not found.")
        if variant is None:
            weights = [entry.get("InitialVariantWeight", DEFAULT_WEIGHT) for entry in variants]
            variant = self._random.choices([entry["VariantName"] for entry in variants], weights)[0]
        if variant not in predictors:
            raise ValidationException(f"Variant {variant} not found for Endpoint {self.name}")
        started = time.perf_counter()
        status = 200
        try:
            answer, answered_type = predictors[variant].answer(body, content_type, accept)
        except ContainerError as error:
            status = error.status
            raise
        finally:
            self._count(variant, status, time.perf_counter() - started)
        return answer, answered_type, variant

    def _count(self, variant: str, status: int, seconds: float) -> None:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation"""
        self.request_count += 1
        self.cloud.put_metrics(
            METRICS_NAMESPACE,
            {"EndpointName": self.name, "VariantName": variant},
            {
                "Invocations": (1.0, "Count"),
                "ModelLatency": (seconds * 1e6, "Microseconds"),
                "Invocation4XXErrors": (float(400 <= status < 500), "Count"),
                "Invocation5XXErrors": (float(status >= 500), "Count"),
            },
        )

    def _deploy(self) -> None:
        phase = str(self.status)
        try:
            self._load_pending(phase)
        except (JobFailed, ArtifactError) as error:
            self._give_up(phase, str(error))
        except Exception as error:
            self._give_up(phase, internal_error(repr(error)))

    def _load_pending(self, phase: str) -> None:
        assert self.pending is not None
        pending = self.pending
        require_no_fault(self.cloud.faults, phase, self.name)
        archives = {variant: read_artifact(self.cloud.s3, uri) for variant, uri in pending["artifacts"].items()}
        predictors = {
            variant: self._load(variant, pending["artifacts"][variant], archive)
            for variant, archive in archives.items()
        }
        self.cloud.pace.wait(phase)
        artifacts = {variant: self.cloud.store.put_content(archive) for variant, archive in archives.items()}
        with self._lock:
            self._predictors, self.variants, self.artifacts = predictors, pending["variants"], artifacts
            self.config_name, self.failure_reason, self.pending = pending["config_name"], None, None
            self._set_status("InService")

    def _give_up(self, phase: str, reason: str) -> None:
        self.cloud.pace.wait(phase)
        self.failure_reason, self.pending = reason, None
        # A failed update is rolled back: the old variants stay in service.
        self._set_status("InService" if self._predictors else "Failed")

    def _load(self, variant: str, uri: str | None, archive: bytes) -> Predictor:
        log = self.cloud.log_stream(log_group(self.name), f"{variant}/i-{uuid.uuid4().hex[:17]}")
        log.write(["Arguments: serve"])
        try:
            predictor = open_artifact(archive, uri or "", self.cloud.store.scratch)
        except ArtifactError as error:
            log.write([str(error)])
            raise ArtifactError(error.failure_reason(variant)) from error
        log.write(["Number of server workers: 1", "Loaded model.bin"])
        return predictor

    def _delete(self) -> None:
        self.cloud.pace.wait("Deleting")
        while True:
            try:
                self.when_deleted()
                return
            except NotKept:
                time.sleep(RETRY_SECONDS)

    def _set_status(self, status: str) -> None:
        with self._lock:
            self.status, self.modified = status, now()
            self.save_or_retry()

    def _in_background(self, work: Callable[..., Any]) -> None:
        threading.Thread(target=work, daemon=True, name=f"endpoint-{self.name}").start()


def _describe_variant(variant: dict[str, Any]) -> dict[str, Any]:
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": variant.get("DeployedImages", []),
        "CurrentInstanceCount": variant.get("InitialInstanceCount", 1),
        "DesiredInstanceCount": variant.get("InitialInstanceCount", 1),
        "CurrentWeight": variant.get("InitialVariantWeight", DEFAULT_WEIGHT),
        "DesiredWeight": variant.get("InitialVariantWeight", DEFAULT_WEIGHT),
    }
