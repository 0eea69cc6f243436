"""
The second half of `include.tweets.prepare`: the keyed rows of a bucket in, its examples and their counts out.

All rows of a tweet are in the same bucket. So a bucket is enough to merge duplicates and to let the majority decide
where labels contradict each other. Nothing here reads or writes files, or knows of other processes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from include.tweets.cells import csv_lines
from include.tweets.cleaning import body_of, groups, plain_text
from include.tweets.keying import Piece
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import RejectedRows
from include.tweets.rows import MAX_EXCERPT, Rejection
from include.tweets.split import SPLITS, Split, assign, keyed_hash
from include.tweets.supervised import format_example
from include.tweets.tokens import instances

EXAMPLES_PER_LABEL = 3
CONFLICT_EXAMPLES = 10
CONFLICT_CHARACTERS = 300
HASH_BYTES = 8
"""Of a token, to count different ones."""


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
    pieces: Iterable[Iterable[Piece]], files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings
) -> Bucket:
    """
    :param pieces: all pieces of one bucket (see `Piece.joined`)
    :param files: the names of the input files, by their index in the pieces
    :param ranks: the ranks of the input files; only the labels of the highest rank count (`Source.rank`)
    """
    merger = _Merger(Piece.joined(pieces), files, ranks, settings)
    tweets = merger.tweets()
    texts = [plain_text(tweet.cell) for tweet in tweets]
    found = instances([tweet.cell for tweet in tweets] if settings.recipe == "original" else texts)
    own_groups = groups([body_of(text) for text in texts])
    examples = []
    for tweet, text, group, instance in zip(tweets, texts, own_groups, found, strict=True):
        if instance:
            examples.append(_Example(assign(group, settings.seed, settings.fractions), tweet, text, group, instance))
        else:
            merger.reject_without_tokens(tweet)
    bucket = merger.bucket
    bucket.duplicates = merger.count_rows(example.tweet for example in examples) - len(examples)
    _add_examples(bucket, examples, settings.seed, merger)
    return bucket


class _Tweet(NamedTuple):
    """A tweet with its label, merged from all of its rows with this label."""

    label: str
    cell: str
    cells: list[int]
    """Indices of the rows' cells."""


class _Example(NamedTuple):
    split: Split
    tweet: _Tweet
    text: str
    group: str
    instance: str


class _LabelledRow(NamedTuple):
    file_index: int
    line: int
    file: str
    label: str
    rank: int
    cell: str


class _Merger:
    """Merges the rows of each tweet, and counts them in `bucket`."""

    def __init__(self, keyed: Piece, files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings):
        self._keyed, self._files, self._ranks = keyed, files, ranks
        names = settings.label_names
        self._labels = [names[label] for label in keyed.labels]
        self._counts = np.bincount(keyed.rows[:, 0], minlength=len(keyed.cells)).tolist()
        self.bucket = Bucket()

    def tweets(self) -> list[_Tweet]:
        """The tweets with a label, in the order of their keys. Tweets whose labels tie have none."""
        labels, cells = self._labels, self._keyed.cells
        by_key: dict[bytes, list[int]] = {}
        for index, key in enumerate(self._keyed.keys):
            by_key.setdefault(key, []).append(index)
        self.bucket.tweets = len(by_key)
        tweets = []
        for _, indices in sorted(by_key.items()):
            if len(indices) == 1:
                tweets.append(_Tweet(labels[indices[0]], cells[indices[0]], indices))
                continue
            label = self._label(indices)
            if label is None:
                self.bucket.ties += 1
                continue
            same_label = [index for index in indices if labels[index] == label]
            # The smallest of several cells represents the tweet, so that the order of the rows does not matter.
            tweets.append(_Tweet(label, min(map(cells.__getitem__, same_label)), same_label))
        self.bucket.majority_rows += len(self._keyed.rows) - self.bucket.conflicting_rows
        return tweets

    def count_rows(self, tweets: Iterable[_Tweet]) -> int:
        counts = self._counts
        return sum(counts[index] for tweet in tweets for index in tweet.cells)

    def reject_without_tokens(self, tweet: _Tweet) -> None:
        for row in self._rows(tweet.cells):
            detail = "the text contains no token"
            self.bucket.rejected.add(Rejection(row.file, row.line, "empty_text", detail, tweet.cell[:MAX_EXCERPT]))

    def first_row(self, tweet: _Tweet) -> tuple[str, int]:
        """The file and the line of the tweet's first row with its label."""
        row = self._rows(tweet.cells)[0]
        return row.file, row.line

    def _label(self, indices: list[int]) -> str | None:
        """The label of a tweet; None if its labels tie."""
        labels = {self._labels[index] for index in indices}
        return self._majority_label(indices) if len(labels) > 1 else labels.pop()

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
            label, cell = self._labels[index], self._keyed.cells[index]
            for _, file, line in self._by_cell[self._starts[index] : self._starts[index + 1]].tolist():
                rows.append(_LabelledRow(file, line, self._files[file], label, self._ranks[file], cell))
        return sorted(rows, key=lambda row: (row.file_index, row.line))

    @cached_property
    def _by_cell(self) -> npt.NDArray[np.int64]:
        rows = self._keyed.rows
        sorted_rows: npt.NDArray[np.int64] = rows[np.argsort(rows[:, 0], kind="stable")]
        return sorted_rows

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *np.cumsum(self._counts).tolist()]


def _add_examples(bucket: Bucket, examples: list[_Example], seed: int, merger: _Merger) -> None:
    bucket.labels = Counter((example.split, example.tweet.label) for example in examples)
    for split in SPLITS:
        chosen = [example for example in examples if example.split == split]
        lines = [format_example(example.tweet.label, example.instance) + "\n" for example in chosen]
        bucket.examples[split] = "".join(lines).encode()
        bucket.tokens[split] = _token_hashes([example.instance for example in chosen])
        if split == "test":
            _add_tests(bucket, chosen, seed, merger)


def _add_tests(bucket: Bucket, examples: list[_Example], seed: int, merger: _Merger) -> None:
    bucket.test_tweets = csv_lines(_test_tweet(example, seed, *merger.first_row(example.tweet)) for example in examples)
    for example in examples:
        sample = {"label": example.tweet.label, "cell": example.tweet.cell, "text": example.text}
        bucket.samples = first_samples(bucket.samples, sample)


def _test_tweet(example: _Example, seed: int, file: str, line: int) -> tuple[str, str, str, str, int]:
    group = keyed_hash(example.group, seed, b"group").hex()[:16]
    return example.tweet.label, example.text, group, file, line


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


def _token_hashes(instances: list[str]) -> npt.NDArray[np.uint64]:
    """
    Eight bytes for each different token, which are enough to count them: the token itself if it is that short, else a
    hash.
    """
    tokens = set(" ".join(instances).encode().split())
    codes = [token if len(token) <= HASH_BYTES else blake2b(token, digest_size=HASH_BYTES).digest() for token in tokens]
    return np.array(codes, dtype=f"S{HASH_BYTES}").view(np.uint64)
