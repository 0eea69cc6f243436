"""
The second pass of `include.tweets.prepare`: a bucket's rows to examples.

All rows of a tweet are in one bucket, so there duplicates are merged and contradicting labels are put to the vote.
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

from include.tweets.cleaning import clean, plain_text
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import RejectedRows, csv_line
from include.tweets.rows import Rejection
from include.tweets.split import SPLITS, Split, assign, keyed_hash
from include.tweets.spool import SpooledBucket
from include.tweets.supervised import format_example
from include.tweets.tokens import tokenize_all

EXAMPLES_PER_LABEL = 3
CONFLICT_EXAMPLES = 10
CONFLICT_CHARACTERS = 300
TWEETS_AT_ONCE = 2000
"""So many are tokenised together."""


@dataclass(slots=True)
class Bucket:
    """What the second pass makes of one bucket."""

    examples: dict[Split, bytes] = field(default_factory=dict)
    """Lines for the channels."""
    test_tweets: str = ""
    """Lines for test_tweets.csv."""
    labels: Counter[tuple[Split, str]] = field(default_factory=Counter)
    tokens: dict[Split, npt.NDArray[np.uint64]] = field(default_factory=dict)
    """Hashes of the different tokens."""
    rejected: RejectedRows = field(default_factory=RejectedRows)
    samples: list[dict[str, str]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    bodies: int = 0
    conflicting_bodies: int = 0
    conflicting_rows: int = 0
    ties: int = 0
    majority_rows: int = 0
    duplicates: int = 0


def process_bucket(
    paths: Iterable[Path], files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings
) -> Bucket:
    """
    :param paths: the files of one bucket (see `include.tweets.spool.spooled_buckets`)
    :param files: the names of the input files by their index in the spool
    :param ranks: their ranks; of a tweet's labels those with the highest count
    """
    ballots = _Ballots(SpooledBucket.load(paths, settings), files, ranks, settings)
    examples = _Examples(settings)
    tweets = ballots.tweets()
    while some := list(islice(tweets, TWEETS_AT_ONCE)):
        for tweet, tokens in zip(some, tokenize_all([tweet.text for tweet in some]), strict=True):
            if tokens:
                examples.add(tweet, tokens)
            else:
                examples.bucket.rejected.extend(ballots.without_tokens(tweet))
    return examples.finished(ballots)


@dataclass(frozen=True, slots=True)
class _Tweet:
    """A tweet with its label, and the cells (by their indices) that carry it."""

    label: str
    cell: str
    text: str
    group: str
    cells: list[int]
    rows: int


@dataclass(frozen=True, slots=True)
class _LabelledRow:
    file_index: int
    line: int
    file: str
    label: str
    rank: int
    cell: str


class _Ballots:
    """The votes on the label of each tweet of a bucket."""

    def __init__(self, spooled: SpooledBucket, files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings):
        self._spooled, self._files, self._ranks, self._settings = spooled, files, ranks, settings
        self._counts = np.bincount(spooled.rows[:, 0], minlength=len(spooled.cells)).tolist()
        self.bucket = Bucket()

    def tweets(self) -> Iterator[_Tweet]:
        """The tweets that have a clear label, in the order of their keys."""
        cells = self._spooled.cells
        keys = [cell.key for cell in cells]
        for _, indices in groupby(sorted(range(len(cells)), key=keys.__getitem__), key=keys.__getitem__):
            if (tweet := self._tweet(list(indices))) is not None:
                yield tweet

    def without_tokens(self, tweet: _Tweet) -> RejectedRows:
        rejected = RejectedRows()
        for row in self._rows(tweet.cells):
            detail = "no token is left of the text"
            rejected.add(Rejection(row.file, row.line, "empty_text", detail, tweet.cell[:200]))
        return rejected

    def _tweet(self, indices: list[int]) -> _Tweet | None:
        """All rows of one tweet become one, or are set aside."""
        cells = [self._spooled.cells[index] for index in indices]
        self.bucket.bodies += 1
        label: str | None = cells[0].label
        if all(cell.label == label for cell in cells[1:]):
            self.bucket.majority_rows += sum(self._counts[index] for index in indices)
        else:
            label = self._vote(indices)
            indices = [index for index, cell in zip(indices, cells, strict=True) if cell.label == label]
        if label is None:
            self.bucket.ties += 1
            return None
        # Which of several cells stands for the tweet must not depend on the order of rows.
        cell = min(self._spooled.cells[index].cell for index in indices)
        tweet = clean(cell, self._settings.recipe)
        rows = sum(self._counts[index] for index in indices)
        return _Tweet(label, cell, tweet.text, tweet.group, indices, rows)

    def _vote(self, indices: list[int]) -> str | None:
        """The label of a tweet whose rows contradict each other; None where they tie."""
        rows = self._rows(indices)
        counts = Counter(row.label for row in rows)
        self.bucket.majority_rows += max(counts.values())
        self.bucket.conflicting_bodies += 1
        self.bucket.conflicting_rows += len(rows)
        text = plain_text(min(row.cell for row in rows))[:CONFLICT_CHARACTERS]
        conflict = {"text": text, "labels": dict(sorted(counts.items()))}
        self.bucket.conflicts = worst_conflicts([*self.bucket.conflicts, conflict])
        label, set_aside = _vote(rows)
        for rejection in set_aside:
            self.bucket.rejected.add(rejection)
        return label

    def _rows(self, indices: list[int]) -> list[_LabelledRow]:
        """The rows that have one of these cells, in the order of files and lines."""
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
    """The examples of a bucket, split by split."""

    def __init__(self, settings: PrepareSettings):
        self.bucket = Bucket()
        self._settings = settings
        self._lines: dict[Split, list[str]] = {split: [] for split in SPLITS}
        self._test_tweets: list[str] = []
        self._vocabulary: dict[Split, set[str]] = {split: set() for split in SPLITS}

    def add(self, tweet: _Tweet, tokens: list[str]) -> None:
        split = assign(tweet.group, self._settings.seed, self._settings.fractions)
        self._lines[split].append(format_example(tweet.label, tokens) + "\n")
        self._vocabulary[split].update(tokens)
        self.bucket.labels[split, tweet.label] += 1
        self.bucket.duplicates += tweet.rows - 1
        if split == "test":
            text = plain_text(tweet.cell)
            group = keyed_hash(tweet.group, self._settings.seed, b"group").hex()[:16]
            self._test_tweets.append(csv_line((tweet.label, text, group)))
            self.bucket.samples = first_samples(
                self.bucket.samples, {"label": tweet.label, "cell": tweet.cell, "text": text}
            )

    def finished(self, ballots: _Ballots) -> Bucket:
        bucket = ballots.bucket
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
    """The label of a tweet, by majority of its newest rows (None where they tie), and the rows that it overrules."""
    newest_rank = max(row.rank for row in rows)
    counts = Counter(row.label for row in rows if row.rank == newest_rank).most_common(2)
    votes = ", ".join(f"{label} {count}" for label, count in counts)
    if len(counts) == 2 and counts[0][1] == counts[1][1]:
        detail = f"as many rows of this tweet carry each of these labels: {votes}"
        return None, [Rejection(row.file, row.line, "label_tie", detail, row.cell[:200]) for row in rows]
    label = counts[0][0]
    overruled = []
    for row in rows:
        if row.label == label:
            continue
        reason = "label_outvoted" if row.rank == newest_rank else "label_superseded"
        detail = f"labelled {row.label}; the vote on this tweet is {votes}"
        overruled.append(Rejection(row.file, row.line, reason, detail, row.cell[:200]))
    return label, overruled


def worst_conflicts(conflicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with the most rows."""
    return sorted(conflicts, key=lambda conflict: (-sum(conflict["labels"].values()), conflict["text"]))[
        :CONFLICT_EXAMPLES
    ]


def first_samples(samples: list[dict[str, str]], another: dict[str, str]) -> list[dict[str, str]]:
    """The samples with another one, unless there are enough of its label."""
    enough = sum(sample["label"] == another["label"] for sample in samples) >= EXAMPLES_PER_LABEL
    return samples if enough else [*samples, another]


def _token_hashes(tokens: set[str]) -> npt.NDArray[np.uint64]:
    """64-bit hashes: enough to count a vocabulary in eight bytes a token."""
    digests = b"".join([hashlib.blake2b(token.encode(), digest_size=8).digest() for token in tokens])
    return np.frombuffer(digests, dtype=np.uint64)
