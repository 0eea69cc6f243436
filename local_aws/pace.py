"""The local AWS's clock: how long jobs and endpoints stay in each phase, how long waiting times and periods last."""

import threading
from dataclasses import dataclass

AWS_SECONDS = {
    # Typical of small BlazingText jobs and ml.m5.large endpoints. AWS guarantees none of them.
    "Starting": 90.0,
    "Downloading": 20.0,
    "Training": 0.0,  # takes as long as the training itself
    "Uploading": 15.0,
    "Stopping": 10.0,
    "Transforming": 0.0,  # takes as long as the predictions themselves
    "Creating": 180.0,
    "Updating": 240.0,
    "ActivatingTraffic": 10.0,
    "RollingBack": 60.0,
    "Deleting": 15.0,
}


SHORTEST_SECOND = 0.0005
"""A second of an alarm's period lasts at least so many seconds: periods of no length would have no data."""


@dataclass(slots=True)
class Pace:
    """Phases last `factor` times as long as on AWS."""

    factor: float = 0.002

    def seconds(self, aws_seconds: float) -> float:
        """How long something lasts here that takes some seconds on AWS."""
        return aws_seconds * self.factor

    def period(self, aws_seconds: float) -> float:
        """How long an alarm's period lasts here."""
        return aws_seconds * max(self.factor, SHORTEST_SECOND)

    def wait(self, phase: str, stop: threading.Event | None = None, share: float = 1.0) -> bool:
        """Wait for a share of a phase. If `stop` is set meanwhile, return True at once."""
        return (stop or threading.Event()).wait(self.seconds(AWS_SECONDS[phase]) * share)
