"""
The first half of `include.tweets.prepare`: blocks of rows in, their keyed rows and their counts out.

The key is a hash of the tweet. It decides on the row's bucket, and all rows of a tweet have the same key. Nothing here
reads or writes files, or knows of other processes.

Many lines repeat, because of retweets and because windows of dates overlap. So the result of parsing a line is cached,
and an equal line needs only a look-up. Each label with its cell is passed on only once, and three numbers for each row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from include.tweets.cleaning import UndecodableCell, body_of, plain_text
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import RejectedRows
from include.tweets.rows import MAX_EXCERPT, Block, Format, Lines, Rejection, Row
from include.tweets.split import keyed_hash

BUCKETS = 256

CACHED_LINES = 100_000
CACHED_BYTES = 16 * 1024 * 1024
"""The cache of lines is cleared when it contains so many lines or bytes."""
LONGEST_CACHED = 4096
"""Longer lines, in bytes, are not cached."""

_NO_ROW = -1

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


@dataclass(slots=True)
class Piece:
    """Keyed rows of one bucket, as columns. A cell with its label can have any number of rows."""

    keys: list[bytes] = field(default_factory=list)
    """For each cell the hash of its tweet."""
    labels: list[int] = field(default_factory=list)
    """For each cell its label, as an index of the settings' labels."""
    cells: list[str] = field(default_factory=list)
    rows: Numbers = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    """
    For each row: the index of its cell among all cells that the same `Keyer` has put into this bucket, the index of its
    file, and its line number.
    """

    @classmethod
    def joined(cls, keyers: Iterable[Iterable["Piece"]]) -> "Piece":
        """
        All pieces of one bucket as one.

        :param keyers: for each `Keyer` all of its pieces of the bucket, in order
        """
        whole, rows = cls(), []
        for pieces in keyers:
            offset = len(whole.cells)
            for piece in pieces:
                whole.keys += piece.keys
                whole.labels += piece.labels
                whole.cells += piece.cells
                rows.append(piece.rows + np.array((offset, 0, 0)))
        whole.rows = np.concatenate(rows)
        return whole


class Keyer:
    """
    Keys the usable rows of blocks.

    :param files: the names of all input files, in the order of the output
    """

    def __init__(self, files: Sequence[str], settings: PrepareSettings):
        self._files = {name: index for index, name in enumerate(files)}
        self._seed = settings.seed
        self._labels = settings.label_names
        self._label_indices = {label: index for index, label in enumerate(self._labels)}
        self._format: Format | None = None
        self._cache: dict[bytes, int] = {}
        """The codes (see `_code`) of lines that are one row each."""
        self._cached_bytes = 0
        self._cell_counts = [0] * BUCKETS
        """The number of cells in each bucket."""
        self._new = [Piece() for _ in range(BUCKETS)]
        """Cells since the last `take`."""
        self._new_rows: list[Numbers] = []
        """Codes, file indices and line numbers since the last `take`."""
        self._spellings: dict[str, str] = {}
        """Of the block that is being added."""
        self.row_count = self.byte_count = 0
        """Of the blocks since the last `take`."""

    def add(self, block: Block) -> BlockTally:
        """Key a block's rows, for the next `take`."""
        if block.format != self._format:
            self._cache, self._cached_bytes, self._format = {}, 0, block.format
        rejected, self._spellings = RejectedRows(), {}
        codes = np.array(self._codes(block, rejected), dtype=np.int64)
        usable = np.flatnonzero(codes != _NO_ROW)
        codes = codes[usable]
        file = block.format.file
        self._new_rows.append(np.stack((codes, np.full(len(codes), self._files[file]), usable + block.first)))
        self.row_count += len(codes)
        self.byte_count += len(block.content)
        return BlockTally(file, len(codes) + len(rejected), self._label_counts(codes), rejected, self._spellings)

    def take(self) -> dict[int, Piece]:
        """The keyed rows of the blocks since the last call, by bucket."""
        if not self._new_rows:
            return {}
        codes, files, numbers = np.concatenate(self._new_rows, axis=1)
        buckets = codes % BUCKETS
        order = np.argsort(buckets, kind="stable")
        rows = np.stack((codes // BUCKETS // len(self._labels), files, numbers), axis=1)[order]
        taken = {}
        for bucket in np.unique(buckets).tolist():
            start, end = np.searchsorted(buckets[order], (bucket, bucket + 1))
            taken[bucket], self._new[bucket] = self._new[bucket], Piece()
            taken[bucket].rows = rows[start:end]
        self._new_rows.clear()
        self.row_count = self.byte_count = 0
        return taken

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
        line = lines.all[lines.position]
        code = self._cache.get(line)  # it may have been cached since this block was begun
        if code is None:
            code = self._plain_code(format, line)
            if code is None:
                return self._carefully_read_row(format, lines, rejected)
            self._add_to_cache(line, code)
        lines.position += 1
        return code

    def _plain_code(self, format: Format, line: bytes) -> int | None:
        row = format.plain_row(line)
        try:
            return None if row is None else self._code(*row)
        except UndecodableCell:
            return None

    def _carefully_read_row(self, format: Format, lines: Lines, rejected: RejectedRows) -> int:
        line, position = lines.all[lines.position], lines.position
        code = _NO_ROW
        for row in format.read(lines):
            usable = self._usable(row) if isinstance(row, Row) else row
            if isinstance(usable, Rejection):
                rejected.add(usable)
            else:
                code = usable
        if code != _NO_ROW and lines.position == position + 1:
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

    def _usable(self, row: Row) -> int | Rejection:
        """The row's code, or why it has none."""
        try:
            code = self._code(row.label, row.cell)
        except UndecodableCell as error:
            return Rejection(row.file, row.line, "undecodable_repr", str(error), row.cell[:MAX_EXCERPT])
        if code is None:
            return Rejection(row.file, row.line, "empty_text", "the decoded text is empty", row.cell[:MAX_EXCERPT])
        if row.spelling:
            self._spellings[row.spelling] = row.label
        return code

    def _code(self, label: str, cell: str) -> int | None:
        """
        Add a label and a cell to a bucket; None if the text is empty.

        :return: one number for cell index, label index and bucket
        :raises UndecodableCell: as `plain_text`
        """
        body = body_of(plain_text(cell))
        if not body:
            return None
        key = keyed_hash(body, self._seed, b"order")
        bucket, label_index = key[0], self._label_indices[label]
        piece, index = self._new[bucket], self._cell_counts[bucket]
        piece.keys.append(key)
        piece.labels.append(label_index)
        piece.cells.append(cell)
        self._cell_counts[bucket] += 1
        return (index * len(self._labels) + label_index) * BUCKETS + bucket

    def _label_counts(self, codes: Numbers) -> dict[str, int]:
        labels = codes // BUCKETS % len(self._labels)
        found, first, counts = np.unique(labels, return_index=True, return_counts=True)
        order = np.argsort(first)
        return {self._labels[label]: count for label, count in zip(found[order], counts[order].tolist(), strict=True)}
