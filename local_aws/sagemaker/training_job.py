"""A training job: its state and how it changes. `training_run` does the training."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local_aws.sagemaker.job import Job, JobStopped
from local_aws.sagemaker.resource import now
from local_aws.sagemaker.training_run import TRAINING_JOBS, TrainingRun, artifact_uri

METRIC_DEFINITIONS = [
    {"Name": f"{channel}:accuracy", "Regex": rf"#{channel}_accuracy: (\S+)"} for channel in ("train", "validation")
]
"""AWS describes those of its own algorithms, although no request names them."""
SPOT_PRICE = 0.3
"""Of the price on demand: AWS bills so much less time of a training on spot instances."""
SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
"""Members of requests that AWS describes as False where the request had none."""


def describe_channels(channels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The channels of a request with the members that AWS describes where the request had none."""
    return [{"CompressionType": "None", "RecordWrapperType": "None", **channel} for channel in channels]


@dataclass
class TrainingJob(Job):
    """A training job."""

    KIND: ClassVar[str] = "training-job"
    NAME_MEMBER: ClassVar[str] = "TrainingJobName"
    SUMMARY: ClassVar[str] = "TrainingJobSummary"

    secondary_status: str = "Starting"
    transitions: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    validation_accuracies: dict[str, float] = field(default_factory=dict)
    """By epoch, if early stopping is on. The page shows them."""
    tuning_job_arn: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._training_run = TrainingRun(self.cloud, self.name, self.created, self.request, self, self._stop_requested)

    def start(self) -> None:
        self.enter("Starting", "Starting the training job")
        super().start()

    def stop(self) -> bool:
        with self._lock:
            if not super().stop():
                return False
            self.enter("Stopping", "Stopping the training job")
        self._training_run.stop()
        return True

    def abandon(self) -> None:
        self._training_run.kill()
        super().abandon()

    def end(self, status: str, failure_reason: str | None = None) -> None:
        self._end(status, status, f"Training job {status.lower()}", failure_reason)

    def end_stopped(self, stopped: JobStopped) -> None:
        self._end("Stopped", stopped.secondary_status, str(stopped) or "Training job stopped")

    def facts(self) -> dict[str, Any]:
        facts = super().facts() | {
            "TrainingJobArn": self.arn,
            "AlgorithmSpecification": {
                "MetricDefinitions": METRIC_DEFINITIONS,
                **self.request["AlgorithmSpecification"],
            },
            # AWS gives these where the request had none, and the SageMaker SDK 2.x reads them.
            "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **self.request["OutputDataConfig"]},
            "InputDataConfig": describe_channels(self.request.get("InputDataConfig", [])),
            "TuningJobArn": self.tuning_job_arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary_status,
            "SecondaryStatusTransitions": self.transitions,
            "TrainingStartTime": self.started,
            "TrainingEndTime": self.ended,
            # The service model requires this member, so it is there before the artifact is.
            "ModelArtifacts": {"S3ModelArtifacts": artifact_uri(self.request)},
        }
        for switch in SWITCHES:
            facts.setdefault(switch, False)
        if self.started and self.ended:
            seconds = max(1, math.ceil((self.ended - self.started).total_seconds()))
            share = SPOT_PRICE if self.request.get("EnableManagedSpotTraining") else 1
            facts |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": math.ceil(seconds * share)}
        if self.metrics:
            facts["FinalMetricDataList"] = [
                {"MetricName": name, "Value": value, "Timestamp": self.ended or self.modified}
                for name, value in self.metrics.items()
            ]
        return facts

    # Called by the training run

    def enter(self, secondary_status: str, message: str) -> None:
        """Enter another phase, or set another message in the same one."""
        with self._lock:
            time = now()
            if self.transitions and self.transitions[-1]["Status"] == secondary_status:
                self.transitions = [*self.transitions[:-1], self.transitions[-1] | {"StatusMessage": message}]
            else:
                ended = [*self.transitions[:-1], self.transitions[-1] | {"EndTime": time}] if self.transitions else []
                transition = {"Status": secondary_status, "StartTime": time, "StatusMessage": message}
                self.transitions = [*ended, transition]
            self.secondary_status, self.modified = secondary_status, time
            if secondary_status == "Downloading":
                self.started = time
            self.save_or_retry()

    def note_metric(self, name: str, value: float) -> None:
        self.metrics = {**self.metrics, name: value}  # a new dictionary: another thread may be reading the old one
        self.cloud.put_metrics(TRAINING_JOBS, {"TrainingJobName": self.name}, {name: (value, "None")})

    def note_validation_accuracy(self, epoch: int, accuracy: float) -> None:
        self.validation_accuracies = {**self.validation_accuracies, str(epoch): accuracy}
        self.save_or_retry()

    def _run(self) -> None:
        self._training_run.run()

    def _end(self, status: str, secondary_status: str, message: str, failure_reason: str | None = None) -> None:
        with self._lock:
            if self.started:
                self.ended = now()
            self.status, self.failure_reason = status, failure_reason
            self.enter(secondary_status, message)
        self.done.set()
