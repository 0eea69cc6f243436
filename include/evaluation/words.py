"""Which words tell a label: their weights in the model are large, and their train tweets have the label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from include.evaluation.intervals import CONFIDENCE, wilson_interval

CANDIDATES = 300
"""So many of a label's heaviest words are considered."""
SHOWN = 15
MIN_TWEETS = 3
MIN_ODDS_RATIO = 1.5
"""A word tells a label if it makes the label's odds certainly so many times as large."""


def telling_words(
    heaviest: Mapping[str, Sequence[Mapping[str, Any]]], train: Sequence[tuple[str, str]]
) -> dict[str, list[dict[str, Any]]]:
    """
    Rank words by how surely they tell a label.

    A function word can have a large weight, but its tweets have all labels. So the rank is by the label's share among
    the train tweets with the word: by the lower end of its interval, as odds. As the words are chosen among all words
    of the train split, the intervals are so wide that chance lets any word pass in one of twenty data sets
    (Bonferroni).

    :param heaviest: by label the words with the largest weights (`LocalModel.heaviest_words`)
    :param train: labels and instances
    :return: the same entries with `tweets`, the number of train tweets with the word, and `share`, that of the label
        among them; no label that no word tells
    """
    counts = _Counts(train)
    ranked = {label: counts.surest(label, entries)[:SHOWN] for label, entries in heaviest.items()}
    return {label: entries for label, entries in ranked.items() if entries}


class _Counts:
    """Train tweets by label and word."""

    def __init__(self, train: Sequence[tuple[str, str]]):
        self._labels = Counter(label for label, _ in train)
        self._tweets: Counter[str] = Counter()
        self._of_label: Counter[tuple[str, str]] = Counter()
        for label, instance in train:
            words = set(instance.split(" "))
            self._tweets.update(words)
            self._of_label.update((label, word) for word in words)
        tests = len(self._labels) * sum(tweets >= MIN_TWEETS for tweets in self._tweets.values())
        self._z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / max(tests, 1))

    def surest(self, label: str, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The entries whose words tell the label, the surest first."""
        base = _odds(self._labels[label] / self._labels.total())
        rated = []
        for entry in entries:
            right, tweets = self._of_label[label, entry["word"]], self._tweets[entry["word"]]
            if not tweets:
                continue
            low = _odds(wilson_interval(right, tweets, self._z)[0])
            if low > MIN_ODDS_RATIO * base:
                rated.append((low, {**entry, "tweets": tweets, "share": right / tweets}))
        return [entry for _, entry in sorted(rated, key=lambda pair: -pair[0])]


def _odds(share: float) -> float:
    return share / max(1 - share, 1e-12)
