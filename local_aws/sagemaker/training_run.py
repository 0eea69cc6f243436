"""The work of a training job: download the channels from S3, run the container as a process, upload the artifact."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from isal import igzip

from local_aws.cloud import Cloud, NoSuchObject, split_uri
from local_aws.sagemaker.job import JobFailed, JobStopped, require_no_fault

REPOSITORY = Path(__file__).parents[2]
TRAINING_JOBS = "/aws/sagemaker/TrainingJobs"
"""The log group and the metrics namespace of training jobs."""
SECONDS_TO_STOP = 120
"""SageMaker sends SIGTERM, and SIGKILL after this time."""
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
MAX_RUNTIME, MAX_WAIT = "MaxRuntimeInSeconds", "MaxWaitTimeInSeconds"
SECONDARY_STATUS = {MAX_RUNTIME: "MaxRuntimeExceeded", MAX_WAIT: "MaxWaitTimeExceeded"}
"""Of a job that was stopped, by the limit that it has reached."""
MODEL_COMPRESSION_LEVEL = 1

_FINAL_METRIC = re.compile(r"#(train|validation)_accuracy: (\S+)")
_END_OF_EPOCH = re.compile(r"-+ End of epoch: (\d+)")
_VALIDATION_ACCURACY = re.compile(r"Validation accuracy: (\S+)")


class Listener(Protocol):
    """Is told about the progress of a run."""

    def enter(self, secondary_status: str, message: str) -> None: ...
    def note_metric(self, name: str, value: float) -> None: ...
    def note_validation_accuracy(self, epoch: int, accuracy: float) -> None: ...


class TrainingRun:
    """The run of one training job. Other threads call `stop` and `kill`."""

    def __init__(
        self,
        cloud: Cloud,
        name: str,
        created: datetime,
        request: dict[str, Any],
        listener: Listener,
        stop_requested: threading.Event,
    ):
        self._cloud, self._name, self._created, self._request = cloud, name, created, request
        self._s3 = cloud.s3_as(request["RoleArn"])
        self._listener, self._stop_requested = listener, stop_requested
        self._process: subprocess.Popen[str] | None = None
        self._epoch = 0

    def stop(self) -> None:
        """Ask the container to end. The caller has set `stop_requested`."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the container at once."""
        self._stop_requested.set()
        self._signal(signal.SIGKILL)

    def run(self) -> None:
        """
        Run the job, from its start to the uploaded artifact.

        :raises JobFailed: with the FailureReason
        :raises JobStopped: by StopTrainingJob, or because a limit of StoppingCondition is over
        """
        self._pass_phase("Starting", 0.2)
        self._enter("Starting", "Launching requested ML instances")
        self._pass_phase("Starting", 0.5)
        self._listener.enter("Starting", "Preparing the instances for training")
        self._pass_phase("Starting", 0.3)
        with TemporaryDirectory(prefix="training-job-", dir=self._cloud.store.scratch) as folder:
            root = Path(folder)
            self._enter("Downloading", "Downloading input data")
            self._download(root)
            self._pass_phase("Downloading")
            self._enter("Training", "Training image download completed. Training in progress.")
            self._run_container(root)
            self._enter("Uploading", "Uploading generated training model")
            self._upload(root)
            self._pass_phase("Uploading")

    def _enter(self, phase: str, message: str) -> None:
        self._listener.enter(phase, message)
        require_no_fault(self._cloud.faults, phase, self._name)

    def _pass_phase(self, phase: str, share: float = 1.0) -> None:
        if self._cloud.pace.wait(phase, self._stop_requested, share):
            raise JobStopped

    def _download(self, root: Path) -> None:
        """Create the folder that SageMaker creates: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html"""
        config = root / "input" / "config"
        config.mkdir(parents=True)
        channels = self._request.get("InputDataConfig", [])
        documents = {
            "hyperparameters": self._request.get("HyperParameters", {}),
            "inputdataconfig": {channel["ChannelName"]: self._channel_config(channel) for channel in channels},
            "resourceconfig": {
                "current_host": "algo-1",
                "hosts": [f"algo-{number}" for number in range(1, self._instance_count + 1)],
            },
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document))
        for channel in channels:
            if self._channel_config(channel)["TrainingInputMode"] == "File":
                self._download_channel(channel, root / "input" / "data" / channel["ChannelName"])

    @property
    def _instance_count(self) -> int:
        resources = self._request["ResourceConfig"]
        groups: list[dict[str, Any]] = resources.get("InstanceGroups", [])
        return int(resources.get("InstanceCount", sum(group["InstanceCount"] for group in groups)))

    def _channel_config(self, channel: dict[str, Any]) -> dict[str, Any]:
        mode = channel.get("InputMode", self._request["AlgorithmSpecification"]["TrainingInputMode"])
        config = {"TrainingInputMode": mode, "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        return config | ({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})

    def _download_channel(self, channel: dict[str, Any], folder: Path) -> None:
        bucket, prefix = split_uri(channel["DataSource"]["S3DataSource"]["S3Uri"])
        parent = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/"
        for key in self._s3.list_keys(bucket, prefix):
            if key.endswith("/"):
                continue
            try:
                target = (folder / key.removeprefix(parent)).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise ValueError("it is outside of the channel's folder")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._s3.read(bucket, key))
            except (OSError, ValueError, NoSuchObject) as error:
                raise JobFailed(f"ClientError: Data download failed: the key {key!r}: {error}") from error

    def _run_container(self, root: Path) -> None:
        max_seconds, limit = self._seconds_left()
        deadline = time.monotonic() + max_seconds
        process = self._process = self._start_container(root)
        if self._stop_requested.is_set():  # before there was a process to send a signal to
            self._signal(signal.SIGTERM)
        overtime = threading.Timer(max_seconds, self._signal, [signal.SIGTERM])
        overtime.start()
        try:
            lines = self._follow_log(process)
        finally:
            overtime.cancel()
        if self._stop_requested.is_set():
            raise JobStopped
        if time.monotonic() >= deadline:
            words = f"Training job {'wait time' if limit == MAX_WAIT else 'runtime'} exceeded {limit} provided"
            raise JobStopped(SECONDARY_STATUS[limit], words)
        if process.returncode:
            failure = root / "output" / "failure"
            raise JobFailed(failure.read_text() if failure.exists() else _crash(process.returncode, lines))

    def _seconds_left(self) -> tuple[float, str]:
        """How long the container may run, and the member of StoppingCondition that says so."""
        condition = self._request["StoppingCondition"]
        limits = {MAX_RUNTIME: float(condition.get(MAX_RUNTIME, DEFAULT_MAX_RUNTIME_SECONDS))}
        if MAX_WAIT in condition:
            waited = (datetime.now(UTC) - self._created).total_seconds()
            limits[MAX_WAIT] = max(0.0, condition[MAX_WAIT] - waited)
        limit = min(limits, key=lambda name: limits[name])
        return limits[limit], limit

    def _start_container(self, root: Path) -> subprocess.Popen[str]:
        # The container ends when its standard input is closed, so it ends with a server that is killed.
        return subprocess.Popen(
            [sys.executable, "-m", "local_aws.blazingtext", str(root)],
            # Not the request's Environment: BlazingText reads none, and here it would change a process of this machine.
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _follow_log(self, process: subprocess.Popen[str]) -> list[str]:
        """Copy the log to CloudWatch and read the metrics in it, until the container ends. Return the log."""
        log = self._cloud.log_stream(TRAINING_JOBS, f"{self._name}/algo-1-{int(self._created.timestamp())}")
        lines: list[str] = []
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                log.write(lines[-1:])
                self._read_metrics(lines[-1])
        return lines

    def _read_metrics(self, line: str) -> None:
        if match := _FINAL_METRIC.match(line):
            self._listener.note_metric(f"{match[1]}:accuracy", float(match[2]))
        elif match := _END_OF_EPOCH.match(line):
            self._epoch = int(match[1])
        elif match := _VALIDATION_ACCURACY.match(line):
            self._listener.note_validation_accuracy(self._epoch, float(match[1]))

    def _upload(self, root: Path) -> None:
        archive = io.BytesIO()
        zipped = igzip.open(archive, "wb", MODEL_COMPRESSION_LEVEL)  # type: ignore[no-untyped-call]
        with zipped, tarfile.open(fileobj=zipped, mode="w|") as tar:
            for file in sorted((root / "model").iterdir()):
                tar.add(file, arcname=file.name)
        try:
            self._s3.write(*split_uri(artifact_uri(self._request)), archive.getvalue())
        except NoSuchObject as error:
            reason = f"the bucket of {error} does not exist, or the role may not write there"
            raise JobFailed(f"ClientError: Artifact upload failed: {reason}") from None

    def _signal(self, number: int) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        if number == signal.SIGTERM:
            killer = threading.Timer(SECONDS_TO_STOP, self._signal, [signal.SIGKILL])
            killer.daemon = True
            killer.start()


def artifact_uri(request: dict[str, Any]) -> str:
    """The URI of a training job's artifact."""
    output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return f"{output}/{request['TrainingJobName']}/output/model.tar.gz"


def _crash(exit_status: int, lines: list[str]) -> str:
    return f"AlgorithmError: the training container ended with exit code {exit_status}: {' '.join(lines[-5:])}"
