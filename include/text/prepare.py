"""
Labelled rows in, BlazingText's three channels out, with a report that accounts for every row.

Works in two passes, so that memory does not grow with the number of rows. The first reads the rows, cleans them and
spools them to disk, into buckets by a keyed hash of the tweet. The second takes bucket by bucket: there all rows of a
tweet are together, so duplicates are merged and contradicting labels are put to the vote. The hash is at the same
time the order of the output: shuffled by the seed, and the same whatever the order of the files or the number of
processes.
"""

import csv
import gzip
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from include.errors import ConfigurationError, DataError
from include.text.cleaning import Recipe, UndecodableCell, clean
from include.text.manifest import read_manifest
from include.text.records import Rejection, Row, read_rows
from include.text.split import SPLIT_RULE, SPLITS, Fractions, Split, assign, keyed_hash
from include.text.supervised import check_labels, format_example
from include.text.tokens import tokenize_all

REPORT_SCHEMA = "prepare-report/1"
PARALLEL_FROM_ROWS = 20_000
"""Below this, starting processes takes longer than the work."""

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

LABELLING_REASONS = ("label_tie", "label_outvoted", "label_superseded", "low_confidence", "not_labelled")
"""Rows set aside because of what labellers did: no fault of the row, so not counted as bad rows."""

EXAMPLES_PER_LABEL = 3
CONFLICT_EXAMPLES = 10
CONFLICT_CHARACTERS = 300
PROGRESS_ROWS = 1000
MERGED_TOKENS = 1_000_000
"""So many hashes of tokens, eight bytes each, pile up before they are merged."""
REJECTED_COLUMNS = ("file", "line", "reason", "detail", "content")
TEST_TWEETS = "test_tweets.csv"
"""The test split for people, line by line as in test.txt: label and text, before they are lower-cased and tokenised."""
TEST_TWEETS_COLUMNS = ("label", "text")


@dataclass(frozen=True, slots=True)
class Source:
    """
    A file of labelled rows. Of two sources with the same tweet, the labels of the one with the higher `rank` count
    (a later date corrects an earlier one).
    """

    name: str
    open: Callable[[], BinaryIO]
    rank: int = 0
    size: int = 0
    """Bytes, to show progress by; 0 where it is not known."""

    @classmethod
    def from_path(cls, path: Path, name: str | None = None, rank: int = 0) -> "Source":
        def open_file() -> BinaryIO:
            return path.open("rb")

        return cls(name or path.name, open_file, rank, path.stat().st_size)


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """What decides the output, besides the rows."""

    labels: Mapping[str, str] = field(default_factory=lambda: {"0": "technical", "1": "marketing"})
    """Label names by the ids that files may use instead."""
    recipe: Recipe = "clean"
    seed: int = 0
    fractions: Fractions = field(default_factory=Fractions)
    min_confidence: float = 0.0
    """Labels in Ground Truth's manifests with less are set aside."""
    max_rejected_share: float = 0.1
    """More bad rows than this share of all rows is an error."""

    def __post_init__(self) -> None:
        check_labels(self.labels)
        if not 0 <= self.min_confidence <= 1:
            raise ConfigurationError(f"min_confidence must be between 0 and 1, not {self.min_confidence}")
        if not 0 <= self.max_rejected_share <= 1:
            raise ConfigurationError(f"max_rejected_share must be between 0 and 1, not {self.max_rejected_share}")

    @property
    def rule(self) -> str:
        """
        A fingerprint of labels, tokens and split. Models whose tweets were prepared by the same rule can be compared:
        they know the same labels and the same tokens, and no test tweet of one is a train tweet of the other.
        """
        parts = (sorted(self.labels.values()), self.recipe, self.seed, asdict(self.fractions), SPLIT_RULE)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


Progress = Callable[[str, float], None]
"""Called now and then with what is being done and the share of it that is done."""


