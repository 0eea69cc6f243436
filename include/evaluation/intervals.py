"""Confidence intervals of shares."""

import math
from collections.abc import Sequence
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

Interval = tuple[float, float]


def wilson_interval(correct: int, tweets: int, z: float = _Z) -> Interval:
    """
    Wilson's confidence interval of a share, such as an accuracy.

    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval

    :param z: the normal distribution's quantile; by default that of 95 %
    """
    share, z2 = correct / tweets, z**2
    centre = (share + z2 / (2 * tweets)) / (1 + z2 / tweets)
    half = z / (1 + z2 / tweets) * math.sqrt(share * (1 - share) / tweets + z2 / (4 * tweets**2))
    # Rounding must not move the ends off 0 and 1.
    return (0.0 if correct == 0 else centre - half), (1.0 if correct == tweets else centre + half)


def interval_of_mean(counts: Sequence[tuple[int, int]]) -> Interval:
    """
    The 95 % confidence interval of the mean of independent shares, such as the recalls of the labels.

    The variance of each share is that of a share with two right and two wrong tweets added (Agresti and Coull, The
    American Statistician 52, 1998). So the interval is wide where a share is of few tweets, also if none or all of them
    are right. Simulated, a model that guesses is above chance in at most 3 % of the cases, instead of 2.5 %.

    :param counts: for each share, the number of right tweets and of tweets
    """
    mean = sum(correct / tweets for correct, tweets in counts) / len(counts)
    half = _Z * math.sqrt(sum(_variance(correct, tweets) for correct, tweets in counts)) / len(counts)
    return max(0.0, mean - half), min(1.0, mean + half)


def _variance(correct: int, tweets: int) -> float:
    share = (correct + _Z**2 / 2) / (tweets + _Z**2)
    return share * (1 - share) / tweets
