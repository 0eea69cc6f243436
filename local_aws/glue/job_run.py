"""A run of a Glue job: download the script and its packages from S3, and run them with spark-submit."""

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, ClassVar

from packaging.requirements import InvalidRequirement, Requirement

from local_aws.cloud import LogStream, NoSuchObject, split_uri
from local_aws.glue.arguments import RunArguments, requirements_of
from local_aws.glue.spark import REPOSITORY, Spark
from local_aws.sagemaker.job import JobFailed, JobStopped, require_no_fault
from local_aws.sagemaker.resource import Resource, internal_error, now

LOG_GROUP = "/aws-glue/jobs"
OUTPUT, ERROR = f"{LOG_GROUP}/output", f"{LOG_GROUP}/error"
SECONDS_PER_MINUTE = 60
DEFAULT_TIMEOUT_MINUTES = 480
LAST_LINES = 2_000
"""So many lines of each stream are searched for the reason of a failure."""

TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True, slots=True)
class Machine:
    """With what runs are started."""

    spark: Spark
    url: str
    """Of the local AWS."""


@dataclass
class JobRun(Resource):
    """A run. Its request has Id, JobName, Arguments, Command, Timeout and what else describes it."""

    KIND: ClassVar[str] = "job-run"
    NAME_MEMBER: ClassVar[str] = "Id"
    SERVICE: ClassVar[str] = "glue"
    IN_PROGRESS: ClassVar[frozenset[str]] = frozenset({"STARTING", "RUNNING", "STOPPING"})
    MAX_IN_PROGRESS: ClassVar[int] = 10
    """There can be so many runs at work in a region: each has a JVM."""

    began: datetime | None = None
    """When the script was started."""
    completed: datetime | None = None
    error_message: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stop_requested = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_in_progress(self) -> bool:
        return self.status in self.IN_PROGRESS

    @property
    def job_name(self) -> str:
        return str(self.request["JobName"])

    def start(self, machine: Machine, arguments: RunArguments) -> None:
        """:param arguments: the job's and the run's together"""
        self._thread = threading.Thread(
            target=self._work, args=(machine, arguments), daemon=True, name=f"glue-{self.name}"
        )
        self._thread.start()

    def resume(self) -> None:
        if self.is_in_progress:
            self._end("FAILED", internal_error("The local AWS ended while the job was running. Please try again."))

    def stop(self) -> bool:
        """Ask the run to stop; its state is STOPPING until it has. Return False if it is not running."""
        with self._lock:
            if self.status not in {"STARTING", "RUNNING"}:
                return False
            self.change(status="STOPPING", modified=now())
            self._stop_requested.set()
        self._terminate()
        return True

    def abandon(self) -> None:
        """End the process when the server closes. The run's state is not saved any more."""
        self._stop_requested.set()
        if (process := self._process) is not None:
            assert process.stdin is not None
            process.stdin.close()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def facts(self) -> dict[str, Any]:
        facts = super().facts() | {
            "Attempt": 0,
            "StartedOn": self.created,
            "LastModifiedOn": self.modified,
            "CompletedOn": self.completed,
            "JobRunState": self.status,
            "ErrorMessage": self.error_message,
            "LogGroupName": LOG_GROUP,
            "ExecutionTime": 0,
        }
        if self.began:
            facts["ExecutionTime"] = int(((self.completed or now()) - self.began).total_seconds())
        return facts

    def _work(self, machine: Machine, arguments: RunArguments) -> None:
        try:
            self._run(machine, arguments)
            self._end("SUCCEEDED")
        except JobStopped as stopped:
            self._end(stopped.secondary_status, str(stopped) or None)
        except JobFailed as failure:
            self._end("FAILED", str(failure))
        except Exception as error:
            self._end("FAILED", internal_error(repr(error)))

    def _run(self, machine: Machine, arguments: RunArguments) -> None:
        """
        :raises JobFailed: with the ErrorMessage
        :raises JobStopped: by BatchStopJobRun, or because its Timeout is over
        """
        require_no_fault(self.cloud.faults, "Starting", self.job_name)
        if self.cloud.pace.wait("Starting", self._stop_requested):
            raise JobStopped("STOPPED")
        with TemporaryDirectory(prefix="glue-job-", dir=self.cloud.store.scratch) as folder:
            command = self._download(machine, arguments, Path(folder))
            require_no_fault(self.cloud.faults, "Running", self.job_name)
            with self._lock:
                if not self._stop_requested.is_set():
                    self.status, self.began = "RUNNING", now()
                    self.save_or_retry()
            self._run_script(command, machine, Path(folder))

    def _download(self, machine: Machine, arguments: RunArguments, folder: Path) -> list[str]:
        """The command that runs the script, with everything that it needs in the folder."""
        try:
            script = self._fetch(self.request["Command"]["ScriptLocation"], folder)
            py_files = [self._fetch(uri, folder) for uri in arguments.py_files]
            unmet = machine.spark.unmet(self._requirements(arguments))
        except NoSuchObject as error:
            raise JobFailed(f"LAUNCH ERROR | {error} does not exist") from None
        except InvalidRequirement as error:
            raise JobFailed(f"LAUNCH ERROR | --additional-python-modules: {error}") from None
        if unmet:
            raise JobFailed(
                f"LAUNCH ERROR | The local AWS installs no Python modules, and {machine.spark.program} is without: "
                + ", ".join(unmet)
            )
        names = {"--JOB_NAME": self.job_name, "--JOB_RUN_ID": self.name, **arguments.for_script}
        words = [word for pair in names.items() for word in pair]
        return machine.spark.command(script, py_files, arguments.configuration, words)

    def _fetch(self, uri: str, folder: Path) -> Path:
        bucket, key = split_uri(uri)
        path = folder / (key.rpartition("/")[2] or "script")
        path.write_bytes(self.cloud.s3.read(bucket, key))
        return path

    def _requirements(self, arguments: RunArguments) -> list[Requirement]:
        if not arguments.modules_are_files:
            return [Requirement(entry) for entry in arguments.modules]
        texts = [self.cloud.s3.read(*split_uri(uri)).decode() for uri in arguments.modules]
        return [requirement for text in texts for requirement in requirements_of(text)]

    def _run_script(self, command: list[str], machine: Machine, folder: Path) -> None:
        minutes = self.request.get("Timeout", DEFAULT_TIMEOUT_MINUTES)
        deadline = time.monotonic() + minutes * SECONDS_PER_MINUTE
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "local_aws.glue", *command],
            cwd=folder,
            # The machine's own Python finds this package; the script's does not.
            env={**machine.spark.environment(folder, machine.url, self.cloud.region), "PYTHONPATH": str(REPOSITORY)},
            text=True,
            errors="replace",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self._stop_requested.is_set():  # before there was a process to send a signal to
            self._terminate()
        overtime = threading.Timer(minutes * SECONDS_PER_MINUTE, self._terminate)
        overtime.start()
        try:
            lines = self._follow_logs(process)
        finally:
            overtime.cancel()
        if self._stop_requested.is_set():
            raise JobStopped("STOPPED")
        if time.monotonic() >= deadline:
            raise JobStopped("TIMEOUT", f"The run took longer than its Timeout of {minutes} minutes.")
        if process.returncode:
            raise JobFailed(_reason(lines, process.returncode))

    def _follow_logs(self, process: "subprocess.Popen[str]") -> list[str]:
        """Copy both streams to CloudWatch until the process ends. Return the last lines, first those of its output."""
        output: deque[str] = deque(maxlen=LAST_LINES)
        errors: deque[str] = deque(maxlen=LAST_LINES)
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            arguments = (process.stdout, self.cloud.log_stream(OUTPUT, self.name), output)
            follower = threading.Thread(target=_copy, args=arguments, daemon=True)
            follower.start()
            _copy(process.stderr, self.cloud.log_stream(ERROR, self.name), errors)
            follower.join()
        return [*output, *errors]

    def _terminate(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)

    def _end(self, status: str, error_message: str | None = None) -> None:
        with self._lock:
            self.status, self.error_message = status, error_message
            self.completed = self.modified = now()
            self.save_or_retry()


def _copy(stream: IO[str], log: LogStream, lines: deque[str]) -> None:
    for line in stream:
        lines.append(line.rstrip("\n"))
        log.write([lines[-1]])


def _reason(lines: list[str], status: int) -> str:
    """
    The ErrorMessage of a script that failed: its Python exception, if it shows one. (With spark-submit, what a script
    writes to its standard error is in the output.) The category is what Glue 5 writes for most exceptions.
    """
    if TRACEBACK in lines:
        after = lines[len(lines) - lines[::-1].index(TRACEBACK) :]
        if raised := next((line for line in after if line and not line.startswith(" ")), None):
            return f"Error Category: UNCLASSIFIED_ERROR; {raised}"
    return f"Command failed with exit code {status}"
