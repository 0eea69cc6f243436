"""Comparison of two models on the same test tweets, with McNemar's test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from include.evaluation.metrics import GateMetric

SIGNIFICANCE = 0.05
RESAMPLES = 20_000
"""Of the test for the balanced accuracy. Its seed is fixed."""
MIN_CONTRADICTED = 20
MAX_AGREEMENT = 0.1
"""Two models contradict each other if they agree on a smaller share of at least MIN_CONTRADICTED right predictions."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a model compares with another one, in counts of test tweets."""

    tweets: int
    right: int
    other_right: int
    alone_right: int
    """Tweets on which this model is right and the other one is wrong."""
    other_alone_right: int
    """Tweets on which this model is wrong and the other one is right."""
    p_value: float
    """
    Of McNemar's test, exact and two-sided: the probability that two equally good models differ as much as these do on
    the tweets on which exactly one of them is right.
    """
    balanced_gain: float
    """This model's balanced accuracy minus the other one's."""
    balanced_p_value: float
    """
    The same probability for the balanced accuracy: McNemar's test in which a tweet weighs 1 / its label's tweets. It is
    drawn: each tweet on which exactly one model is right could as well be the other one's.
    """

    @property
    def significantly_better(self) -> bool:
        return self.alone_right > self.other_alone_right and self.p_value < SIGNIFICANCE

    @property
    def significantly_worse(self) -> bool:
        return self.alone_right < self.other_alone_right and self.p_value < SIGNIFICANCE

    def worse(self, metric: GateMetric) -> bool:
        """Whether this model is significantly worse by a metric."""
        if metric == "accuracy":
            return self.significantly_worse
        return self.balanced_gain < 0 and self.balanced_p_value < SIGNIFICANCE

    @property
    def contradicts(self) -> bool:
        """Whether one of the models is wrong on nearly all tweets that the other one gets right."""
        both_right = self.right - self.alone_right
        return any(
            right >= MIN_CONTRADICTED and both_right < MAX_AGREEMENT * right for right in (self.right, self.other_right)
        )

    def in_words(self, other: str = "the other model") -> str:
        """How this model compares with the other one, with the figures."""
        return (
            f"{self._relation()} {other} (right where the other is wrong: {self.alone_right:,} tweets; wrong where the "
            f"other is right: {self.other_alone_right:,}; McNemar's exact test, p = {self.p_value:.2g})"
        )

    def balanced_in_words(self, other: str) -> str:
        """How much the balanced accuracies differ."""
        return (
            f"{100 * abs(self.balanced_gain):.1f} percentage points {'below' if self.balanced_gain < 0 else 'above'} "
            f"{other} in balanced accuracy (p = {self.balanced_p_value:.2g})"
        )

    def _relation(self) -> str:
        if self.significantly_better:
            return "significantly better than"
        return "significantly worse than" if self.significantly_worse else "not significantly different from"


def compare(labels: Sequence[str], predicted: Sequence[str], other_predicted: Sequence[str]) -> Comparison:
    """
    :param labels: the test tweets' true labels
    :param predicted: the model's predictions
    :param other_predicted: the other model's predictions; neither model must have been trained on any of the tweets
    """
    from scipy.stats import binomtest

    right = [
        (label == ours, label == theirs) for label, ours, theirs in zip(labels, predicted, other_predicted, strict=True)
    ]
    alone, other_alone = right.count((True, False)), right.count((False, True))
    balanced_gain, balanced_p_value = _compare_balanced(
        Counter(labels),
        Counter(label for label, pair in zip(labels, right, strict=True) if pair == (True, False)),
        Counter(label for label, pair in zip(labels, right, strict=True) if pair == (False, True)),
    )
    disagreements = alone + other_alone
    return Comparison(
        tweets=len(right),
        right=sum(ours for ours, _ in right),
        other_right=sum(theirs for _, theirs in right),
        alone_right=alone,
        other_alone_right=other_alone,
        # The exact test holds for any number of disagreements; the chi-squared test only approximates it for many.
        p_value=float(binomtest(alone, disagreements).pvalue) if disagreements else 1.0,
        balanced_gain=balanced_gain,
        balanced_p_value=balanced_p_value,
    )


def _compare_balanced(
    tweets: Mapping[str, int], alone: Mapping[str, int], other_alone: Mapping[str, int]
) -> tuple[float, float]:
    """The difference of the balanced accuracies, and its p-value; the parameters are counts by label."""
    import numpy as np

    names = sorted(tweets)
    weights = np.array([1 / (tweets[name] * len(names)) for name in names])
    gains = np.array([alone.get(name, 0) - other_alone.get(name, 0) for name in names])
    disagreements = np.array([alone.get(name, 0) + other_alone.get(name, 0) for name in names])
    gain = float(gains @ weights)
    drawn = 2 * np.random.default_rng(0).binomial(disagreements, 0.5, (RESAMPLES, len(names))) - disagreements
    as_extreme = np.abs(drawn @ weights) >= abs(gain) - 1e-12
    return gain, float((1 + as_extreme.sum()) / (1 + RESAMPLES))
