"""The containers that serve one endpoint configuration of an endpoint."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from local_aws.blazingtext.inference import ContainerError, Predictor
from local_aws.cloud import ENDPOINT_LOGS, Cloud
from local_aws.faults import NO_ANSWER, Fault
from local_aws.sagemaker.artifact import ArtifactError, open_artifact
from local_aws.sagemaker.variants import Variant, weight

METRICS_NAMESPACE = "AWS/SageMaker"
ANSWER_SECONDS = 60
"""A container that has not answered by then has failed: AWS's limit, in its seconds."""
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


def log_group(endpoint_name: str) -> str:
    """The log group of an endpoint's container."""
    return f"{ENDPOINT_LOGS}{endpoint_name}"


@dataclass(eq=False)
class Fleet:
    """
    The variants of a configuration, each with a loaded model. It keeps its own copies of the models, so the
    configuration, the model and the artifact can be changed or deleted afterwards.
    """

    cloud: Cloud
    endpoint_name: str
    config_name: str
    variants: list[Variant]
    """With weights and capacities. They are replaced as a whole."""
    artifacts: dict[str, str]
    """The names of the archives in the store, by variant."""
    predictors: dict[str, Predictor] = field(default_factory=dict)
    open_requests: int = 0

    def document(self) -> dict[str, Any]:
        """What the store needs to load the fleet again."""
        return {"config_name": self.config_name, "variants": self.variants, "artifacts": self.artifacts}

    def load(self, variant: str, archive: bytes, uri: str = "") -> None:
        """
        Start a variant's container.

        :raises ArtifactError: BlazingText does not serve the archive; the message is a FailureReason
        """
        log = self.cloud.log_stream(log_group(self.endpoint_name), f"{variant}/i-{uuid.uuid4().hex[:17]}")
        log.write(["Arguments: serve"])
        try:
            self.predictors[variant] = open_artifact(archive, uri, self.cloud.store.scratch)
        except ArtifactError as error:
            log.write([str(error)])
            raise ArtifactError(error.failure_reason(variant)) from error
        log.write(["Number of server workers: 1", "Loaded model.bin"])

    def weights(self) -> dict[str, float]:
        """Of the variants, by name."""
        return {variant["VariantName"]: weight(variant) for variant in self.variants}

    def answer(self, variant: str, body: bytes, content_type: str, accept: str, received: float) -> tuple[str, str]:
        """
        Return the body of the container's answer and its content type.

        :param received: when the request came, in the seconds of `time.perf_counter`
        :raises ContainerError: the container refuses the request, or fails
        """
        started = time.perf_counter()
        status = 200
        try:
            self._suffer(self.cloud.faults.of_invocation(self._model_of(variant)))
            return self.predictors[variant].answer(body, content_type, accept)
        except ContainerError as error:
            status = error.status
            raise
        finally:
            ended = time.perf_counter()
            self._publish(variant, status, model=ended - started, overhead=started - received)

    def _model_of(self, variant: str) -> str:
        names: list[str] = [one.get("ModelName", "") for one in self.variants if one["VariantName"] == variant]
        return names[0]

    def _suffer(self, fault: Fault | None) -> None:
        if fault is None:
            return
        time.sleep(fault.delay_seconds)
        if fault.error == NO_ANSWER:
            time.sleep(self.cloud.pace.seconds(ANSWER_SECONDS))
            raise ContainerError(0, TIMED_OUT)
        if fault.error:
            raise ContainerError(int(fault.error), fault.message or f"Fault {fault.id} was ordered for this model.")

    def _publish(self, variant: str, status: int, model: float, overhead: float) -> None:
        """
        Once for the variant, and once for the variant of this configuration.

        https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation
        https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html

        :param model: seconds that the container took
        :param overhead: seconds that it took to reach the container
        """
        dimensions = {"EndpointName": self.endpoint_name, "VariantName": variant}
        values = {
            "Invocations": (1.0, "Count"),
            "ModelLatency": (model * 1e6, "Microseconds"),
            "OverheadLatency": (overhead * 1e6, "Microseconds"),
            "Invocation4XXErrors": (float(400 <= status < 500), "Count"),
            "Invocation5XXErrors": (float(status >= 500 or status == 0), "Count"),
        }
        self.cloud.put_metrics(METRICS_NAMESPACE, dimensions, values)
        self.cloud.put_metrics(METRICS_NAMESPACE, dimensions | {"EndpointConfigName": self.config_name}, values)
