"""Metrics of a model on the test split."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from include.evaluation.calibration import (
    MIN_TWEETS_OF_A_SENTENCE,
    Temperature,
    calibration_error,
    constant_log_loss,
    reliability,
)
from include.evaluation.intervals import CONFIDENCE, Interval, interval_of_mean, wilson_interval
from include.evaluation.outcomes import Outcomes

RESAMPLES = 1000
"""Of the bootstrap. Its seed is fixed, so that the same predictions give the same intervals."""
MIN_TWEETS_FOR_BOOTSTRAP = 30
"""Resamples of fewer tweets say little about tweets that are not among them."""

GateMetric = Literal["accuracy", "balanced_accuracy"]
GATE_METRICS: tuple[GateMetric, ...] = get_args(GateMetric)


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric with its interval, and what the majority baseline has."""

    name: str
    value: float
    interval: Interval
    majority: float

    @property
    def significantly_beats_majority(self) -> bool:
        return self.interval[0] > self.majority

    def in_words(self) -> str:
        low, high = self.interval
        return f"{self.name} {self.value:.1%} ({low:.1%} to {high:.1%}), majority {self.majority:.1%}"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics on the test split. Shares are between 0 and 1."""

    tweets: int
    accuracy: float
    accuracy_interval: Interval
    """Wilson's 95 % confidence interval."""
    balanced_accuracy: float
    """
    The mean recall of the labels that have test tweets. Each label counts the same, however rare it is. The majority
    baseline has 1 / the number of these labels.
    """
    balanced_accuracy_interval: Interval
    """95 % confidence interval: see `include.evaluation.intervals.interval_of_mean`."""
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
    temperature: Temperature | None = None
    """If one makes the probabilities certainly better on the validation split."""

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
        lowest = self.log_loss_interval[0] if self.log_loss_interval else self.log_loss
        if self.tweets >= MIN_TWEETS_FOR_BOOTSTRAP and lowest >= self.constant_log_loss:
            sentence += " So the probabilities say less than these shares: use the predicted label only."
        sure = max(self.reliability, key=lambda entry: entry["from"])
        if sure["tweets"] >= MIN_TWEETS_OF_A_SENTENCE:
            low, high = wilson_interval(round(sure["accuracy"] * sure["tweets"]), int(sure["tweets"]))
            sentence = (
                f"Where the model says {sure['from']:.0%} or more ({sure['probability']:.0%} on average), it is right "
                f"{sure['accuracy']:.0%} of the time ({low:.0%} to {high:.0%}; {sure['tweets']:,} test tweets). "
                f"{sentence}"
            )
        if self.temperature is None:
            return sentence
        return f"{sentence} {self.temperature.in_words(self.log_loss, self.calibration_error)}"

    @property
    def significantly_beats_majority(self) -> bool:
        return self.figure("accuracy").significantly_beats_majority

    @property
    def tells_labels_apart(self) -> bool:
        """Whether the labels' mean recall is certainly above that of a model which does not look at the tweets."""
        return self.figure("balanced_accuracy").significantly_beats_majority

    def figure(self, metric: GateMetric) -> Figure:
        """One of the metrics that the gate can use."""
        if metric == "accuracy":
            return Figure("accuracy", self.accuracy, self.accuracy_interval, self.majority_accuracy)
        tested = sum(1 for scores in self.labels.values() if scores["tweets"])
        return Figure("balanced accuracy", self.balanced_accuracy, self.balanced_accuracy_interval, 1 / tested)

    def headline(self, metric: GateMetric = "accuracy") -> str:
        """The accuracy, and the gate's metric if that is another one, with intervals and the majority baseline's."""
        metrics: tuple[GateMetric, ...] = ("accuracy",) if metric == "accuracy" else (metric, "accuracy")
        return "; ".join(self.figure(name).in_words() for name in metrics)

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


def evaluate(outcomes: Outcomes, known_labels: Sequence[str], temperature: Temperature | None = None) -> Evaluation:
    """
    Compute the metrics of predictions for the test split.

    :param outcomes: of at least one tweet
    :param known_labels: every label of the hashtag, in the order for tables
    """
    labels, predicted = outcomes.labels, outcomes.predicted
    correct = int(outcomes.right.sum())
    majority_label, majority_count = Counter(sorted(labels)).most_common(1)[0]
    tested = set(labels)
    scores = _scores_by_label(labels, predicted, known_labels)
    recalls = [(round(score["recall"] * score["tweets"]), int(score["tweets"])) for score in scores.values()]
    recalls = [(right, tweets) for right, tweets in recalls if tweets]
    macro_f1 = float(np.mean([score["f1"] for score in scores.values()]))
    log_loss = float(outcomes.losses.mean())
    macro_f1s, log_losses = _bootstrap(outcomes, list(scores))
    bins = reliability(outcomes)
    return Evaluation(
        tweets=len(labels),
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        balanced_accuracy=sum(right / tweets for right, tweets in recalls) / len(recalls),
        balanced_accuracy_interval=interval_of_mean(recalls),
        macro_f1=macro_f1,
        macro_f1_interval=_percentile_interval(macro_f1s, macro_f1),
        log_loss=log_loss,
        log_loss_interval=_percentile_interval(log_losses, log_loss),
        reliability=bins,
        calibration_error=calibration_error(bins),
        constant_log_loss=constant_log_loss(labels),
        majority_label=majority_label,
        majority_accuracy=majority_count / len(labels),
        labels=scores,
        labels_without_test_tweets=[label for label in known_labels if label not in tested],
        confusion=_confusion(labels, predicted, known_labels),
        temperature=temperature,
    )


def _scores_by_label(
    labels: Sequence[str], predicted: Sequence[str], known_labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    from sklearn.metrics import precision_recall_fscore_support

    seen = {*labels, *predicted}
    present = [label for label in known_labels if label in seen]
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

    # A tweet of which the model knows no word has no predicted label.
    columns = [*known_labels, *sorted({*predicted} - {*known_labels})]
    matrix = confusion_matrix(labels, predicted, labels=columns).tolist()
    return {label: dict(zip(columns, row, strict=True)) for label, row in zip(known_labels, matrix, strict=False)}


def _bootstrap(outcomes: Outcomes, scored_labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """
    Macro-F1 and log loss of resamples of the test split; both empty with too few tweets.

    A resample draws, with replacement, as many tweets of each label as the test split has. If it drew from all tweets,
    it would miss rare labels now and then, and its macro-F1, a mean over fewer labels, would be too high.
    """
    labels, predicted, losses = outcomes.labels, outcomes.predicted, outcomes.losses
    if len(labels) < MIN_TWEETS_FOR_BOOTSTRAP:
        return np.empty(0), np.empty(0)
    names = [*scored_labels, *sorted({*labels, *predicted} - {*scored_labels})]
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
        macro_f1s[number], log_losses[number] = _macro_f1(confusion, len(scored_labels)), losses[drawn].mean()
    return macro_f1s, log_losses


def _macro_f1(confusion: np.ndarray, count: int) -> float:
    """scikit-learn's macro-F1 from a confusion matrix, at a fraction of its time. F1 is 2·tp / (true + predicted)."""
    true_and_predicted = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * np.diag(confusion) / np.maximum(true_and_predicted, 1))[:count].mean())


def _percentile_interval(values: np.ndarray, figure: float) -> Interval | None:
    """The percentile interval of bootstrapped values, widened if it does not contain the figure itself."""
    if len(values) < RESAMPLES or np.ptp(values) == 0:
        return None
    outside = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(values, [outside, 100 - outside])
    return min(float(low), figure), max(float(high), figure)
