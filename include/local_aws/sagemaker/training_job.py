"""A training job: what is known of it, and the rules by which that changes. `training_run` does its work."""

import math
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from include.local_aws.sagemaker.phases import JobFailed, JobStopped
from include.local_aws.sagemaker.resource import Resource, internal_error, now
from include.local_aws.sagemaker.training_run import TrainingRun, artifact_uri

METRICS_NAMESPACE = "/aws/sagemaker/TrainingJobs"


@dataclass
class TrainingJob(Resource):
    """One job, from creation on."""

    KIND: ClassVar[str] = "training-job"
    NAME_MEMBER: ClassVar[str] = "TrainingJobName"
    SUMMARY: ClassVar[str] = "TrainingJobSummary"

    secondary_status: str = "Starting"
    transitions: list[dict[str, Any]] = field(default_factory=list)
    started: datetime | None = None
    ended: datetime | None = None
    failure_reason: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    validation_accuracies: dict[str, float] = field(default_factory=dict)
    """By epoch, where early stopping is on: what the page at /_local/ shows."""
    tuning_job_arn: str | None = None

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._run = TrainingRun(self.cloud, self.name, self.created, self.request, self)
        self._thread: threading.Thread | None = None
        self.done = threading.Event()
        """Set when the job's status is final."""
        if self.status not in {"InProgress", "Stopping"}:
            self.done.set()

    def start(self) -> None:
        """Begin; the job's thread takes it to its end."""
        self.enter("Starting", "Starting the training job")
        self._thread = threading.Thread(target=self._work, daemon=True, name=f"training-{self.name}")
        self._thread.start()

    def resume(self) -> None:
        if self.status in {"InProgress", "Stopping"}:
            self._fail(internal_error("The local AWS ended while the job was running. Please try again."))

    def stop(self) -> None:
        """Ask the job to stop, if it is in progress: it passes through Stopping."""
        with self._lock:
            if self.status != "InProgress":
                return
            self.status = "Stopping"
            self.enter("Stopping", "Stopping the training job")
        self._run.stop()

    def abandon(self) -> None:
        """Leave nothing running; the job's state no longer matters."""
        self._run.kill()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def facts(self) -> dict[str, Any]:
        facts = super().facts() | {
            "TrainingJobArn": self.arn,
            "TuningJobArn": self.tuning_job_arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary_status,
            "SecondaryStatusTransitions": self.transitions,
            "TrainingStartTime": self.started,
            "TrainingEndTime": self.ended,
            # Where it will be, from the beginning on: the member is required, and must be a URI.
            "ModelArtifacts": {"S3ModelArtifacts": artifact_uri(self.request)},
            "FailureReason": self.failure_reason and self.failure_reason[:1024],
        }
        for switch in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"):
            facts.setdefault(switch, False)
        if self.started and self.ended:
            seconds = math.ceil((self.ended - self.started).total_seconds())
            facts["TrainingTimeInSeconds"] = facts["BillableTimeInSeconds"] = max(1, seconds)
        if self.metrics:
            facts["FinalMetricDataList"] = [
                {"MetricName": name, "Value": value, "Timestamp": self.ended or self.modified}
                for name, value in self.metrics.items()
            ]
        return facts

    # What the run reports

    def enter(self, secondary_status: str, message: str) -> None:
        """Another phase, or another message in the same one."""
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
            self.save()

    def note_metric(self, name: str, value: float) -> None:
        self.metrics[name] = value
        self.cloud.put_metrics(METRICS_NAMESPACE, {"TrainingJobName": self.name}, {name: (value, "None")})

    def note_validation_accuracy(self, epoch: int, accuracy: float) -> None:
        self.validation_accuracies[str(epoch)] = accuracy
        self.save()

    def _work(self) -> None:
        try:
            self._run.run()
            with self._lock:
                if self.status == "Stopping":
                    raise JobStopped("Stopped", "Training job stopped")
                self._finish("Completed", "Completed", "Training job completed")
        except JobStopped as stopped:
            self._finish("Stopped", stopped.secondary_status, str(stopped))
        except JobFailed as failure:
            self._fail(str(failure))
        except Exception as error:
            self._fail(internal_error(repr(error)))

    def _fail(self, reason: str) -> None:
        self.failure_reason = reason
        self._finish("Failed", "Failed", "Training job failed")

    def _finish(self, status: str, secondary_status: str, message: str) -> None:
        with self._lock:
            if self.started:
                self.ended = now()
            self.status = status
            self.enter(secondary_status, message)
        self.done.set()
