"""What jobs of all kinds have in common: they run in the background until they complete, fail or are stopped."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from local_aws.faults import Faults
from local_aws.sagemaker.exceptions import ResourceInUse, ValidationException
from local_aws.sagemaker.resource import Resource, Resources, cut_reason, internal_error, now, require_below


class JobFailed(Exception):
    """The job ends as Failed. The message is its FailureReason."""


class JobStopped(Exception):
    """The job ends as Stopped, with this secondary status and message."""

    def __init__(self, secondary_status: str = "Stopped", message: str = ""):
        super().__init__(message)
        self.secondary_status = secondary_status


def require_no_fault(faults: Faults, phase: str, name: str) -> None:
    """
    :raises JobFailed: a fault is ordered for this phase of this job or endpoint
    """
    fault = faults.of_phase(phase, name)
    if fault is not None:
        raise JobFailed(fault.message or f"InternalServerError: Fault {fault.id} was ordered for phase {phase}.")


@dataclass
class Job(Resource):
    """A job."""

    MAX_IN_PROGRESS: ClassVar[int] = 100
    """There can be so many jobs of this kind at work in a region: each has a thread, and some have a process."""
    IN_PROGRESS: ClassVar[frozenset[str]] = frozenset({"InProgress", "Stopping"})

    started: datetime | None = None
    ended: datetime | None = None
    failure_reason: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stop_requested = threading.Event()
        self._thread: threading.Thread | None = None
        self.done = threading.Event()
        """Set when the job's status is final."""
        if not self.is_in_progress:
            self.done.set()

    @property
    def is_in_progress(self) -> bool:
        return self.status in self.IN_PROGRESS

    def start(self) -> None:
        """Start the thread that does the job."""
        self._thread = threading.Thread(target=self._work, daemon=True, name=f"{self.KIND}-{self.name}")
        self._thread.start()

    def resume(self) -> None:
        if self.is_in_progress:
            self.end("Failed", internal_error("The local AWS ended while the job was running. Please try again."))

    def stop(self) -> bool:
        """Ask the job to stop; its status is Stopping until it has. Return False if it is not running."""
        with self._lock:
            if self.status != "InProgress":
                return False
            self.change(status="Stopping", modified=now())
            self._stop_requested.set()
        return True

    def abandon(self) -> None:
        """End the job's thread when the server closes. The job's state is not saved any more."""
        self._stop_requested.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def end(self, status: str, failure_reason: str | None = None) -> None:
        """Set the final status."""
        with self._lock:
            self.status, self.failure_reason = status, failure_reason
            self.ended = self.modified = now()
            self.save_or_retry()
        self.done.set()

    def end_stopped(self, stopped: JobStopped) -> None:
        """Set the final status of a job that was stopped."""
        self.end("Stopped")

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"FailureReason": cut_reason(self.failure_reason)}

    def _work(self) -> None:
        try:
            self._run()
            with self._lock:
                self._raise_if_stopped()
                self.end("Completed")
        except JobStopped as stopped:
            self.cloud.pace.wait("Stopping")
            self.end_stopped(stopped)
        except JobFailed as failure:
            self.end("Failed", str(failure))
        except Exception as error:
            self.end("Failed", internal_error(repr(error)))

    def _run(self) -> None:
        """
        Do the job's work.

        :raises JobFailed: with the FailureReason
        :raises JobStopped: the job was stopped
        """
        raise NotImplementedError

    def _raise_if_stopped(self) -> None:
        if self._stop_requested.is_set():
            raise JobStopped


J = TypeVar("J", bound=Job)


class Jobs(Resources[J]):
    """The jobs of one kind. AWS's messages about jobs differ from those about other resources."""

    def require_room(self) -> None:
        super().require_room()
        running = sum(job.is_in_progress for job in list(self.values()))
        require_below(running, self.kind.MAX_IN_PROGRESS, f"Number of {self.noun}s in progress")

    def find(self, name: str) -> J:
        job = self.get(name)
        if job is None:
            raise ValidationException("Requested resource not found.")
        return job

    def refuse_existing(self, name: str) -> None:
        """
        :raises ResourceInUse: there is a job with this name
        """
        if name in self:
            noun = self.noun[0].upper() + self.noun[1:]
            raise ResourceInUse(
                f"{noun} names must be unique within an AWS account and region, and a {self.noun} with this name "
                f"already exists ({self[name].arn})"
            )

    def stop(self, name: str) -> None:
        """
        :raises ValidationException: there is no such job, or it has ended
        """
        job = self.find(name)
        self._require(job.is_in_progress, job)
        job.stop()

    def delete(self, name: str) -> None:
        """
        :raises ValidationException: there is no such job, or it has not ended
        """
        job = self.find(name)
        self._require(not job.is_in_progress, job)
        self.remove(name)

    def _require(self, allowed: bool, job: J) -> None:
        if not allowed:
            raise ValidationException(f"The request was rejected because the {self.noun} is in status {job.status}.")
