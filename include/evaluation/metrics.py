"""How good a model is on the frozen test split."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from include.blazingtext.model import Prediction

CONFIDENCE = 0.95
RESAMPLES = 1000
"""Of the bootstrap. Its seed is fixed: the same predictions give the same intervals."""
FEWEST_FOR_BOOTSTRAP = 30
"""With fewer test tweets, drawing from them again and again says little about those that are not there."""
RELIABILITY_BINS = 10
SMALLEST_PROBABILITY = 1e-15
"""For the log loss: a label that the model holds for impossible counts as this."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures on the test split; shares, not percent."""

    tweets: int
    accuracy: float
    accuracy_interval: Interval
    """Wilson's 95 % interval, with each test tweet as one independent trial."""
    macro_f1: float
    macro_f1_interval: Interval | None
    """
    Percentiles of a bootstrap over the test tweets of each label, as those of the log loss are; None for a handful of
    tweets, and where the model makes no mistake that could be drawn.
    """
    log_loss: float
    """Mean of -ln(probability of the true label): 0 is certain and right; ln 2 is a coin's, with two labels."""
    log_loss_interval: Interval | None
    reliability: list[dict[str, float]]
    """By the predicted label's probability, in tenths: number of tweets, mean probability, share that is right."""
    majority_label: str
    majority_accuracy: float
    """Of whoever always answers the test split's commonest label: the hardest form of this baseline."""
    labels: dict[str, dict[str, float]]
    """Precision, recall, F1 and number of tweets by label, of those that occur among true labels or predictions."""
    labels_without_test_tweets: list[str]
    """Nothing is known of how well these are told."""
    confusion: dict[str, dict[str, int]]
    """Counts by true label, then by predicted label."""

    @property
    def beats_majority_beyond_chance(self) -> bool:
        return self.accuracy_interval[0] > self.majority_accuracy

    def headline(self) -> str:
        """Accuracy, its interval and the majority's, in a few words."""
        low, high = self.accuracy_interval
        return f"accuracy {self.accuracy:.1%} ({low:.1%} to {high:.1%}), majority {self.majority_accuracy:.1%}"

    def verdict(self) -> str:
        """The figures in a sentence."""
        low, high = self.accuracy_interval
        comparison = (
            "better, beyond chance,"
            if self.beats_majority_beyond_chance
            else "not shown to be better"
            if self.accuracy > self.majority_accuracy
            else "no better"
        )
        untested = ", ".join(self.labels_without_test_tweets)
        return (
            f"Right on {self.accuracy:.1%} of {self.tweets:,} test tweets (95 % interval {low:.1%} to {high:.1%}): "
            f"{comparison} than always answering {self.majority_label} ({self.majority_accuracy:.1%})."
            + (f" No test tweet is labelled {untested}: nothing is known of how well that is told." if untested else "")
        )


def evaluate(labels: Sequence[str], predictions: Sequence[Prediction], known_labels: Sequence[str]) -> Evaluation:
    """
    Score predictions against the test split's labels.

    :param labels: one true label for each prediction; at least one
    :param known_labels: every label of the hashtag, in the order for tables
    """
    from scipy.stats import binomtest
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

    predicted = [prediction.label for prediction in predictions]
    right = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    interval = binomtest(right, len(labels)).proportion_ci(CONFIDENCE, method="wilson")
    present = [label for label in known_labels if label in labels or label in predicted]
    scores = precision_recall_fscore_support(labels, predicted, labels=present, zero_division=0)
    matrix = confusion_matrix(labels, predicted, labels=known_labels)
    majority_label, majority_count = Counter(sorted(labels)).most_common(1)[0]
    names = ("precision", "recall", "f1", "tweets")
    losses = _losses(labels, predictions)
    macro_f1 = float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0))
    f1s, mean_losses = _bootstrap(labels, predicted, losses)
    return Evaluation(
        tweets=len(labels),
        accuracy=right / len(labels),
        accuracy_interval=(float(interval.low), float(interval.high)),
        macro_f1=macro_f1,
        macro_f1_interval=_interval(f1s, macro_f1),
        log_loss=float(losses.mean()),
        log_loss_interval=_interval(mean_losses, float(losses.mean())),
        reliability=_reliability(labels, predictions),
        majority_label=majority_label,
        majority_accuracy=majority_count / len(labels),
        labels={
            label: {name: float(score[row]) for name, score in zip(names, scores, strict=True)}
            for row, label in enumerate(present)
        },
        labels_without_test_tweets=[label for label in known_labels if label not in labels],
        confusion={
            label: {guess: int(matrix[row, column]) for column, guess in enumerate(known_labels)}
            for row, label in enumerate(known_labels)
        },
    )


