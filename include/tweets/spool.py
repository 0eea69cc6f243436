"""
The first pass of `include.tweets.prepare`: rows to disk, into buckets by a keyed hash of the tweet.

The same line comes again and again, with retweets and dates that are read twice. So what a line is worth is worked out
once and remembered, and a row like one before costs a look-up. On disk, a label and a cell are written once by each
process that finds them, and each of their rows is three numbers.
"""

import os
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from include.tweets.cleaning import UndecodableCell, canonical_body
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import RejectedRows
from include.tweets.rows import Block, Format, Lines, Rejection, Row
from include.tweets.split import keyed_hash

BUCKETS = 256
BUFFERED_ROWS = 8_000
BUFFERED_BYTES = 2 * 1024 * 1024

REMEMBERED_LINES = 100_000
REMEMBERED_BYTES = 16 * 1024 * 1024
"""When there are so many lines or bytes of lines, all are forgotten: it is only time that is lost."""
LONGEST_REMEMBERED = 4096

_NO_ROW = -1
_SUFFIX = ".spool"

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class BlockTally:
    """What there was in a block: rows, usable ones by label (in the order in which labels came up), rejected ones."""

    file: str
    rows: int
    labels: dict[str, int]
    rejected: RejectedRows


class Spool:
    """
    Takes blocks of rows, and writes usable rows to a folder that processes share, each with files of its own.

    :param files: the names of all files, in the order of the output
    """

    def __init__(
        self, folder: Path, files: Sequence[str], settings: PrepareSettings, buffered_rows: int = BUFFERED_ROWS
    ):
        self._folder = folder
        self._files = {name: index for index, name in enumerate(files)}
        self._seed = settings.seed
        self._labels = list(settings.labels.values())
        self._label_indices = {label: index for index, label in enumerate(self._labels)}
        self._buffered_rows = buffered_rows
        self._format: Format | None = None
        self._known: dict[bytes, int] = {}
        """Of lines that are a row by themselves, the code of their label and cell (see `_code`)."""
        self._known_bytes = 0
        self._written: Counter[int] = Counter()
        """How many labels with cells there are in each bucket."""
        self._new: defaultdict[int, list[tuple[bytes, int, str]]] = defaultdict(list)
        self._rows: list[Numbers] = []
        self._row_count = self._byte_count = 0

    def add(self, block: Block) -> BlockTally:
        """The rows may be on disk only after a `flush`."""
        if block.format != self._format:
            self._known, self._known_bytes, self._format = {}, 0, block.format
        rejected = RejectedRows()
        codes = np.array(self._codes(block, rejected), dtype=np.int64)
        usable = np.flatnonzero(codes != _NO_ROW)
        codes = codes[usable]
        file = block.format.file
        self._rows.append(np.stack((codes, np.full(len(codes), self._files[file]), usable + block.first)))
        self._row_count += len(codes)
        self._byte_count += len(block.content)
        if self._row_count >= self._buffered_rows or self._byte_count >= BUFFERED_BYTES:
            self.flush()
        return BlockTally(file, len(codes) + len(rejected), self._label_counts(codes), rejected)

    def flush(self) -> None:
        if not self._rows:
            return
        codes, files, numbers = np.concatenate(self._rows, axis=1)
        buckets = codes % BUCKETS
        order = np.argsort(buckets, kind="stable")
        rows = np.stack((codes // BUCKETS // len(self._labels), files, numbers), axis=1)[order]
        ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
        for bucket, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if start < end:
                with (self._folder / f"{bucket:02x}-{os.getpid()}{_SUFFIX}").open("ab") as file:
                    pickle.dump((self._new[bucket], rows[start:end]), file, pickle.HIGHEST_PROTOCOL)
        self._new.clear()
        self._rows.clear()
        self._row_count = self._byte_count = 0

    def _codes(self, block: Block, rejected: RejectedRows) -> list[int | None]:
        """For each line the code of the row that begins there, or that none does."""
        lines = block.lines()
        codes = list(map(self._known.get, lines.all[: len(lines)]))
        for position, code in enumerate(codes):
            if position < lines.position:  # inside the row before, whatever it looks like by itself
                codes[position] = _NO_ROW
            elif code is None:
                lines.position = position
                codes[position] = self._read_row(block.format, lines, rejected)
        return codes

    def _read_row(self, format: Format, lines: Lines, rejected: RejectedRows) -> int:
        position = lines.position
        line = lines.all[position]
        if (known := self._known.get(line)) is not None:  # new in this block, so it was not known when that began
            lines.position += 1
            return known
        code = _NO_ROW
        for row in format.read(lines):
            usable = self._code(row) if isinstance(row, Row) else row
            if isinstance(usable, Rejection):
                rejected.add(usable)
            else:
                code = usable
        # The first line of a file may begin with a byte order mark, which is none elsewhere.
        if code != _NO_ROW and lines.position == position + 1 and lines.first + position > 1:
            self._remember(line, code)
        return code

    def _remember(self, line: bytes, code: int) -> None:
        if len(line) > LONGEST_REMEMBERED:
            return
        if len(self._known) >= REMEMBERED_LINES or self._known_bytes >= REMEMBERED_BYTES:
            self._known.clear()
            self._known_bytes = 0
        self._known[line] = code
        self._known_bytes += len(line)

    def _code(self, row: Row) -> int | Rejection:
        """
        One number for a row's label and cell: where they are written among those of the bucket, the label, the bucket.
        """
        try:
            body = canonical_body(row.cell)
        except UndecodableCell as error:
            return Rejection(row.file, row.line, "undecodable_repr", str(error), row.cell[:200])
        if not body:
            return Rejection(row.file, row.line, "empty_text", "nothing is left of the text", row.cell[:200])
        key = keyed_hash(body, self._seed, b"order")
        bucket, label = key[0], self._label_indices[row.label]
        self._new[bucket].append((key, label, row.cell))
        self._written[bucket] += 1
        return ((self._written[bucket] - 1) * len(self._labels) + label) * BUCKETS + bucket

    def _label_counts(self, codes: Numbers) -> dict[str, int]:
        labels = codes // BUCKETS % len(self._labels)
        found, first, counts = np.unique(labels, return_index=True, return_counts=True)
        order = np.argsort(first)
        return {self._labels[label]: count for label, count in zip(found[order], counts[order].tolist(), strict=True)}


class Cell(NamedTuple):
    """A label and a cell, once, however many rows have them. Cells of one tweet have one key."""

    key: bytes
    label: str
    cell: str


@dataclass(slots=True)
class SpooledBucket:
    """All rows of some tweets, and all the tweets of these rows."""

    cells: list[Cell] = field(default_factory=list)
    rows: Numbers = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    """For each row the index of its cell, the index of its file, its line."""

    @classmethod
    def load(cls, paths: Iterable[Path], settings: PrepareSettings) -> "SpooledBucket":
        labels = list(settings.labels.values())
        cells: list[Cell] = []
        rows: list[Numbers] = []
        for path in paths:
            offset = len(cells)
            with path.open("rb") as file:
                while file.peek(1):
                    new, numbers = pickle.load(file)
                    cells += [Cell(key, labels[label], cell) for key, label, cell in new]
                    rows.append(numbers + np.array((offset, 0, 0)))
        return cls(cells, np.concatenate(rows))


def spooled_buckets(folder: Path) -> list[list[Path]]:
    """The files of each bucket, in the order of the output."""
    buckets: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        buckets[path.name.partition("-")[0]].append(path)
    return [buckets[name] for name in sorted(buckets)]