def prepare(
    sources: Sequence[Source],
    out: Path,
    settings: PrepareSettings,
    processes: int | None = None,
    progress: Progress = lambda doing, share: None,
) -> dict[str, Any]:
    """
    Write train.txt, validation.txt, test.txt, test_tweets.csv, rejected.csv and report.json into `out`; return the
    report.

    On a DataError, rejected.csv and report.json are there all the same and say what was found; no channel is.

    :param processes: how many processes tokenise; the default is one per core, or one alone where rows are few
    :raises DataError: the rows cannot be used; the message says which, where and why
    """
    names = Counter(source.name for source in sources)
    if repeated := sorted(name for name, count in names.items() if count > 1):
        raise ConfigurationError(f"the input names {', '.join(repeated)} more than once")
    out.mkdir(parents=True, exist_ok=True)
    channels = [f"{name}.txt" for name in SPLITS] + [TEST_TWEETS]
    for name in channels:
        (out / name).unlink(missing_ok=True)
    tally = _Tally()
    with tempfile.TemporaryDirectory(dir=out, prefix=".prepare-") as scratch, ExitStack() as stack:
        rejected = stack.enter_context((out / "rejected.csv").open("w", encoding="utf-8", newline=""))
        writer = csv.writer(rejected, lineterminator="\n")
        writer.writerow(REJECTED_COLUMNS)
        try:
            _spool_rows(sources, Path(scratch), settings, tally, writer, progress)
            _check_rows(tally, sources, settings)
            _write_channels(Path(scratch), settings, tally, writer, _processes(processes, tally), progress)
            _check_splits(tally, settings)
        except DataError as error:
            _write_report(out, {**tally.report(settings), "error": str(error)})
            raise
        for name in channels:
            (Path(scratch) / name).replace(out / name)
    report = tally.report(settings)
    _write_report(out, report)
    return report


