"""Confidence intervals of shares."""

import math
from collections.abc import Sequence
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

Interval = tuple[float, float]


def wilson_interval(correct: int, tweets: int) -> Interval:
    """
    Wilson's 95 % confidence interval of a share, such as an accuracy.

    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    share, z2 = correct / tweets, _Z**2
    centre = (share + z2 / (2 * tweets)) / (1 + z2 / tweets)
    half = _Z / (1 + z2 / tweets) * math.sqrt(share * (1 - share) / tweets + z2 / (4 * tweets**2))
    # Rounding must not move the ends off 0 and 1.
    return (0.0 if correct == 0 else centre - half), (1.0 if correct == tweets else centre + half)


def interval_of_mean(counts: Sequence[tuple[int, int]]) -> Interval:
    """
    The 95 % confidence interval of the mean of independent shares, such as the recalls of the labels.

    Each share's Wilson interval is made part of the mean's (MOVER: Zou and Donner, Statistics in Medicine 27, 2008). So
    the interval is wide where a share of the mean is of few tweets, also if all of them are right.

    :param counts: for each share, the number of right tweets and of tweets
    """
    shares = [correct / tweets for correct, tweets in counts]
    intervals = [wilson_interval(correct, tweets) for correct, tweets in counts]
    mean = sum(shares) / len(shares)
    below = math.hypot(*(share - low for share, (low, _) in zip(shares, intervals, strict=True))) / len(shares)
    above = math.hypot(*(high - share for share, (_, high) in zip(shares, intervals, strict=True))) / len(shares)
    return mean - below, mean + above
