"""Metrics of a model on the test split."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.blazingtext.model import Prediction

CONFIDENCE = 0.95
RESAMPLES = 1000
"""Of the bootstrap. Its seed is fixed, so that the same predictions give the same intervals."""
MIN_TWEETS_FOR_BOOTSTRAP = 30
"""Resamples of fewer tweets say little about tweets that are not among them."""

RELIABILITY_BINS = 10
MIN_PROBABILITY = 1e-15
"""A true label with probability 0 counts as this in the log loss, which would be infinite otherwise."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics on the test split. Shares are between 0 and 1."""

    tweets: int
    accuracy: float
    accuracy_interval: Interval
    """Wilson's 95 % confidence interval."""
    macro_f1: float
    macro_f1_interval: Interval | None
    """95 % bootstrap interval; None with too few test tweets, and if all resamples give the same value."""
    log_loss: float
    """Mean of -ln(probability of the true label). A certain and correct model has 0; a coin with two labels, ln 2."""
    log_loss_interval: Interval | None
    """As for macro-F1."""
    reliability: list[dict[str, float]]
    """Calibration: for each bin of the predicted label's probability, tweets, mean probability and accuracy."""
    calibration_error: float
    """Expected calibration error: the mean difference between probability and accuracy, over the bins' tweets."""
    constant_log_loss: float
    """The log loss of always answering the shares that the labels have in the test split."""
    majority_label: str
    """The most common label of the test split."""
    majority_accuracy: float
    """Accuracy of the majority baseline, which always answers `majority_label`."""
    labels: dict[str, dict[str, Any]]
    """
    Precision, recall, F1 and number of tweets of each label that occurs in the test split or in the predictions;
    Wilson's intervals of precision and recall, None for a share of no tweets.
    """
    labels_without_test_tweets: list[str]
    """The test split says nothing about these."""
    confusion: dict[str, dict[str, int]]
    """Confusion matrix: counts by true label, then by predicted label."""

    @property
    def labels_never_right(self) -> list[str]:
        """Labels with test tweets, of which the model gets none right."""
        return [label for label, scores in self.labels.items() if scores["tweets"] and not scores["recall"]]

    def calibration_in_words(self) -> str:
        """How far the predicted probabilities can be relied on."""
        sentence = (
            f"The expected calibration error is {self.calibration_error:.3f}. The log loss is {self.log_loss:.3f}; "
            f"always answering the labels' shares gives {self.constant_log_loss:.3f}."
        )
        if self.log_loss >= self.constant_log_loss:
            sentence += " So the probabilities say less than these shares: use the predicted label only."
        sure = max(self.reliability, key=lambda entry: entry["from"])
        if sure["tweets"] >= MIN_TWEETS_FOR_BOOTSTRAP:
            sentence = (
                f"Where the model says {sure['from']:.0%} or more ({sure['probability']:.0%} on average), it is right "
                f"{sure['accuracy']:.0%} of the time ({sure['tweets']:,} test tweets). {sentence}"
            )
        return sentence

    @property
    def significantly_beats_majority(self) -> bool:
        return self.accuracy_interval[0] > self.majority_accuracy

    def headline(self) -> str:
        """Accuracy with its interval, and the majority baseline's accuracy."""
        low, high = self.accuracy_interval
        return f"accuracy {self.accuracy:.1%} ({low:.1%} to {high:.1%}), majority {self.majority_accuracy:.1%}"

    def verdict(self) -> str:
        """How the model compares with the majority baseline, in sentences."""
        low, high = self.accuracy_interval
        sentence = (
            f"Accuracy {self.accuracy:.1%} on {self.tweets:,} test tweets (95 % interval {low:.1%} to {high:.1%}): "
            f"{self._versus_majority()} the majority baseline (always {self.majority_label}: "
            f"{self.majority_accuracy:.1%})."
        )
        if untested := ", ".join(self.labels_without_test_tweets):
            sentence += f" Not tested, because no test tweet has the label: {untested}."
        if never_right := ", ".join(self.labels_never_right):
            sentence += f" Never right on tweets of: {never_right}."
        return sentence

    def _versus_majority(self) -> str:
        if self.significantly_beats_majority:
            return "significantly better than"
        if self.accuracy_interval[1] < self.majority_accuracy:
            return "significantly worse than"
        return "not significantly better than" if self.accuracy > self.majority_accuracy else "no better than"


def evaluate(labels: Sequence[str], predictions: Sequence[Prediction], known_labels: Sequence[str]) -> Evaluation:
    """
    Score predictions against the true labels of the test split.

    :param labels: one true label for each prediction; at least one
    :param known_labels: every label of the hashtag, in the order for tables
    """
    predicted = [prediction.label for prediction in predictions]
    correct = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    majority_label, majority_count = Counter(sorted(labels)).most_common(1)[0]
    scores = _scores_by_label(labels, predicted, known_labels)
    macro_f1 = float(np.mean([score["f1"] for score in scores.values()]))
    losses = _losses(labels, predictions)
    log_loss = float(losses.mean())
    macro_f1s, log_losses = _bootstrap(labels, predicted, losses)
    return Evaluation(
        tweets=len(labels),
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        macro_f1=macro_f1,
        macro_f1_interval=_percentile_interval(macro_f1s, macro_f1),
        log_loss=log_loss,
        log_loss_interval=_percentile_interval(log_losses, log_loss),
        reliability=(reliability := _reliability(labels, predictions)),
        calibration_error=sum(entry["tweets"] * abs(entry["probability"] - entry["accuracy"]) for entry in reliability)
        / len(labels),
        constant_log_loss=_entropy(labels),
        majority_label=majority_label,
        majority_accuracy=majority_count / len(labels),
        labels=scores,
        labels_without_test_tweets=[label for label in known_labels if label not in labels],
        confusion=_confusion(labels, predicted, known_labels),
    )


