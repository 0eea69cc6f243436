"""How the phases of jobs end early."""

from include.local_aws.faults import Faults


class JobFailed(Exception):
    """The job ends as Failed; the message is its FailureReason."""


class JobStopped(Exception):
    """The job ends as Stopped, for the secondary status and with the message given."""

    def __init__(self, secondary_status: str, message: str):
        super().__init__(message)
        self.secondary_status = secondary_status


def require_no_fault(faults: Faults, phase: str, name: str) -> None:
    """
    :raises JobFailed: somebody has ordered that this phase of this job or endpoint fails
    """
    fault = faults.of_phase(phase, name)
    if fault is not None:
        raise JobFailed(fault.message or f"InternalServerError: Fault {fault.id} was ordered for phase {phase}.")
