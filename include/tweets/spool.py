"""
The first pass of `include.tweets.prepare`: it writes rows to buckets on disk. A tweet's hash decides on its bucket.

Many lines repeat, because of retweets and because windows of dates overlap. So the result of parsing a line is cached,
and an equal line needs only a look-up. A process writes each label with its cell to disk only once, and three numbers
for each row.
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
from include.tweets.rows import MAX_EXCERPT, Block, Format, Lines, Rejection, Row
from include.tweets.split import keyed_hash

BUCKETS = 256
BUFFERED_ROWS = 8_000
BUFFERED_BYTES = 2 * 1024 * 1024

CACHED_LINES = 100_000
CACHED_BYTES = 16 * 1024 * 1024
"""The cache of lines is cleared when it contains so many lines or bytes."""
LONGEST_CACHED = 4096
"""Longer lines, in bytes, are not cached."""

_NO_ROW = -1
_SUFFIX = ".spool"

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class BlockTally:
    """The counts of a block."""

    file: str
    rows: int
    labels: dict[str, int]
    """Usable rows by label, in the order of their first rows."""
    rejected: RejectedRows
    spellings: dict[str, str] = field(default_factory=dict)
    """Labels by other spellings of them in the file than those of the settings."""


class Spool:
    """
    Writes the usable rows of blocks to a folder. Several processes share the folder; each has its own files there.

    :param files: the names of all input files, in the order of the output
    """

    def __init__(
        self, folder: Path, files: Sequence[str], settings: PrepareSettings, buffered_rows: int = BUFFERED_ROWS
    ):
        self._folder = folder
        self._files = {name: index for index, name in enumerate(files)}
        self._seed = settings.seed
        self._labels = settings.label_names
        self._label_indices = {label: index for index, label in enumerate(self._labels)}
        self._buffered_rows = buffered_rows
        self._format: Format | None = None
        self._cache: dict[bytes, int] = {}
        """The codes (see `_code`) of lines that are one row each."""
        self._cached_bytes = 0
        self._cell_counts: Counter[int] = Counter()
        """The number of cells in each bucket."""
        self._new_cells: defaultdict[int, list[tuple[bytes, int, str]]] = defaultdict(list)
        """Key, label and cell, by bucket, to be written by `flush`."""
        self._new_rows: list[Numbers] = []
        """Codes, file indices and line numbers, to be written by `flush`."""
        self._spellings: dict[str, str] = {}
        """Of the block that is being added."""
        self._row_count = self._byte_count = 0

    def add(self, block: Block) -> BlockTally:
        """Add a block's rows. They are certainly on disk only after `flush`."""
        if block.format != self._format:
            self._cache, self._cached_bytes, self._format = {}, 0, block.format
        rejected, self._spellings = RejectedRows(), {}
        codes = np.array(self._codes(block, rejected), dtype=np.int64)
        usable = np.flatnonzero(codes != _NO_ROW)
        codes = codes[usable]
        file = block.format.file
        self._new_rows.append(np.stack((codes, np.full(len(codes), self._files[file]), usable + block.first)))
        self._row_count += len(codes)
        self._byte_count += len(block.content)
        if self._row_count >= self._buffered_rows or self._byte_count >= BUFFERED_BYTES:
            self.flush()
        return BlockTally(file, len(codes) + len(rejected), self._label_counts(codes), rejected, self._spellings)

    def flush(self) -> None:
        """Write all rows to disk."""
        if not self._new_rows:
            return
        codes, files, numbers = np.concatenate(self._new_rows, axis=1)
        buckets = codes % BUCKETS
        order = np.argsort(buckets, kind="stable")
        rows = np.stack((codes // BUCKETS // len(self._labels), files, numbers), axis=1)[order]
        ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)).tolist()
        for bucket, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if start < end:
                with (self._folder / f"{bucket:02x}-{os.getpid()}{_SUFFIX}").open("ab") as file:
                    pickle.dump((self._new_cells[bucket], rows[start:end]), file, pickle.HIGHEST_PROTOCOL)
        self._new_cells.clear()
        self._new_rows.clear()
        self._row_count = self._byte_count = 0

    def _codes(self, block: Block, rejected: RejectedRows) -> list[int | None]:
        """For each line the code of the usable row that begins there, or _NO_ROW."""
        lines = block.lines()
        codes = list(map(self._cache.get, lines.all[: len(lines)]))
        for position, code in enumerate(codes):
            if position < lines.position:  # the line belongs to the row before, even if it looks like another row
                codes[position] = _NO_ROW
            elif code is None:
                lines.position = position
                codes[position] = self._read_row(block.format, lines, rejected)
        return codes

    def _read_row(self, format: Format, lines: Lines, rejected: RejectedRows) -> int:
        position = lines.position
        line = lines.all[position]
        if (cached := self._cache.get(line)) is not None:  # cached since this block was begun
            lines.position += 1
            return cached
        code = _NO_ROW
        for row in format.read(lines):
            usable = self._code(row) if isinstance(row, Row) else row
            if isinstance(usable, Rejection):
                rejected.add(usable)
            else:
                code = usable
        # Not the first line of a file: a byte order mark is removed there, but belongs to the label on other lines.
        if code != _NO_ROW and lines.position == position + 1 and lines.first + position > 1:
            self._add_to_cache(line, code)
        return code

    def _add_to_cache(self, line: bytes, code: int) -> None:
        if len(line) > LONGEST_CACHED:
            return
        if len(self._cache) >= CACHED_LINES or self._cached_bytes >= CACHED_BYTES:
            self._cache.clear()
            self._cached_bytes = 0
        self._cache[line] = code
        self._cached_bytes += len(line)

    def _code(self, row: Row) -> int | Rejection:
        """Add a row's label and cell to a bucket. The code is one number for cell index, label index and bucket."""
        try:
            body = canonical_body(row.cell)
        except UndecodableCell as error:
            return Rejection(row.file, row.line, "undecodable_repr", str(error), row.cell[:MAX_EXCERPT])
        if not body:
            return Rejection(row.file, row.line, "empty_text", "the decoded text is empty", row.cell[:MAX_EXCERPT])
        if row.spelling:
            self._spellings[row.spelling] = row.label
        key = keyed_hash(body, self._seed, b"order")
        bucket, label = key[0], self._label_indices[row.label]
        index = self._cell_counts[bucket]
        self._new_cells[bucket].append((key, label, row.cell))
        self._cell_counts[bucket] += 1
        return (index * len(self._labels) + label) * BUCKETS + bucket

    def _label_counts(self, codes: Numbers) -> dict[str, int]:
        labels = codes // BUCKETS % len(self._labels)
        found, first, counts = np.unique(labels, return_index=True, return_counts=True)
        order = np.argsort(first)
        return {self._labels[label]: count for label, count in zip(found[order], counts[order].tolist(), strict=True)}


class Cell(NamedTuple):
    """A label and a cell, which any number of rows can have. All cells of a tweet have the same key."""

    key: bytes
    label: str
    cell: str


@dataclass(slots=True)
class SpooledBucket:
    """All rows of the tweets whose hash belongs to one bucket."""

    cells: list[Cell] = field(default_factory=list)
    rows: Numbers = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    """For each row: the index of its cell, the index of its file, and its line number."""

    @classmethod
    def load(cls, paths: Iterable[Path], settings: PrepareSettings) -> "SpooledBucket":
        labels = settings.label_names
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
