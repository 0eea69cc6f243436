"""Two models on the same test tweets, by McNemar's test."""

from collections.abc import Sequence
from dataclasses import dataclass

SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of test tweets that a model and another one have answered."""

    tweets: int
    right: int
    other_right: int
    alone_right: int
    """The model is right, and the other one is not."""
    other_alone_right: int
    p_value: float
    """Of McNemar's test, exact and two-sided: how likely so uneven a share of the tweets on which one of the two alone
    is right would be, were the models equally good."""

    @property
    def significantly_better(self) -> bool:
        return self.alone_right > self.other_alone_right and self.p_value < SIGNIFICANCE

    @property
    def significantly_worse(self) -> bool:
        return self.alone_right < self.other_alone_right and self.p_value < SIGNIFICANCE

    def in_words(self) -> str:
        """How this model does beside the other, with the figures."""
        found = "significantly better" if self.significantly_better else "no significant difference"
        found = "significantly worse" if self.significantly_worse else found
        return (
            f"{found} (this model alone is right on {self.alone_right:,}, the other alone on "
            f"{self.other_alone_right:,}; McNemar's exact test, p = {self.p_value:.2g})"
        )


def compare(labels: Sequence[str], predicted: Sequence[str], other_predicted: Sequence[str]) -> Comparison:
    """
    :param labels: the test tweets' true labels
    :param predicted: the model's answer for each
    :param other_predicted: the other model's; neither must have been trained on any of the tweets
    """
    from scipy.stats import binomtest

    right = [
        (label == ours, label == theirs) for label, ours, theirs in zip(labels, predicted, other_predicted, strict=True)
    ]
    alone, other_alone = right.count((True, False)), right.count((False, True))
    return Comparison(
        tweets=len(right),
        right=sum(ours for ours, _ in right),
        other_right=sum(theirs for _, theirs in right),
        alone_right=alone,
        other_alone_right=other_alone,
        # The exact test is right for any number of disagreements; the usual chi-square is its approximation for many.
        p_value=float(binomtest(alone, alone + other_alone).pvalue) if alone + other_alone else 1.0,
    )
