"""
The second pass of `include.tweets.prepare`: it makes examples from the rows of a bucket.

All rows of a tweet are in the same bucket. So a bucket is enough to merge duplicates and to let the majority decide
where labels contradict each other.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from include.tweets.cells import csv_line
from include.tweets.cleaning import clean, plain_text
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import RejectedRows
from include.tweets.rows import MAX_EXCERPT, Rejection
from include.tweets.split import SPLITS, Split, assign, keyed_hash
from include.tweets.spool import SpooledBucket
from include.tweets.supervised import format_example
from include.tweets.tokens import instances

EXAMPLES_PER_LABEL = 3
CONFLICT_EXAMPLES = 10
CONFLICT_CHARACTERS = 300
TWEETS_AT_ONCE = 2000
"""Tweets that are tokenised together, which is faster than one by one."""


@dataclass(slots=True)
class Bucket:
    """The result of the second pass for one bucket."""

    examples: dict[Split, bytes] = field(default_factory=dict)
    """Lines of the channels."""
    test_tweets: str = ""
    """Lines of test_tweets.csv."""
    labels: Counter[tuple[Split, str]] = field(default_factory=Counter)
    tokens: dict[Split, npt.NDArray[np.uint64]] = field(default_factory=dict)
    """Hashes of the different tokens."""
    rejected: RejectedRows = field(default_factory=RejectedRows)
    samples: list[dict[str, str]] = field(default_factory=list)
    """Some test tweets of each label, for the smoke test."""
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    """Some tweets with contradictory labels, for the report."""
    tweets: int = 0
    """Different tweets; as the fields below, including those whose rows are rejected here."""
    conflicting_tweets: int = 0
    """Tweets with contradictory labels."""
    conflicting_rows: int = 0
    """Rows of these tweets."""
    ties: int = 0
    """Tweets without a majority label."""
    majority_rows: int = 0
    """Rows with the most common label of their tweet."""
    superseded: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Tweets that a newer file labels differently, by the older and the newer file."""
    tied_between: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Tweets whose labels tie, by the files of their rows, if there are several."""
    duplicates: int = 0
    """Rows of an example in addition to the first one."""


def process_bucket(
    paths: Iterable[Path], files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings
) -> Bucket:
    """
    :param paths: the files of one bucket (see `include.tweets.spool.spooled_buckets`)
    :param files: the names of the input files, by their index in the spool
    :param ranks: the ranks of the input files; only the labels of the highest rank count (`Source.rank`)
    """
    merger = _Merger(SpooledBucket.load(paths, settings), files, ranks, settings)
    examples = _Examples(settings)
    tweets = merger.tweets()
    while batch := list(islice(tweets, TWEETS_AT_ONCE)):
        for tweet, instance in zip(batch, instances([tweet.text for tweet in batch]), strict=True):
            if instance:
                examples.add(tweet, instance)
            else:
                examples.bucket.rejected.extend(merger.without_tokens(tweet))
    return examples.finished(merger.bucket)


@dataclass(frozen=True, slots=True)
class _Tweet:
    """A tweet with its label, merged from all of its rows with this label."""

    label: str
    cell: str
    text: str
    group: str
    cells: list[int]
    """Indices of the rows' cells in the spooled bucket."""
    rows: int


@dataclass(frozen=True, slots=True)
class _LabelledRow:
    file_index: int
    line: int
    file: str
    label: str
    rank: int
    cell: str


class _Merger:
    """Merges the rows of each tweet, and counts them in `bucket`."""

    def __init__(self, spooled: SpooledBucket, files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings):
        self._spooled, self._files, self._ranks, self._settings = spooled, files, ranks, settings
        self._counts = np.bincount(spooled.rows[:, 0], minlength=len(spooled.cells)).tolist()
        self.bucket = Bucket()

    def tweets(self) -> Iterator[_Tweet]:
        """The tweets with a label, in the order of their keys. Tweets whose labels tie have none."""
        cells = self._spooled.cells
        keys = [cell.key for cell in cells]
        for _, indices in groupby(sorted(range(len(cells)), key=keys.__getitem__), key=keys.__getitem__):
            if (tweet := self._tweet(list(indices))) is not None:
                yield tweet

    def without_tokens(self, tweet: _Tweet) -> RejectedRows:
        rejected = RejectedRows()
        for row in self._rows(tweet.cells):
            detail = "the text contains no token"
            rejected.add(Rejection(row.file, row.line, "empty_text", detail, tweet.cell[:MAX_EXCERPT]))
        return rejected

    def _tweet(self, indices: list[int]) -> _Tweet | None:
        """
        Merge the rows of one tweet; None if its labels tie.

        :param indices: the indices of its cells
        """
        self.bucket.tweets += 1
        label = self._label(indices)
        if label is None:
            self.bucket.ties += 1
            return None
        indices = [index for index in indices if self._spooled.cells[index].label == label]
        # The smallest of several cells represents the tweet, so that the order of the rows does not matter.
        cell = min(self._spooled.cells[index].cell for index in indices)
        tweet = clean(cell, self._settings.recipe)
        rows = sum(self._counts[index] for index in indices)
        return _Tweet(label, cell, tweet.text, tweet.group, indices, rows)

    def _label(self, indices: list[int]) -> str | None:
        labels = {self._spooled.cells[index].label for index in indices}
        if len(labels) > 1:
            return self._majority_label(indices)
        self.bucket.majority_rows += sum(self._counts[index] for index in indices)
        return labels.pop()

    def _majority_label(self, indices: list[int]) -> str | None:
        """The label of a tweet with contradictory labels; None if they tie."""
        rows = self._rows(indices)
        counts = Counter(row.label for row in rows)
        self.bucket.majority_rows += max(counts.values())
        self.bucket.conflicting_tweets += 1
        self.bucket.conflicting_rows += len(rows)
        text = plain_text(min(row.cell for row in rows))[:CONFLICT_CHARACTERS]
        conflict = {"text": text, "labels": dict(sorted(counts.items()))}
        self.bucket.conflicts = worst_conflicts([*self.bucket.conflicts, conflict])
        label, rejections = _vote(rows)
        for rejection in rejections:
            self.bucket.rejected.add(rejection)
        self._note_files(rows, label)
        return label

    def _note_files(self, rows: list[_LabelledRow], label: str | None) -> None:
        """Count which files contradict each other on this tweet."""
        newest = max(rows, key=lambda row: row.rank)
        counted = tuple(dict.fromkeys(row.file for row in rows if row.rank == newest.rank))
        if label is None and len(counted) > 1:
            self.bucket.tied_between[counted] += 1
        for older in dict.fromkeys(row.file for row in rows if row.rank < newest.rank and row.label != label):
            self.bucket.superseded[older, newest.file] += 1

    def _rows(self, indices: list[int]) -> list[_LabelledRow]:
        """The rows with one of these cells, in the order of files and lines."""
        rows = []
        for index in indices:
            _, label, cell = self._spooled.cells[index]
            for _, file, line in self._by_cell[self._starts[index] : self._starts[index + 1]].tolist():
                rows.append(_LabelledRow(file, line, self._files[file], label, self._ranks[file], cell))
        return sorted(rows, key=lambda row: (row.file_index, row.line))

    @cached_property
    def _by_cell(self) -> npt.NDArray[np.int64]:
        rows = self._spooled.rows
        sorted_rows: npt.NDArray[np.int64] = rows[np.argsort(rows[:, 0], kind="stable")]
        return sorted_rows

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *np.cumsum(self._counts).tolist()]


