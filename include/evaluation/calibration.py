"""Calibration: how far a model's probabilities can be relied on, and a temperature that mends them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from include.evaluation.outcomes import MIN_PROBABILITY, Outcomes
from include.predictions import Prediction

RELIABILITY_BINS = 10
MIN_TWEETS_OF_A_SENTENCE = 30
"""The report says in a sentence how often a bin of the reliability chart is right, if it has this many test tweets."""
MIN_TWEETS_FOR_TEMPERATURE = 100
MAX_TWEETS_FOR_TEMPERATURE = 5_000
"""Of the validation split. More would take memory, and would not change the temperature."""
TEMPERATURES = (0.1, 10.0)
STANDARD_ERRORS = 2.0
"""A temperature is used if it lowers the validation split's log loss by more than this many standard errors."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """
    A number that makes probabilities less extreme (above 1) or more (below 1). It does not change the predicted label.

    The calibrated probability of a label is p ** (1 / temperature), divided by the sum of these over all labels. See
    Guo et al., On Calibration of Modern Neural Networks, 2017.
    """

    temperature: float
    """From the validation split."""
    log_loss: float
    """With the temperature, on the test split; as the next field."""
    calibration_error: float

    def in_words(self, log_loss: float, error: float) -> str:
        """
        How a caller of the endpoint uses it, and what it changes on the test tweets.

        :param log_loss: without the temperature, on the test split; as `error`, the calibration error
        """
        direction = "too extreme" if self.temperature > 1 else "not extreme enough"
        helps = "" if self.log_loss < log_loss else " So on the test tweets it does not help."
        return (
            f"On the validation split the endpoint's probabilities are {direction}. The temperature found there is "
            f"{self.temperature:.2f}: raise each label's probability to the power {1 / self.temperature:.3f}, and "
            f"divide by the sum over all labels. On the test tweets this changes the log loss from {log_loss:.3f} to "
            f"{self.log_loss:.3f}, and the expected calibration error from {error:.3f} to {self.calibration_error:.3f}."
            f"{helps}"
        )


def reliability(outcomes: Outcomes) -> list[dict[str, float]]:
    """For each bin of the predicted label's probability: its bounds, tweets, mean probability and accuracy."""
    bins = np.minimum((outcomes.probabilities * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    right = outcomes.right
    return [
        {
            "from": int(index) / RELIABILITY_BINS,
            "to": (int(index) + 1) / RELIABILITY_BINS,
            "tweets": int((bins == index).sum()),
            "probability": float(outcomes.probabilities[bins == index].mean()),
            "accuracy": float(right[bins == index].mean()),
        }
        for index in np.unique(bins)
    ]


def calibration_error(bins: Sequence[dict[str, float]]) -> float:
    """The expected calibration error: the mean difference between probability and accuracy over the bins' tweets."""
    tweets = sum(entry["tweets"] for entry in bins)
    return sum(entry["tweets"] * abs(entry["probability"] - entry["accuracy"]) for entry in bins) / tweets


def constant_log_loss(labels: Sequence[str]) -> float:
    """The log loss of always answering the shares that the labels have here."""
    shares = np.array(list(Counter(labels).values())) / len(labels)
    return float(-(shares * np.log(shares)).sum())


def fit_temperature(labels: Sequence[str], predictions: Iterable[Prediction]) -> float | None:
    """
    The temperature with the smallest log loss; None if it gains too little to be certain, or with too few tweets.

    :param labels: true labels of tweets on which the model was not trained, and on which it is not tested
    :param predictions: one for each label
    """
    from scipy.optimize import minimize_scalar

    labels = labels[:MAX_TWEETS_FOR_TEMPERATURE]
    logarithms, truth = _logarithms(labels, predictions)
    if len(labels) < MIN_TWEETS_FOR_TEMPERATURE:
        return None
    found = minimize_scalar(
        lambda power: _losses(logarithms, truth, np.exp(power)).mean(),
        bounds=tuple(np.log(1 / np.array(TEMPERATURES[::-1]))),
        method="bounded",
    )
    gains = _losses(logarithms, truth, 1.0) - _losses(logarithms, truth, np.exp(found.x))
    certain = STANDARD_ERRORS * gains.std(ddof=1) / np.sqrt(len(gains))
    temperature = float(np.exp(-found.x))
    is_at_a_bound = not TEMPERATURES[0] * 1.01 < temperature < TEMPERATURES[1] * 0.99
    return temperature if gains.mean() > certain and not is_at_a_bound else None


def at_temperature(prediction: Prediction, temperature: float) -> Prediction:
    """The prediction with calibrated probabilities."""
    powers = {label: probability ** (1 / temperature) for label, probability in prediction.probabilities.items()}
    total = sum(powers.values()) or 1.0
    return Prediction({label: power / total for label, power in powers.items()})


def _logarithms(labels: Sequence[str], predictions: Iterable[Prediction]) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the probabilities, a row for each tweet and a column for each label; the true labels' columns."""
    columns: dict[str, int] = {}
    rows = []
    for label, prediction in zip(labels, predictions, strict=False):
        for name in (label, *prediction.probabilities):
            columns.setdefault(name, len(columns))
        rows.append(prediction.probabilities)
    probabilities = np.full((len(rows), len(columns)), MIN_PROBABILITY)
    for row, answer in enumerate(rows):
        for name, probability in answer.items():
            probabilities[row, columns[name]] = max(probability, MIN_PROBABILITY)
    return np.log(probabilities), np.array([columns[label] for label in labels[: len(rows)]], dtype=int)


def _losses(logarithms: np.ndarray, truth: np.ndarray, power: float) -> np.ndarray:
    from scipy.special import logsumexp

    scores = logarithms * power
    losses: np.ndarray = logsumexp(scores, axis=1) - scores[np.arange(len(scores)), truth]
    return losses
