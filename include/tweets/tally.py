"""The counts of `include.tweets.prepare`: the report, and the checks whether the data are fit for training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from include.config.errors import DataError
from include.tweets.bucket import Bucket, first_samples, worst_conflicts
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import RejectedRows
from include.tweets.split import SPLITS, Split
from include.tweets.spool import BlockTally

REPORT_SCHEMA = "prepare-report/1"
MERGED_TOKENS = 1_000_000
"""New hashes of tokens are merged when there are so many. Each takes eight bytes."""
MAX_CONFLICTS = 0.05
"""A larger share of tweets or rows with contradictory labels is reported as a warning."""


class Vocabulary:
    """Counts different tokens by their hashes."""

    def __init__(self) -> None:
        self._known = np.empty(0, dtype=np.uint64)
        self._new: list[npt.NDArray[np.uint64]] = []
        self._new_count = 0

    def add(self, tokens: npt.NDArray[np.uint64]) -> None:
        self._new.append(tokens)
        self._new_count += len(tokens)
        if self._new_count > max(MERGED_TOKENS, len(self._known) // 4):
            self._merge()

    def __len__(self) -> int:
        self._merge()
        return len(self._known)

    def _merge(self) -> None:
        """Like `np.unique`, which copies the hashes several times. There may be millions of them."""
        merged = np.concatenate([self._known, *self._new])
        self._known, self._new, self._new_count = merged[:0], [], 0
        merged.sort()
        different = np.ones(len(merged), dtype=bool)
        np.not_equal(merged[1:], merged[:-1], out=different[1:])
        self._known = merged[different]


@dataclass(slots=True)
class Tally:
    """Counts of all rows and examples."""

    files: dict[str, int] = field(default_factory=dict)
    row_labels: Counter[str] = field(default_factory=Counter)
    """Usable rows by label, in the order of their first rows. If two labels have as many, the first is the majority."""
    rejected: RejectedRows = field(default_factory=RejectedRows)
    """Counts without lines."""
    split_labels: Counter[tuple[Split, str]] = field(default_factory=Counter)
    vocabulary: dict[Split, Vocabulary] = field(default_factory=lambda: {split: Vocabulary() for split in SPLITS})
    samples: list[dict[str, str]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)

    @property
    def rows_read(self) -> int:
        return sum(self.files.values())

    def add_block(self, block: BlockTally) -> None:
        self.files[block.file] += block.rows
        self.row_labels.update(block.labels)
        self.rejected.count(block.rejected)

    def add_bucket(self, bucket: Bucket) -> None:
        self.rejected.count(bucket.rejected)
        self.split_labels.update(bucket.labels)
        for split, tokens in bucket.tokens.items():
            self.vocabulary[split].add(tokens)
        for name in ("tweets", "conflicting_tweets", "conflicting_rows", "ties", "majority_rows", "duplicates"):
            self.totals[name] += getattr(bucket, name)
        self.conflicts = worst_conflicts([*self.conflicts, *bucket.conflicts])
        for sample in bucket.samples:
            self.samples = first_samples(self.samples, sample)

    def split_report(self, split: Split, labels: Sequence[str]) -> dict[str, Any]:
        counts = {label: self.split_labels[split, label] for label in labels}
        return {"examples": sum(counts.values()), "labels": counts, "vocabulary": len(self.vocabulary[split])}

    def report(self, settings: PrepareSettings) -> dict[str, Any]:
        labels = list(settings.labels.values())
        usable = sum(self.row_labels.values())
        rejected = sum(self.rejected.counts.values())
        majority, majority_rows = max(self.row_labels.items(), key=lambda item: item[1], default=(None, 0))
        memory_accuracy = self.totals["majority_rows"] / usable if usable else None
        return {
            "schema": REPORT_SCHEMA,
            "settings": {
                "labels": dict(settings.labels),
                "recipe": settings.recipe,
                "seed": settings.seed,
                "min_confidence": settings.min_confidence,
                "fractions": asdict(settings.fractions),
                "rule": settings.rule,
            },
            "files": self.files,
            "rows": {
                "read": self.rows_read,
                "used": self.rows_read - rejected,
                "rejected": rejected,
                "duplicates": self.totals["duplicates"],
            },
            "rejected_by_reason": dict(sorted(self.rejected.counts.items())),
            "label_rows": {label: self.row_labels[label] for label in labels},
            "majority": {"label": majority, "share": majority_rows / usable if usable else None},
            "tweets": {
                "different": self.totals["tweets"],
                "with_conflicting_labels": self.totals["conflicting_tweets"],
                "rows_of_those": self.totals["conflicting_rows"],
                "ties": self.totals["ties"],
            },
            "conflicts": self.conflicts,
            "memory_accuracy": memory_accuracy,
            "splits": {split: self.split_report(split, labels) for split in SPLITS},
            "warnings": self._warnings(memory_accuracy),
            "samples": self.samples,
        }

    def _warnings(self, memory_accuracy: float | None) -> list[str]:
        conflicting, tweets = self.totals["conflicting_tweets"], self.totals["tweets"]
        rows, usable = self.totals["conflicting_rows"], sum(self.row_labels.values())
        if memory_accuracy is None or (conflicting <= MAX_CONFLICTS * tweets and rows <= MAX_CONFLICTS * usable):
            return []
        return [
            f"The labels contradict each other: {conflicting:,} of {tweets:,} different tweets ({rows:,} of {usable:,} "
            f"rows) have more than one label. A model that always gives a tweet's most common label would have an "
            f"accuracy of {memory_accuracy:.1%} on these rows. No model can be better on rows like these. The true "
            f"limit is lower, because retweets with slightly different texts count as different tweets here. The "
            f"{self.totals['ties']:,} tweets whose labels tie are rejected, so the test split does not contain them."
        ]

    def check_rows(self, names: Sequence[str], settings: PrepareSettings) -> None:
        """
        Check that the rows can be used.

        :param names: the input files' names, for the message
        :raises DataError: they cannot; the message says why, where and what to do
        """
        if not self.rows_read:
            files = ", ".join(names) or "no files"
            raise DataError(f"There is no row in the input ({files}). Expected lines like: label,text")
        first, bad = self.rejected.first_bad, self.rejected.bad
        if first is not None and bad > settings.max_rejected_share * self.rows_read:
            raise DataError(
                f"{bad:,} of {self.rows_read:,} rows cannot be used, more than the limit of "
                f"{settings.max_rejected_share:.0%}. The first one is in {first.file}, line {first.line}: "
                f"{first.detail}. rejected.csv lists all of them."
            )
        if len(self.row_labels) == 1:
            ((label, count),) = self.row_labels.items()
            raise DataError(
                f"All {count:,} usable rows have the label {label}. A classifier needs at least two labels. "
                f"Known labels: {', '.join(settings.labels.values())}."
            )

    def check_splits(self, settings: PrepareSettings) -> None:
        """
        Check that there are enough examples in each split.

        :raises DataError: there are not; the message says why and what to do
        """
        reports = {split: self.split_report(split, list(settings.labels.values())) for split in SPLITS}
        sizes = ", ".join(f"{split} {report['examples']}" for split, report in reports.items())
        if not all(report["examples"] for report in reports.values()):
            raise DataError(
                f"Too few different tweets with a clear label: {sizes}. Every split needs at least one tweet. With "
                f"fewer than about fifty tweets a split can be empty by chance. Add labelled tweets or more dates "
                f"(window_days)."
            )
        if sum(count > 0 for count in reports["train"]["labels"].values()) < 2:
            raise DataError(
                f"The train split ({sizes}) contains only one label: {reports['train']['labels']}. Add tweets with "
                f"the other labels, or more dates (window_days)."
            )