class _Examples:
    """Collects the examples of a bucket."""

    def __init__(self, settings: PrepareSettings):
        self.bucket = Bucket()
        self._settings = settings
        self._lines: dict[Split, list[str]] = {split: [] for split in SPLITS}
        self._test_tweets: list[str] = []
        self._vocabulary: dict[Split, set[str]] = {split: set() for split in SPLITS}

    def add(self, tweet: _Tweet, instance: str) -> None:
        split = assign(tweet.group, self._settings.seed, self._settings.fractions)
        self._lines[split].append(format_example(tweet.label, instance) + "\n")
        self._vocabulary[split].update(instance.split())
        self.bucket.labels[split, tweet.label] += 1
        self.bucket.duplicates += tweet.rows - 1
        if split == "test":
            text = plain_text(tweet.cell)
            group = keyed_hash(tweet.group, self._settings.seed, b"group").hex()[:16]
            self._test_tweets.append(csv_line((tweet.label, text, group)))
            self.bucket.samples = first_samples(
                self.bucket.samples, {"label": tweet.label, "cell": tweet.cell, "text": text}
            )

    def finished(self, bucket: Bucket) -> Bucket:
        """Add what was collected to the merger's bucket."""
        bucket.rejected.extend(self.bucket.rejected)
        bucket.labels, bucket.duplicates, bucket.samples = (
            self.bucket.labels,
            self.bucket.duplicates,
            self.bucket.samples,
        )
        bucket.examples = {split: "".join(lines).encode() for split, lines in self._lines.items()}
        bucket.test_tweets = "".join(self._test_tweets)
        bucket.tokens = {split: _token_hashes(tokens) for split, tokens in self._vocabulary.items()}
        return bucket


def _vote(rows: list[_LabelledRow]) -> tuple[str | None, list[Rejection]]:
    """
    Let the majority of a tweet's rows with the highest rank decide on its label.

    :return: the label, or None if two labels tie; and the rows without this label, as rejections
    """
    newest = max(row.rank for row in rows)
    first, *others = Counter(row.label for row in rows if row.rank == newest).most_common(2)
    votes = ", ".join(f"{label} {count}" for label, count in (first, *others))
    tie = any(count == first[1] for _, count in others)
    label = None if tie else first[0]
    return label, [_rejection(row, label, newest, votes) for row in rows if row.label != label]


def _rejection(row: _LabelledRow, label: str | None, newest: int, votes: str) -> Rejection:
    if label is None:
        reason, detail = "label_tie", f"this tweet's labels tie: {votes}"
    else:
        reason = "label_outvoted" if row.rank == newest else "label_superseded"
        detail = f"labelled {row.label}, but this tweet's rows are: {votes}"
    return Rejection(row.file, row.line, reason, detail, row.cell[:MAX_EXCERPT])


def worst_conflicts(conflicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conflicts with the most rows."""
    by_rows = sorted(conflicts, key=lambda conflict: (-sum(conflict["labels"].values()), conflict["text"]))
    return by_rows[:CONFLICT_EXAMPLES]


def first_samples(samples: list[dict[str, str]], another: dict[str, str]) -> list[dict[str, str]]:
    """Add a sample, unless there are enough of its label."""
    enough = sum(sample["label"] == another["label"] for sample in samples) >= EXAMPLES_PER_LABEL
    return samples if enough else [*samples, another]


def _token_hashes(tokens: set[str]) -> npt.NDArray[np.uint64]:
    """64-bit hashes, which are enough to count different tokens and take only eight bytes each."""
    digests = b"".join([hashlib.blake2b(token.encode(), digest_size=8).digest() for token in tokens])
    return np.frombuffer(digests, dtype=np.uint64)
