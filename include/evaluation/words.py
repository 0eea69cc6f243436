"""Which words tell a label: their weights in the model are large, and their train tweets have the label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from include.evaluation.intervals import wilson_interval

CANDIDATES = 300
"""So many of a label's heaviest words are considered."""
SHOWN = 15


def telling_words(
    heaviest: Mapping[str, Sequence[Mapping[str, Any]]], train: Sequence[tuple[str, str]]
) -> dict[str, list[dict[str, Any]]]:
    """
    Rank words by how surely they tell a label.

    A function word can have a large weight, but its tweets have all labels. So the rank is the lower end of the
    interval of the label's share among the train tweets with the word. A word whose lower end does not exceed the
    label's share among all train tweets tells nothing for certain, and is left out.

    :param heaviest: by label the words with the largest weights (`LocalModel.heaviest_words`)
    :param train: labels and instances
    :return: the same entries with `tweets`, the number of train tweets with the word, and `share`, that of the label
        among them
    """
    counts = _Counts(train, {entry["word"] for entries in heaviest.values() for entry in entries})
    ranked = {label: counts.surest(label, entries)[:SHOWN] for label, entries in heaviest.items()}
    return {label: entries for label, entries in ranked.items() if entries}


class _Counts:
    """Train tweets by label and word."""

    def __init__(self, train: Sequence[tuple[str, str]], words: set[str]):
        self._labels = Counter(label for label, _ in train)
        self._tweets: Counter[str] = Counter()
        self._of_label: Counter[tuple[str, str]] = Counter()
        for label, instance in train:
            found = words.intersection(instance.split(" "))
            self._tweets.update(found)
            self._of_label.update((label, word) for word in found)

    def surest(self, label: str, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The entries whose words tell the label, the surest first."""
        base = self._labels[label] / self._labels.total()
        rated = []
        for entry in entries:
            right, tweets = self._of_label[label, entry["word"]], self._tweets[entry["word"]]
            if tweets and (low := wilson_interval(right, tweets)[0]) > base:
                rated.append((low, {**entry, "tweets": tweets, "share": right / tweets}))
        return [entry for _, entry in sorted(rated, key=lambda pair: -pair[0])]
