"""How good a model is on the frozen test split, and whether that is good enough to be deployed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from include.blazingtext.predictions import Prediction

Deploy = Literal["auto", "always", "never"]
DEPLOY: tuple[Deploy, ...] = get_args(Deploy)

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures on the test split; shares, not percent."""

    tweets: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """Wilson's 95 % interval, with each test tweet as one independent trial."""
    macro_f1: float
    majority_label: str
    majority_accuracy: float
    """Of whoever always answers the test split's commonest label: the hardest form of this baseline."""
    labels: dict[str, dict[str, float]]
    """Precision, recall, F1 and number of tweets by label."""
    confusion: dict[str, dict[str, int]]
    """Counts by true label, then by predicted label."""

    @property
    def beats_majority_beyond_chance(self) -> bool:
        return self.accuracy_interval[0] > self.majority_accuracy

    def verdict(self) -> str:
        """The figures in words."""
        low, high = self.accuracy_interval
        comparison = (
            "better, beyond chance,"
            if self.beats_majority_beyond_chance
            else "not shown to be better"
            if self.accuracy > self.majority_accuracy
            else "no better"
        )
        return (
            f"Right on {self.accuracy:.1%} of {self.tweets:,} test tweets (95 % interval {low:.1%} to {high:.1%}): "
            f"{comparison} than always answering {self.majority_label} ({self.majority_accuracy:.1%})."
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
    return Evaluation(
        tweets=len(labels),
        accuracy=right / len(labels),
        accuracy_interval=(float(interval.low), float(interval.high)),
        macro_f1=float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0)),
        majority_label=majority_label,
        majority_accuracy=majority_count / len(labels),
        labels={
            label: {name: float(score[row]) for name, score in zip(names, scores, strict=True)}
            for row, label in enumerate(present)
        },
        confusion={
            label: {guess: int(matrix[row, column]) for column, guess in enumerate(known_labels)}
            for row, label in enumerate(known_labels)
        },
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to deploy, and the reason in words."""

    deploy: bool
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"deploy": self.deploy, "reason": self.reason}


def decide(evaluation: Evaluation, deploy: Deploy, date: str, newest_date: str, min_gain: float) -> Decision:
    """
    The gate. With deploy=auto, the newest date's model is deployed, and only where even the lower end of its accuracy's
    interval exceeds the majority's accuracy by more than `min_gain`.
    """
    low, high = evaluation.accuracy_interval
    gain = low - evaluation.majority_accuracy
    figures = (
        f"accuracy {evaluation.accuracy:.1%} ({low:.1%} to {high:.1%}), majority {evaluation.majority_accuracy:.1%}"
    )
    if deploy == "never":
        return Decision(False, "Not deployed: deploy=never.")
    if deploy == "always":
        return Decision(True, f"Deployed: deploy=always ({figures}).")
    if date < newest_date:
        return Decision(
            False,
            f"Not deployed: labelled tweets of a newer date are there ({newest_date}), and deploy=auto serves the "
            f"newest only ({figures}).",
        )
    if gain <= min_gain:
        return Decision(
            False,
            f"Not deployed: {figures}. The interval's lower end must exceed the majority by more than {min_gain:.1%}; "
            f"it is {gain:+.1%}.",
        )
    return Decision(True, f"Deployed: {figures}.")