def _write_report(out: Path, report: dict[str, Any]) -> None:
    (out / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _processes(asked: int | None, tally: "_Tally") -> int:
    if asked:
        return asked
    # Celery runs tasks in daemonic processes, which may have no children.
    alone = tally.rows_read < PARALLEL_FROM_ROWS or current_process().daemon
    return 1 if alone else len(os.sched_getaffinity(0))


# First pass: rows to buckets -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _SpooledRow:
    """A usable row on its way to the second pass; the order of the fields is the order of the output."""

    key: str
    file: str
    line: int
    label: str
    rank: int
    cell: str


def _spool_rows(
    sources: Sequence[Source],
    scratch: Path,
    settings: PrepareSettings,
    tally: "_Tally",
    writer: Any,
    progress: Progress,
) -> None:
    spool = _Spool(scratch)
    size = sum(source.size for source in sources) or 1
    read = 0
    for source in sorted(sources, key=lambda source: source.name):
        tally.files[source.name] = 0
        with source.open() as stream:
            for row in _read(source, stream, settings):
                tally.files[source.name] += 1
                if tally.files[source.name] % PROGRESS_ROWS == 0 and source.size:
                    progress("reading", (read + stream.tell()) / size)
                spooled = _spooled(row, source, settings) if isinstance(row, Row) else row
                if isinstance(spooled, Rejection):
                    tally.reject(spooled, writer)
                else:
                    tally.row_labels[spooled.label] += 1
                    spool.add(spooled)
        read += source.size
    spool.flush()


def _read(source: Source, stream: BinaryIO, settings: PrepareSettings) -> Iterator[Row | Rejection]:
    """
    The rows of a file, which may be gzipped.

    :raises DataError: the file is not what can be read at all
    """
    with io.BufferedReader(cast(io.RawIOBase, stream)) as buffered:
        if buffered.peek(2)[:2] != GZIP:
            yield from _read_plain(source, buffered, settings)
            return
        try:
            with gzip.GzipFile(fileobj=buffered) as unzipped:
                yield from _read_plain(source, unzipped, settings)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{source.name}: the gzip file is damaged or cut short: {error}") from error


def _read_plain(
    source: Source, stream: "io.BufferedReader[Any] | gzip.GzipFile", settings: PrepareSettings
) -> Iterator[Row | Rejection]:
    """CSV, or Ground Truth's JSON lines where the file begins with a brace."""
    start = stream.peek(len(BYTE_ORDER_MARK) + 1)
    if start[:2] in UTF_16:
        raise DataError(f"{source.name}: the file is UTF-16; save it as UTF-8")
    if start.removeprefix(BYTE_ORDER_MARK)[:1] == b"{":
        yield from read_manifest(source.name, cast(BinaryIO, stream), settings.labels, settings.min_confidence)
    else:
        yield from read_rows(source.name, cast(BinaryIO, stream), dict(settings.labels))


def _spooled(row: Row, source: Source, settings: PrepareSettings) -> _SpooledRow | Rejection:
    try:
        tweet = clean(row.cell, settings.recipe)
    except UndecodableCell as error:
        return Rejection(row.file, row.line, "undecodable_repr", str(error), row.cell[:200])
    if not tweet.body:
        return Rejection(row.file, row.line, "empty_text", "nothing is left of the text", row.cell[:200])
    key = keyed_hash(tweet.body, settings.seed, b"order").hex()
    return _SpooledRow(key, row.file, row.line, row.label, source.rank, row.cell)


class _Spool:
    """Rows on disk, in one file per bucket."""

    def __init__(self, folder: Path, buffered_rows: int = 10_000):
        self._folder = folder
        self._buffered_rows = buffered_rows
        self._rows: defaultdict[str, list[str]] = defaultdict(list)
        self._count = 0

    def add(self, row: _SpooledRow) -> None:
        values = (row.key, row.file, row.line, row.label, row.rank, row.cell)
        self._rows[row.key[:2]].append(json.dumps(values) + "\n")
        self._count += 1
        if self._count >= self._buffered_rows:
            self.flush()

    def flush(self) -> None:
        for bucket, rows in self._rows.items():
            with (self._folder / f"{bucket}.rows").open("a", encoding="ascii") as file:
                file.writelines(rows)
        self._rows.clear()
        self._count = 0


# Second pass: a bucket's rows to examples ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Bucket:
    """What the second pass makes of one bucket."""

    examples: dict[Split, list[str]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    labels: Counter[tuple[Split, str]] = field(default_factory=Counter)
    tokens: dict[Split, np.ndarray] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    test_tweets: list[tuple[str, str]] = field(default_factory=list)
    samples: list[dict[str, str]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    bodies: int = 0
    conflicting_bodies: int = 0
    conflicting_rows: int = 0
    ties: int = 0
    majority_rows: int = 0
    duplicates: int = 0


def _process_bucket(path: Path, settings: PrepareSettings) -> _Bucket:
    with path.open(encoding="ascii") as lines:
        rows = [_SpooledRow(*json.loads(line)) for line in lines]
    rows.sort(key=lambda row: (row.key, row.file, row.line))
    bucket = _Bucket()
    vocabulary: dict[Split, set[str]] = {split: set() for split in SPLITS}
    voted = [
        tweet
        for _, rows_of_tweet in groupby(rows, key=lambda row: row.key)
        if (tweet := _voted(list(rows_of_tweet), settings, bucket)) is not None
    ]
    for tweet, tokens in zip(voted, tokenize_all([tweet.text for tweet in voted]), strict=True):
        _add_example(tweet, tokens, settings, bucket, vocabulary)
    bucket.tokens = {split: _token_hashes(tokens) for split, tokens in vocabulary.items()}
    return bucket


@dataclass(frozen=True, slots=True)
class _Voted:
    """A tweet with its label, and the rows that carry it."""

    label: str
    cell: str
    text: str
    group: str
    rows: list[_SpooledRow]


def _voted(rows: list[_SpooledRow], settings: PrepareSettings, bucket: _Bucket) -> _Voted | None:
    """All rows of one tweet become one, or are set aside."""
    counts = Counter(row.label for row in rows)
    bucket.bodies += 1
    bucket.majority_rows += max(counts.values())
    if len(counts) > 1:
        bucket.conflicting_bodies += 1
        bucket.conflicting_rows += len(rows)
        text = clean(min(row.cell for row in rows), "clean").text[:CONFLICT_CHARACTERS]
        bucket.conflicts = _worst([*bucket.conflicts, {"text": text, "labels": dict(sorted(counts.items()))}])
    label, set_aside = _vote(rows)
    bucket.rejections += set_aside
    if label is None:
        bucket.ties += 1
        return None
    kept = [row for row in rows if row.label == label]
    # Which of several cells stands for the tweet must not depend on the order of rows.
    cell = min(row.cell for row in kept)
    tweet = clean(cell, settings.recipe)
    return _Voted(label, cell, tweet.text, tweet.group, kept)


def _worst(conflicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contradictions with the most rows."""
    return sorted(conflicts, key=lambda conflict: (-sum(conflict["labels"].values()), conflict["text"]))[
        :CONFLICT_EXAMPLES
    ]


def _add_example(
    tweet: _Voted, tokens: list[str], settings: PrepareSettings, bucket: _Bucket, vocabulary: dict[Split, set[str]]
) -> None:
    if not tokens:
        bucket.rejections += [
            Rejection(row.file, row.line, "empty_text", "no token is left of the text", tweet.cell[:200])
            for row in tweet.rows
        ]
        return
    label, split = tweet.label, assign(tweet.group, settings.seed, settings.fractions)
    bucket.examples[split].append(format_example(label, tokens))
    bucket.labels[split, label] += 1
    bucket.duplicates += len(tweet.rows) - 1
    vocabulary[split].update(tokens)
    if split != "test":
        return
    text = clean(tweet.cell, "clean").text
    bucket.test_tweets.append((label, text))
    if sum(sample["label"] == label for sample in bucket.samples) < EXAMPLES_PER_LABEL:
        bucket.samples.append({"label": label, "cell": tweet.cell, "text": text})


def _vote(rows: list[_SpooledRow]) -> tuple[str | None, list[Rejection]]:
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


def _token_hashes(tokens: set[str]) -> np.ndarray:
    """Distinct tokens as sorted 64-bit hashes: enough to count a vocabulary in eight bytes a token."""
    digests = b"".join(hashlib.blake2b(token.encode(), digest_size=8).digest() for token in tokens)
    return np.unique(np.frombuffer(digests, dtype=np.uint64))


def _write_channels(
    scratch: Path, settings: PrepareSettings, tally: "_Tally", writer: Any, processes: int, progress: Progress
) -> None:
    with ExitStack() as stack:
        channels = {
            split: stack.enter_context((scratch / f"{split}.txt").open("w", encoding="utf-8", newline="\n"))
            for split in SPLITS
        }
        test_tweets = csv.writer(
            stack.enter_context((scratch / TEST_TWEETS).open("w", encoding="utf-8", newline="")), lineterminator="\n"
        )
        test_tweets.writerow(TEST_TWEETS_COLUMNS)
        paths = sorted(scratch.glob("*.rows"))
        for done, bucket in enumerate(_processed_buckets(paths, settings, processes), start=1):
            progress("tokenising", done / len(paths))
            for split in SPLITS:
                channels[split].writelines(line + "\n" for line in bucket.examples[split])
            test_tweets.writerows(bucket.test_tweets)
            for rejection in bucket.rejections:
                tally.reject(rejection, writer)
            tally.add(bucket)


def _processed_buckets(paths: list[Path], settings: PrepareSettings, processes: int) -> Iterator[_Bucket]:
    work = partial(_process_bucket, settings=settings)
    if processes == 1:
        yield from map(work, paths)
        return
    # Not forked: a process that Airflow runs tasks in has threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for start in range(0, len(paths), 4 * processes):  # so that finished buckets do not pile up in memory
            yield from pool.map(work, paths[start : start + 4 * processes])


# Counting and checking -----------------------------------------------------------------------------------------------


class _Vocabulary:
    """How many different tokens there are, by their hashes."""

    def __init__(self) -> None:
        self._known = np.empty(0, dtype=np.uint64)
        self._new: list[np.ndarray] = []

    def add(self, tokens: np.ndarray) -> None:
        self._new.append(tokens)
        if sum(map(len, self._new)) > max(MERGED_TOKENS, len(self._known)):
            self._merge()

    def __len__(self) -> int:
        self._merge()
        return len(self._known)

    def _merge(self) -> None:
        if self._new:
            self._known = np.unique(np.concatenate([self._known, *self._new]))
            self._new = []


@dataclass(slots=True)
class _Tally:
    """Where every row went."""

    files: dict[str, int] = field(default_factory=dict)
    row_labels: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    first_bad_row: Rejection | None = None
    split_labels: Counter[tuple[Split, str]] = field(default_factory=Counter)
    vocabulary: dict[Split, "_Vocabulary"] = field(default_factory=lambda: {split: _Vocabulary() for split in SPLITS})
    samples: list[dict[str, str]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)

    @property
    def rows_read(self) -> int:
        return sum(self.files.values())

    @property
    def bad_rows(self) -> int:
        return sum(count for reason, count in self.rejected.items() if reason not in LABELLING_REASONS)

    def reject(self, rejection: Rejection, writer: Any) -> None:
        self.rejected[rejection.reason] += 1
        if self.first_bad_row is None and rejection.reason not in LABELLING_REASONS:
            self.first_bad_row = rejection
        writer.writerow([getattr(rejection, column) for column in REJECTED_COLUMNS])

    def add(self, bucket: _Bucket) -> None:
        self.split_labels.update(bucket.labels)
        for split, tokens in bucket.tokens.items():
            self.vocabulary[split].add(tokens)
        for name in (
            "bodies", "conflicting_bodies", "conflicting_rows", "ties", "majority_rows", "duplicates",
        ):  # fmt: skip
            self.totals[name] += getattr(bucket, name)
        self.conflicts = _worst([*self.conflicts, *bucket.conflicts])
        for sample in bucket.samples:
            if sum(known["label"] == sample["label"] for known in self.samples) < EXAMPLES_PER_LABEL:
                self.samples.append(sample)

    def split_report(self, split: Split, labels: Sequence[str]) -> dict[str, Any]:
        counts = {label: self.split_labels[split, label] for label in labels}
        return {"examples": sum(counts.values()), "labels": counts, "vocabulary": len(self.vocabulary[split])}

    def report(self, settings: PrepareSettings) -> dict[str, Any]:
        labels = list(settings.labels.values())
        usable = sum(self.row_labels.values())
        rejected = sum(self.rejected.values())
        majority, majority_rows = max(self.row_labels.items(), key=lambda item: item[1], default=(None, 0))
        memory_accuracy = self.totals["majority_rows"] / usable if usable else None
        return {
            "schema": REPORT_SCHEMA,
            "settings": {
                "labels": dict(settings.labels), "recipe": settings.recipe, "seed": settings.seed,
                "min_confidence": settings.min_confidence,
                "fractions": asdict(settings.fractions), "rule": settings.rule,
            },
            "files": self.files,
            "rows": {
                "read": self.rows_read, "used": self.rows_read - rejected, "rejected": rejected,
                "duplicates": self.totals["duplicates"],
            },
            "rejected_by_reason": dict(sorted(self.rejected.items())),
            "label_rows": {label: self.row_labels[label] for label in labels},
            "majority": {"label": majority, "share": majority_rows / usable if usable else None},
            "tweets": {
                "different": self.totals["bodies"], "with_conflicting_labels": self.totals["conflicting_bodies"],
                "rows_of_those": self.totals["conflicting_rows"], "ties": self.totals["ties"],
            },
            "conflicts": self.conflicts,
            "memory_accuracy": memory_accuracy,
            "splits": {split: self.split_report(split, labels) for split in SPLITS},
            "warnings": self._warnings(memory_accuracy),
            "samples": self.samples,
        }  # fmt: skip

    def _warnings(self, memory_accuracy: float | None) -> list[str]:
        warnings = []
        conflicting, bodies = self.totals["conflicting_bodies"], self.totals["bodies"]
        rows, usable = self.totals["conflicting_rows"], sum(self.row_labels.values())
        if memory_accuracy is not None and (conflicting > 0.05 * bodies or rows > 0.05 * usable):
            warnings.append(
                f"The labels contradict each other: {conflicting:,} of {bodies:,} different tweets, {rows:,} of "
                f"{usable:,} rows, carry more than one label. Whoever remembered every tweet's commonest label "
                f"would be right on {memory_accuracy:.1%} of these rows, so no model can honestly be better than that "
                f"on rows like these. {self.totals['ties']:,} tweets whose labels tie are set aside: figures on the "
                f"test split speak only of tweets that have a clear label."
            )
        return warnings


def _check_rows(tally: _Tally, sources: Sequence[Source], settings: PrepareSettings) -> None:
    if not tally.rows_read:
        names = ", ".join(source.name for source in sources) or "no file at all"
        raise DataError(f"There is no row in the input ({names}). Expected are lines of: label,text")
    if tally.first_bad_row is not None and tally.bad_rows > settings.max_rejected_share * tally.rows_read:
        first = tally.first_bad_row
        raise DataError(
            f"{tally.bad_rows:,} of {tally.rows_read:,} rows cannot be used, more than the limit of "
            f"{settings.max_rejected_share:.0%}. The first is {first.file}, line {first.line}: {first.detail}. "
            f"rejected.csv lists them all."
        )
    if len(tally.row_labels) == 1:
        (label, count), = tally.row_labels.items()  # fmt: skip
        raise DataError(
            f"All {count:,} usable rows carry the label {label}; a classifier needs at least two labels. "
            f"Known labels: {', '.join(settings.labels.values())}."
        )


def _check_splits(tally: _Tally, settings: PrepareSettings) -> None:
    reports = {split: tally.split_report(split, list(settings.labels.values())) for split in SPLITS}
    sizes = ", ".join(f"{split} {report['examples']}" for split, report in reports.items())
    if not all(report["examples"] for report in reports.values()):
        raise DataError(
            f"Too few different tweets with a clear label to split: {sizes}. Every split needs at least one; "
            f"with fewer than some fifty tweets that is chance. Add labelled tweets or more dates (window_days)."
        )
    if sum(count > 0 for count in reports["train"]["labels"].values()) < 2:
        raise DataError(
            f"The train split ({sizes}) holds one label only: {reports['train']['labels']}. Add labelled tweets of "
            f"the others, or more dates (window_days)."
        )
