"""A training job: a thread that takes it through SageMaker's phases, and a process that really trains."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.local_aws.cloud import S3, LogStream, NoSuchObject, split_uri
from include.local_aws.pace import Pace

REPOSITORY = Path(__file__).parents[3]
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SECONDS_TO_STOP = 120
"""SageMaker sends SIGTERM and leaves a container this long."""
MODEL_COMPRESSION_LEVEL = 1


class JobFailed(Exception):
    """The job ends as Failed; the message is its FailureReason."""


class _Stopped(Exception):
    """The job ends as Stopped, for the secondary status and with the message given."""

    def __init__(self, secondary_status: str, message: str):
        super().__init__(message)
        self.secondary_status = secondary_status


class TrainingJob:
    """One job, from creation on; `describe` is DescribeTrainingJob's answer."""

    def __init__(self, request: dict[str, Any], arn: str, account_id: str, region: str, pace: Pace):
        self.name: str = request["TrainingJobName"]
        self.arn = arn
        self.tags: list[dict[str, str]] = request.get("Tags", [])
        self.created = datetime.now(UTC)
        self.modified = self.created
        self.status = "InProgress"
        self.secondary_status = "Starting"
        self._request = request
        self._s3 = S3(account_id)
        self._account_id, self._region, self._pace = account_id, region, pace
        self._transitions: list[dict[str, Any]] = []
        self._times: dict[str, datetime] = {}
        self._failure_reason: str | None = None
        self._artifact: str | None = None
        self._metrics: dict[str, float] = {}
        self._stop_requested = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._enter("Starting", "Starting the training job")
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"training-{self.name}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> str:
        """Ask the job to stop, if it is in progress: it passes through Stopping. Returns the status it was in."""
        with self._lock:
            before = self.status
            if before == "InProgress":
                self.status = "Stopping"
                self._enter("Stopping", "Stopping the training job")
                self._stop_requested.set()
        if before == "InProgress":
            self._signal(signal.SIGTERM)
        return before

    def abandon(self) -> None:
        """Leave nothing running; the job's state no longer matters."""
        self._stop_requested.set()
        self._signal(signal.SIGKILL)
        self._thread.join(timeout=10)

    def describe(self) -> dict[str, Any]:
        copied = (
            "TrainingJobName", "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig",
            "OutputDataConfig", "ResourceConfig", "VpcConfig", "StoppingCondition", "Environment", "RetryStrategy",
        )  # fmt: skip
        answer = {key: self._request[key] for key in copied if key in self._request}
        answer |= {
            "TrainingJobArn": self.arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary_status,
            "SecondaryStatusTransitions": self._transitions,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "ModelArtifacts": {"S3ModelArtifacts": self._artifact or ""},
            "EnableNetworkIsolation": self._request.get("EnableNetworkIsolation", False),
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
            **self._times,
        }
        if self._failure_reason:
            answer["FailureReason"] = self._failure_reason[:1024]
        if "TrainingStartTime" in self._times and "TrainingEndTime" in self._times:
            took = self._times["TrainingEndTime"] - self._times["TrainingStartTime"]
            answer["TrainingTimeInSeconds"] = answer["BillableTimeInSeconds"] = math.ceil(took.total_seconds())
        if self._metrics:
            answer["FinalMetricDataList"] = [
                {"MetricName": name, "Value": value, "Timestamp": self.modified}
                for name, value in self._metrics.items()
            ]
        return answer

    def summarize(self) -> dict[str, Any]:
        """The job's entry in ListTrainingJobs."""
        times = {key: value for key, value in self._times.items() if key == "TrainingEndTime"}
        return {
            "TrainingJobName": self.name, "TrainingJobArn": self.arn, "CreationTime": self.created,
            "LastModifiedTime": self.modified, "TrainingJobStatus": self.status, **times,
        }  # fmt: skip

    def _enter(self, secondary_status: str, message: str) -> None:
        now = datetime.now(UTC)
        if self._transitions:
            self._transitions[-1]["EndTime"] = now
        transition = {"Status": secondary_status, "StartTime": now, "StatusMessage": message}
        self._transitions = [*self._transitions, transition]
        self.secondary_status, self.modified = secondary_status, now

    def _say(self, message: str) -> None:
        """Another message within the same phase."""
        self._transitions[-1]["StatusMessage"] = message

    def _run(self) -> None:
        try:
            self._train()
            with self._lock:
                stopping = self.status == "Stopping"
                if not stopping:
                    self._finish("Completed", "Completed", "Training job completed")
            if stopping:
                self._raise_stopped()
        except _Stopped as stopped:
            self._finish("Stopped", stopped.secondary_status, str(stopped))
        except JobFailed as failure:
            self._failure_reason = str(failure)
            self._finish("Failed", "Failed", "Training job failed")
        except Exception as error:
            self._failure_reason = f"InternalServerError: We encountered an internal error: {error!r}"
            self._finish("Failed", "Failed", "Training job failed")

    def _finish(self, status: str, secondary_status: str, message: str) -> None:
        if "TrainingStartTime" in self._times:
            self._times["TrainingEndTime"] = datetime.now(UTC)
        self._enter(secondary_status, message)
        self.status = status

    def _train(self) -> None:
        self._pass_phase("Starting", 0.2)
        self._say("Launching requested ML instances")
        self._pass_phase("Starting", 0.5)
        self._say("Preparing the instances for training")
        self._pass_phase("Starting", 0.3)
        with TemporaryDirectory(prefix="training-job-") as folder:
            root = Path(folder)
            self._times["TrainingStartTime"] = datetime.now(UTC)
            self._enter("Downloading", "Downloading input data")
            self._download(root)
            self._pass_phase("Downloading")
            self._enter("Training", "Training image download completed. Training in progress.")
            self._run_container(root)
            self._enter("Uploading", "Uploading generated training model")
            self._upload(root)
            self._pass_phase("Uploading")

    def _pass_phase(self, phase: str, share: float = 1.0) -> None:
        if Pace(self._pace.factor * share).wait(phase, self._stop_requested):
            self._raise_stopped()

    def _raise_stopped(self) -> None:
        self._pace.wait("Stopping")
        raise _Stopped("Stopped", "Training job stopped")

    def _download(self, root: Path) -> None:
        config = root / "input" / "config"
        config.mkdir(parents=True)
        (config / "hyperparameters.json").write_text(json.dumps(self._request.get("HyperParameters", {})))
        for channel in self._request.get("InputDataConfig", []):
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            bucket, prefix = split_uri(uri)
            folder = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/"
            for key in self._s3.list_keys(bucket, prefix):
                if key.endswith("/"):
                    continue
                target = root / "input" / "data" / channel["ChannelName"] / key.removeprefix(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._s3.read(bucket, key))

    def _run_container(self, root: Path) -> None:
        deadline = time.monotonic() + self._request["StoppingCondition"].get("MaxRuntimeInSeconds", 86400)
        log = LogStream(
            self._account_id, self._region, LOG_GROUP, f"{self.name}/algo-1-{int(self.created.timestamp())}"
        )
        command = [sys.executable, "-m", "include.local_aws.blazingtext", str(root)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self._process = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        if self._stop_requested.is_set():  # the request came before there was a process to signal
            self._signal(signal.SIGTERM)
        overtime = threading.Timer(max(0, deadline - time.monotonic()), self._signal, [signal.SIGTERM])
        overtime.start()
        with self._process, ExitStack() as stack:
            stack.callback(overtime.cancel)
            assert self._process.stdout is not None
            lines = []
            for line in self._process.stdout:
                lines.append(line.rstrip("\n"))
                log.write(lines[-1:])
                self._note_metric(lines[-1])
        if self._stop_requested.is_set():
            self._raise_stopped()
        if time.monotonic() >= deadline:
            raise _Stopped("MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds")
        if self._process.returncode:
            failure = root / "output" / "failure"
            raise JobFailed(failure.read_text() if failure.exists() else _crash(self._process.returncode, lines))

    def _note_metric(self, line: str) -> None:
        for channel in ("train", "validation"):
            if line.startswith(f"#{channel}_accuracy: "):
                self._metrics[f"{channel}:accuracy"] = float(line.partition(": ")[2])

    def _upload(self, root: Path) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=MODEL_COMPRESSION_LEVEL) as tar:
            for file in sorted((root / "model").iterdir()):
                tar.add(file, arcname=file.name)
        output = self._request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        uri = f"{output}/{self.name}/output/model.tar.gz"
        try:
            self._s3.write(*split_uri(uri), archive.getvalue())
        except NoSuchObject as error:
            raise JobFailed(f"ClientError: Artifact upload failed: the bucket of {error} does not exist") from None
        self._artifact = uri

    def _signal(self, number: int) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        if number == signal.SIGTERM:
            killer = threading.Timer(SECONDS_TO_STOP, self._signal, [signal.SIGKILL])
            killer.daemon = True
            killer.start()


def _crash(exit_status: int, lines: list[str]) -> str:
    return f"AlgorithmError: the training container ended with exit code {exit_status}: {' '.join(lines[-5:])}"
