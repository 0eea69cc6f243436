"""How long jobs and endpoints stay in each phase."""

import threading
from dataclasses import dataclass

AWS_SECONDS = {
    # Typical of small BlazingText jobs and ml.m5.large endpoints; AWS promises nothing.
    "Starting": 90.0,
    "Downloading": 20.0,
    "Training": 0.0,  # takes as long as the training really takes
    "Uploading": 15.0,
    "Stopping": 10.0,
    "Transforming": 0.0,  # as long as the predictions really take
    "Creating": 180.0,
    "Updating": 240.0,
    "Deleting": 15.0,
}


@dataclass(slots=True)
class Pace:
    """Phases last `factor` times as long as they do on AWS."""

    factor: float = 0.002

    def wait(self, phase: str, stop: threading.Event | None = None, share: float = 1.0) -> bool:
        """Let a share of a phase pass; end early, and return True, where `stop` is set meanwhile."""
        return (stop or threading.Event()).wait(AWS_SECONDS[phase] * self.factor * share)
