"""What a model predicts for a tweet, and a check that a model and an endpoint predict the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from include.config.errors import EvaluationError

PROBABILITY_TOLERANCE = 1e-3
"""Far above the rounding errors of float32 in JSON, and far below the difference between two models."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probabilities by label, the most probable first. Empty if the model knows none of the tweet's words."""

    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable label; an empty string, which counts as wrong, if there is none."""
        return next(iter(self.probabilities), "")

    @property
    def probability(self) -> float:
        return self.probabilities.get(self.label, 0.0)


def check_same(expected: Sequence[Prediction], answered: Sequence[Prediction]) -> None:
    """
    Check that an endpoint predicts the same as the evaluated model.

    :raises EvaluationError: the predictions differ
    """
    if len(expected) != len(answered):
        raise EvaluationError(f"the endpoint answered {len(answered)} of {len(expected)} tweets")
    for number, (ours, theirs) in enumerate(zip(expected, answered, strict=True), start=1):
        if set(ours.probabilities) != set(theirs.probabilities):
            raise EvaluationError(
                f"tweet {number}: the endpoint predicts the labels {sorted(theirs.probabilities)}, the evaluated model "
                f"{sorted(ours.probabilities)}"
            )
        differences = [abs(ours.probabilities[label] - theirs.probabilities[label]) for label in ours.probabilities]
        difference = max(differences, default=0.0)
        if difference > PROBABILITY_TOLERANCE:
            raise EvaluationError(
                f"tweet {number}: the endpoint predicts {theirs.label} ({theirs.probability:.4f}), the evaluated model "
                f"{ours.label} ({ours.probability:.4f}). The endpoint serves another model"
            )