def wilson_interval(correct: int, tweets: int) -> Interval:
    """Wilson's 95 % confidence interval of an accuracy."""
    from scipy.stats import binomtest

    interval = binomtest(correct, tweets).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def most_confident_mistakes(labels: Sequence[str], predictions: Sequence[Prediction], count: int) -> list[int]:
    """Positions of the wrong predictions with the highest probabilities, the highest first."""
    wrong = (
        (-prediction.probability, position)
        for position, (label, prediction) in enumerate(zip(labels, predictions, strict=True))
        if prediction.label != label
    )
    return [position for _, position in heapq.nsmallest(count, wrong)]


def _entropy(labels: Sequence[str]) -> float:
    shares = np.array(list(Counter(labels).values())) / len(labels)
    return float(-(shares * np.log(shares)).sum())


def _scores_by_label(
    labels: Sequence[str], predicted: Sequence[str], known_labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    from sklearn.metrics import precision_recall_fscore_support

    present = [label for label in known_labels if label in labels or label in predicted]
    scores = precision_recall_fscore_support(labels, predicted, labels=present, zero_division=0)
    names = ("precision", "recall", "f1", "tweets")
    by_label: dict[str, dict[str, Any]] = {
        label: dict(zip(names, map(float, label_scores), strict=True))
        for label, *label_scores in zip(present, *scores, strict=True)
    }
    right = Counter(label for label, guess in zip(labels, predicted, strict=True) if label == guess)
    for name, tweets in (("precision_interval", Counter(predicted)), ("recall_interval", Counter(labels))):
        for label in present:
            by_label[label][name] = wilson_interval(right[label], tweets[label]) if tweets[label] else None
    return by_label


def _confusion(
    labels: Sequence[str], predicted: Sequence[str], known_labels: Sequence[str]
) -> dict[str, dict[str, int]]:
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(labels, predicted, labels=known_labels).tolist()
    return {label: dict(zip(known_labels, row, strict=True)) for label, row in zip(known_labels, matrix, strict=True)}


def _losses(labels: Sequence[str], predictions: Sequence[Prediction]) -> np.ndarray:
    """The log loss of each tweet. Probabilities are scaled to a sum of 1, because fastText's are rounded."""
    probabilities = [
        prediction.probabilities.get(label, 0.0) / (sum(prediction.probabilities.values()) or 1.0)
        for label, prediction in zip(labels, predictions, strict=True)
    ]
    losses: np.ndarray = -np.log(np.clip(probabilities, MIN_PROBABILITY, 1.0))
    return losses


def _bootstrap(labels: Sequence[str], predicted: Sequence[str], losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Macro-F1 and log loss of resamples of the test split; both empty with too few tweets.

    A resample draws, with replacement, as many tweets of each label as the test split has. If it drew from all tweets,
    it would miss rare labels now and then, and its macro-F1, a mean over fewer labels, would be too high.
    """
    if len(labels) < MIN_TWEETS_FOR_BOOTSTRAP:
        return np.empty(0), np.empty(0)
    names = sorted({*labels, *predicted})
    codes = {name: code for code, name in enumerate(names)}
    truth = np.array([codes[label] for label in labels])
    # Each tweet's position in the flattened confusion matrix.
    cells = truth * len(names) + np.array([codes[guess] for guess in predicted])
    # The tweets sorted by label; for each of them, where its label's tweets start and how many there are.
    order = np.argsort(truth, kind="stable")
    counts = np.bincount(truth, minlength=len(names))
    starts, sizes = np.repeat(np.cumsum(counts) - counts, counts), np.repeat(counts, counts)
    generator = np.random.default_rng(0)
    macro_f1s, log_losses = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = order[starts + generator.integers(0, sizes)]
        confusion = np.bincount(cells[drawn], minlength=len(names) ** 2).reshape(len(names), len(names))
        macro_f1s[number], log_losses[number] = _macro_f1(confusion), losses[drawn].mean()
    return macro_f1s, log_losses


def _macro_f1(confusion: np.ndarray) -> float:
    """scikit-learn's macro-F1 from a confusion matrix, at a fraction of its time. F1 is 2·tp / (true + predicted)."""
    true_and_predicted = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * np.diag(confusion) / np.maximum(true_and_predicted, 1)).mean())


def _percentile_interval(values: np.ndarray, figure: float) -> Interval | None:
    """The percentile interval of bootstrapped values, widened if it does not contain the figure itself."""
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
            "accuracy": float(np.mean([correct for _, correct in entries])),
        }
        for index, entries in sorted(bins.items())
    ]