def most_confident_mistakes(labels: Sequence[str], predictions: Sequence[Prediction], count: int) -> list[int]:
    """Positions of the wrong predictions with the highest probabilities, the highest first."""
    wrong = (
        (-prediction.probability, position)
        for position, (label, prediction) in enumerate(zip(labels, predictions, strict=True))
        if prediction.label != label
    )
    return [position for _, position in heapq.nsmallest(count, wrong)]


def _losses(labels: Sequence[str], predictions: Sequence[Prediction]) -> np.ndarray:
    """Each tweet's part in the log loss; probabilities are scaled to a sum of 1."""
    probabilities = [
        prediction.probabilities.get(label, 0.0) / (sum(prediction.probabilities.values()) or 1.0)
        for label, prediction in zip(labels, predictions, strict=True)
    ]
    losses: np.ndarray = -np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1.0))
    return losses


def _bootstrap(labels: Sequence[str], predicted: Sequence[str], losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Macro-F1 and mean loss of test splits drawn from the test split, with replacement. Of each label as many tweets are
    drawn as it has: a rare one that a draw leaves out would make the mean over the others look better.
    """
    names = sorted({*labels, *predicted})
    codes = {name: code for code, name in enumerate(names)}
    truth = np.array([codes[label] for label in labels])
    cells = truth * len(names) + np.array([codes[guess] for guess in predicted])
    order = np.argsort(truth, kind="stable")
    counts = np.bincount(truth, minlength=len(names))
    starts, sizes = np.repeat(np.cumsum(counts) - counts, counts), np.repeat(counts, counts)
    if len(labels) < FEWEST_FOR_BOOTSTRAP:
        return np.empty(0), np.empty(0)
    generator = np.random.default_rng(0)
    f1s, mean_losses = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = order[starts + generator.integers(0, sizes)]
        confusion = np.bincount(cells[drawn], minlength=len(names) ** 2).reshape(len(names), len(names))
        f1s[number], mean_losses[number] = _macro_f1(confusion), losses[drawn].mean()
    return f1s, mean_losses


def _macro_f1(confusion: np.ndarray) -> float:
    """Mean of 2·tp / (true + predicted) over all labels, from counts by true and predicted label."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * np.diag(confusion) / np.maximum(both, 1)).mean())


def _interval(values: np.ndarray, figure: float) -> Interval | None:
    """Percentiles of what the bootstrap gave, widened where they would not hold the figure itself."""
    if len(values) < RESAMPLES or np.ptp(values) == 0:
        return None
    outside = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(values, [outside, 100 - outside])
    return min(float(low), figure), max(float(high), figure)


def _reliability(labels: Sequence[str], predictions: Sequence[Prediction]) -> list[dict[str, float]]:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for label, prediction in zip(labels, predictions, strict=True):
        index = min(int(prediction.probability * RELIABILITY_BINS), RELIABILITY_BINS - 1)
        bins.setdefault(index, []).append((prediction.probability, prediction.label == label))
    return [
        {
            "from": index / RELIABILITY_BINS,
            "to": (index + 1) / RELIABILITY_BINS,
            "tweets": len(entries),
            "probability": float(np.mean([probability for probability, _ in entries])),
            "accuracy": float(np.mean([right for _, right in entries])),
        }
        for index, entries in sorted(bins.items())
    ]
