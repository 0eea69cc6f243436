"""What jobs of every kind share: they work in the background until they are done, fail or are stopped."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from local_aws.faults import Faults
from local_aws.sagemaker.resource import Resource, internal_error, now


class JobFailed(Exception):
    """The job ends as Failed; the message is its FailureReason."""


class JobStopped(Exception):
    """The job ends as Stopped, for the secondary status and with the message given."""

    def __init__(self, secondary_status: str = "Stopped", message: str = ""):
        super().__init__(message)
        self.secondary_status = secondary_status


def require_no_fault(faults: Faults, phase: str, name: str) -> None:
    """
    :raises JobFailed: somebody has ordered that this phase of this job or endpoint fails
    """
    fault = faults.of_phase(phase, name)
    if fault is not None:
        raise JobFailed(fault.message or f"InternalServerError: Fault {fault.id} was ordered for phase {phase}.")


@dataclass
class Job(Resource):
    """One job, from creation on."""

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
        if self.status not in self.IN_PROGRESS:
            self.done.set()

    def start(self) -> None:
        """Begin; the job's thread takes it to its end."""
        self._thread = threading.Thread(target=self._work, daemon=True, name=f"{self.KIND}-{self.name}")
        self._thread.start()

    def resume(self) -> None:
        if self.status in self.IN_PROGRESS:
            self.end("Failed", internal_error("The local AWS ended while the job was running. Please try again."))

    def stop(self) -> None:
        """Ask the job to stop, if it is in progress: it passes through Stopping."""
        with self._lock:
            if self.status != "InProgress":
                return
            self._stop_requested.set()
            self.status, self.modified = "Stopping", now()
            self.save()

    def abandon(self) -> None:
        """Leave nothing running; the job's state no longer matters."""
        self._stop_requested.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def end(self, status: str, failure_reason: str | None = None) -> None:
        """Take the final status."""
        with self._lock:
            self.status, self.failure_reason = status, failure_reason
            self.ended = self.modified = now()
            self.save()
        self.done.set()

    def end_stopped(self, stopped: JobStopped) -> None:
        """Take the final status of a job that was stopped."""
        self.end("Stopped")

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"FailureReason": self.failure_reason and self.failure_reason[:1024]}

    def _work(self) -> None:
        """Take the job to its end, whatever happens."""
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
        The job's work.

        :raises JobFailed: with the FailureReason
        :raises JobStopped: it was stopped
        """
        raise NotImplementedError

    def _raise_if_stopped(self) -> None:
        if self._stop_requested.is_set():
            raise JobStopped
