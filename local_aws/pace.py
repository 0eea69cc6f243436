"""How long jobs and endpoints stay in each phase."""

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
    "Deleting": 15.0,
}


@dataclass(slots=True)
class Pace:
    """Phases last `factor` times as long as on AWS."""

    factor: float = 0.002

    def wait(self, phase: str, stop: threading.Event | None = None, share: float = 1.0) -> bool:
        """Wait for a share of a phase. If `stop` is set meanwhile, return True at once."""
        return (stop or threading.Event()).wait(AWS_SECONDS[phase] * self.factor * share)
