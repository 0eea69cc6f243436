"""A model's predictions beside the true labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from include.predictions import Prediction

MIN_PROBABILITY = 1e-15
"""A true label with probability 0 counts as this in the log loss, which would be infinite otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """
    What a model answers on tweets whose labels are known. Each field has an entry for each tweet.

    It does not keep the probabilities of all labels. So the memory depends on the number of tweets, and not on the
    number of labels.
    """

    labels: list[str]
    """The true labels."""
    predicted: list[str]
    """The most probable labels; an empty string, which counts as wrong, if the model knows none of the words."""
    probabilities: np.ndarray
    """Of the predicted labels."""
    losses: np.ndarray
    """-ln(probability of the true label). Probabilities are scaled to a sum of 1, because fastText's are rounded."""

    @classmethod
    def of(cls, labels: Iterable[str], predictions: Iterable[Prediction]) -> Self:
        """
        :param predictions: one for each label; they are read once, and may be a generator
        """
        truth: list[str] = []
        predicted: list[str] = []
        probabilities: list[float] = []
        of_truth: list[float] = []
        for label, prediction in zip(labels, predictions, strict=True):
            truth.append(label)
            predicted.append(prediction.label)
            probabilities.append(prediction.probability)
            of_truth.append(prediction.probabilities.get(label, 0.0) / (sum(prediction.probabilities.values()) or 1.0))
        losses: np.ndarray = -np.log(np.clip(of_truth, MIN_PROBABILITY, 1.0))
        return cls(truth, predicted, np.array(probabilities), losses)

    @property
    def right(self) -> np.ndarray:
        """Whether each prediction is right."""
        return np.array([label == guess for label, guess in zip(self.labels, self.predicted, strict=True)])

    def most_confident_mistakes(self, count: int) -> list[int]:
        """Positions of the wrong predictions with the highest probabilities, the highest first."""
        wrong = np.flatnonzero(~self.right)
        order = np.argsort(-self.probabilities[wrong], kind="stable")[:count]
        return [int(position) for position in wrong[order]]
