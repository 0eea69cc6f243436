"""The counts of `include.tweets.prepare`: the report, and the checks whether the data are fit for training."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from include.config.errors import DataError, NoRows
from include.tweets.bucket import Bucket, first_samples, worst_conflicts
from include.tweets.keying import BlockTally
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import UNKNOWN_LABEL, RejectedRows
from include.tweets.sources import Source
from include.tweets.split import SPLITS, Split

MAY_BE_A_HEADER = (UNKNOWN_LABEL, "missing_column", "extra_column")
LABEL_HINT = " If that is another name of a label, add it to labels."
HEADER_HINT = " If line 1 is a header row, set label_column and text_column to the names of its columns."
MAX_MESSAGE = 500
"""So many characters of a list of file names are shown."""
REPORT_SCHEMA = "prepare-report/1"
MERGED_TOKENS = 1_000_000
"""New hashes of tokens are merged when there are so many. Each takes eight bytes."""
MAX_SHOWN = 5
"""So many files, spellings or pairs of files are named in a message."""
MAX_UNKNOWN_LABELS = 0.01
"""If a label has no row, and a larger share of rows has an unknown label, then this is taken for the missing one."""
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
    """Rows by file."""
    rejected_by_file: defaultdict[str, RejectedRows] = field(default_factory=lambda: defaultdict(RejectedRows))
    """Counts without lines, of the rows that are bad in themselves."""
    spellings: dict[str, str] = field(default_factory=dict)
    """Labels by other spellings of them in the files than those of the settings."""
    superseded: Counter[tuple[str, str]] = field(default_factory=Counter)
    tied_between: Counter[tuple[str, ...]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    """How files were read, where that was not certain."""
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
        self.rejected_by_file[block.file].count(block.rejected)
        if len(self.spellings) < MAX_SHOWN:
            self.spellings |= block.spellings

    def add_bucket(self, bucket: Bucket) -> None:
        self.rejected.count(bucket.rejected)
        self.split_labels.update(bucket.labels)
        for split, tokens in bucket.tokens.items():
            self.vocabulary[split].add(tokens)
        for name in ("tweets", "conflicting_tweets", "conflicting_rows", "ties", "majority_rows", "duplicates"):
            self.totals[name] += getattr(bucket, name)
        self.superseded.update(bucket.superseded)
        self.tied_between.update(bucket.tied_between)
        self.conflicts = worst_conflicts([*self.conflicts, *bucket.conflicts])
        for sample in bucket.samples:
            self.samples = first_samples(self.samples, sample)

    def split_report(self, split: Split, labels: Sequence[str]) -> dict[str, Any]:
        counts = {label: self.split_labels[split, label] for label in labels}
        return {"examples": sum(counts.values()), "labels": counts, "vocabulary": len(self.vocabulary[split])}

    def report(self, settings: PrepareSettings) -> dict[str, Any]:
        labels = settings.label_names
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
            "warnings": self._warnings(memory_accuracy, settings),
            "notes": self._notes(),
            "samples": self.samples,
        }

    def _notes(self) -> list[str]:
        """How the files were read, for people who wonder."""
        notes = [*self.notes]
        if self.spellings:
            read = ", ".join(f"{spelling[:50]!r} as {label}" for spelling, label in self.spellings.items())
            notes.append(f"Labels in other spellings than the settings': {read}.")
        return notes + [
            f"Tweets with another label in {newer} than in {older}: {tweets:,}. {newer} is newer, so its labels count."
            for (older, newer), tweets in self.superseded.most_common(MAX_SHOWN)
        ]

    def _warnings(self, memory_accuracy: float | None, settings: PrepareSettings) -> list[str]:
        return [
            *self._warnings_of_files(settings),
            *self._warnings_of_labels(settings),
            *self._warnings_of_conflicts(memory_accuracy),
        ]

    def _warnings_of_files(self, settings: PrepareSettings) -> list[str]:
        lost = [f"{name}: " + _lost("{}.", self.files[name], found) for name, found in self._lost_files(settings)]
        return lost[:MAX_SHOWN] + [f"{len(lost):,} files have lost most of their rows."] * (len(lost) > MAX_SHOWN)

    def _lost_files(self, settings: PrepareSettings) -> list[tuple[str, RejectedRows]]:
        limit = settings.max_rejected_share_of_file
        return [(name, found) for name, found in self.rejected_by_file.items() if found.bad > limit * self.files[name]]

    def _warnings_of_labels(self, settings: PrepareSettings) -> list[str]:
        warnings = []
        for label in settings.label_names:
            if not self.row_labels[label]:
                warnings.append(f"No row has the label {label}: the model cannot predict it. {self._unknown_labels()}")
            elif not self.split_labels["train", label]:
                warnings.append(f"No train tweet has the label {label}: the model cannot predict it. Add dates.")
            elif not self.split_labels["test", label]:
                warnings.append(f"No test tweet has the label {label}: nothing is known of how well it is told apart.")
        return [warning.strip() for warning in warnings]

    def _unknown_labels(self) -> str:
        unknown, first = self.rejected.counts[UNKNOWN_LABEL], self.rejected.first_unknown_label
        if first is None:
            return ""
        return f"Rows with an unknown label: {unknown:,}, the first in {first.file}, line {first.line}: {first.detail}."

    def _warnings_of_conflicts(self, memory_accuracy: float | None) -> list[str]:
        warnings = [
            f"Tweets with different labels in {' and '.join(files[:MAX_SHOWN])}: {count:,}. Neither file is newer, so "
            f"these tweets are not used. Remove the wrong file."
            for files, count in self.tied_between.most_common(1)
            if count > MAX_CONFLICTS * self.totals["tweets"]
        ]
        conflicting, tweets = self.totals["conflicting_tweets"], self.totals["tweets"]
        rows, usable = self.totals["conflicting_rows"], sum(self.row_labels.values())
        if memory_accuracy is None or (conflicting <= MAX_CONFLICTS * tweets and rows <= MAX_CONFLICTS * usable):
            return warnings
        return [
            *warnings,
            f"The labels contradict each other: {conflicting:,} of {tweets:,} different tweets ({rows:,} of {usable:,} "
            f"rows) have more than one label. A model that always gives a tweet's most common label would have an "
            f"accuracy of {memory_accuracy:.1%} on these rows. No model can be better on rows like these. The true "
            f"limit is lower, because retweets with slightly different texts count as different tweets here. The "
            f"{self.totals['ties']:,} tweets whose labels tie are rejected, so the test split does not contain them.",
        ]

    def check_rows(self, sources: Sequence[Source], settings: PrepareSettings) -> None:
        """
        Check that the rows can be used.

        :param sources: the input files
        :raises DataError: they cannot; the message says why, where and what to do
        """
        if not self.rows_read:
            names = ", ".join(source.name for source in sources)[:MAX_MESSAGE] or "no files"
            raise NoRows(f"There is no row in the input ({names}). Expected lines like: label,text")
        self._check_lost_rows(settings)
        self._check_newest_date(sources, settings)
        self._check_lost_labels(settings)

    def _check_lost_rows(self, settings: PrepareSettings) -> None:
        if self.rejected.bad > settings.max_rejected_share * self.rows_read:
            files = [name for name, _ in self._lost_files(settings)]
            where = f" Most are in {', '.join(files[:MAX_SHOWN])}." if files and len(self.files) > 1 else ""
            limit = f", more than the limit of {settings.max_rejected_share:.0%} (max_rejected_share).{where}"
            raise DataError(_lost(f"{{}}{limit}", self.rows_read, self.rejected))

    def _check_lost_labels(self, settings: PrepareSettings) -> None:
        if len(self.row_labels) == 1:
            ((label, count),) = self.row_labels.items()
            raise DataError(
                f"All {count:,} usable rows have the label {label}. A classifier needs at least two labels. "
                f"Known labels: {', '.join(settings.label_names)}. {self._unknown_labels()}".strip()
            )
        lost = [label for label in settings.label_names if not self.row_labels[label]]
        if lost and self.rejected.counts[UNKNOWN_LABEL] > MAX_UNKNOWN_LABELS * self.rows_read:
            raise DataError(
                f"No row has the label {', '.join(lost)}. {self._unknown_labels()} Correct labels in hashtags.yaml, or "
                f"the files."
            )

    def _check_newest_date(self, sources: Sequence[Source], settings: PrepareSettings) -> None:
        """The rows of other dates must not hide that those of the newest date are lost."""
        newest = max(source.date for source in sources)
        names = [source.name for source in sources if source.date == newest]
        rows, rejected = sum(self.files[name] for name in names), RejectedRows()
        if not rows:
            raise NoRows(f"There is no row in the files of {newest}: {', '.join(names)[:MAX_MESSAGE]}")
        for name in names:
            rejected.count(self.rejected_by_file[name])
        if rejected.bad > settings.max_rejected_share_of_file * rows:
            limit = f"the limit of {settings.max_rejected_share_of_file:.0%} (max_rejected_share_of_file)"
            raise DataError(_lost(f"{newest or 'The input'}: {{}}, more than {limit} for a date.", rows, rejected))

    def check_splits(self, settings: PrepareSettings) -> None:
        """
        Check that there are enough examples in each split.

        :raises DataError: there are not; the message says why and what to do
        """
        reports = {split: self.split_report(split, settings.label_names) for split in SPLITS}
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


def _lost(message: str, rows: int, rejected: RejectedRows) -> str:
    """
    A message about rows that cannot be used.

    :param message: with a pair of braces for their number
    """
    first = rejected.first_bad
    assert first is not None
    is_header = first.line == 1 and first.reason in MAY_BE_A_HEADER and not first.content.startswith("{")
    hint = LABEL_HINT * (first.reason == UNKNOWN_LABEL) + HEADER_HINT * is_header
    return (
        f"{message.format(f'{rejected.bad:,} of {rows:,} rows cannot be used')} The first one is in {first.file}, line "
        f"{first.line}: {first.detail}.{hint} rejected.csv lists all of them."
    )


def words_of_rows(report: Mapping[str, Any]) -> str:
    """What became of the rows of a report by `Tally.report`, in one line."""
    rows = report["rows"]
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in report["rejected_by_reason"].items())
    return (
        f"{rows['read']:,} rows read, {rows['used']:,} used (duplicates among them: {rows['duplicates']:,}), "
        f"{rows['rejected']:,} rejected" + (f" ({reasons})" if reasons else "")
    )
