"""
Rows, and a file in blocks of whole rows, and a block line by line.

Blocks are what processes share the work by: reading one gives the same rows wherever and in whatever order it is read.
A row may span lines, so it is the format's business to say where a block may end.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

BLOCK_BYTES = 32 * 1024

MAX_ROW_BYTES = 128 * 1024
"""A longer line cannot hold a text within the limit; it is read past, piece by piece, and rejected."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled cell: `label` is a label's name, `cell` the text as the file has it."""

    file: str
    line: int
    label: str
    cell: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that is not used: where it begins, a reason to count by, a detail to read, how it begins."""

    file: str
    line: int
    reason: str
    detail: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A physical line, cut behind MAX_ROW_BYTES; numbered from 1."""

    number: int
    content: bytes


class Incomplete(Exception):
    """What has been read of the file so far ends before the row does."""


class Lines:
    """The lines of a piece of a file, which begins with line `first`; lines can be put back."""

    def __init__(self, content: bytes, first: int = 1, more: bool = False):
        """:param more: the file goes on behind `content`, so that an end within a row is no end"""
        self.first = first
        self.all = content.split(b"\n")
        """Without their ends; all but the last ended in a newline."""
        self.position = 0
        self._more = more
        self._count = len(self.all) - (1 if more or not self.all[-1] else 0)

    def __len__(self) -> int:
        return self._count

    @property
    def next_number(self) -> int:
        return self.first + self.position

    def read(self) -> Line | None:
        """
        The next line, or None at the end of the file.

        :raises Incomplete: it is not there yet
        """
        if self.position >= self._count:
            if self._more:
                raise Incomplete
            return None
        number = self.next_number
        content = self.all[self.position]
        if self.position < len(self.all) - 1:
            content += b"\n"
        self.position += 1
        content = content[: MAX_ROW_BYTES + 1]
        return Line(number, content.removeprefix(BYTE_ORDER_MARK) if number == 1 else content)

    def put_back(self, lines: Sequence[Line]) -> None:
        self.position -= len(lines)

    def bytes_before(self, position: int) -> int:
        """Where the line at `position` begins."""
        return sum(map(len, self.all[:position])) + position


class Format(Protocol):
    """How the rows of one file are to be read. What is equal reads equal lines alike."""

    @property
    def file(self) -> str:
        """The file's name."""

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        """Read past one row, which is at least one line: the row, or why it is rejected; nothing for a blank line."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows of a file, from line `first` on."""

    first: int
    content: bytes
    format: Format

    def lines(self) -> Lines:
        return Lines(self.content, self.first)

    def rows(self) -> Iterator[Row | Rejection]:
        lines = self.lines()
        while lines.position < len(lines):
            yield from self.format.read(lines)


def read_blocks(stream: io.BufferedIOBase, whole_rows: Callable[[bytes, int], int]) -> Iterator[tuple[int, bytes]]:
    """
    The file in blocks of some BLOCK_BYTES that begin and end with a row; each with the number of its first line.

    Where the stream raises an exception, so does this, after all rows before.

    :param whole_rows: says how many bytes of a piece of the file that begins a row, in a line of that number, are whole
        rows for certain, whatever comes behind
    """
    number, content = 1, b""
    pieces = _pieces(stream)
    while True:
        try:
            piece = next(pieces, None)
        except Exception:
            if end := whole_rows(content, number):
                yield number, content[:end]
            raise
        if piece is None:
            break
        content += piece
        if len(content) >= BLOCK_BYTES and (end := whole_rows(content, number)):
            yield number, content[:end]
            number += content.count(b"\n", 0, end)
            content = content[end:]
    if content:
        yield number, content


def _pieces(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """The file piece by piece, without what is beyond the limit in lines that are too long."""
    length = 0  # of the line that the piece before ended in
    # One read at a time, so that what was read before an error is not lost.
    while piece := stream.read1(io.DEFAULT_BUFFER_SIZE):
        room = max(MAX_ROW_BYTES + 1 - length, 0)
        newline = piece.find(b"\n")
        if newline < 0:
            length += len(piece)
            yield piece[:room]
        else:
            length = len(piece) - piece.rfind(b"\n") - 1
            yield piece[: min(newline, room)] + piece[newline:]


def whole_lines(content: bytes, first: int) -> int:
    """Where every line is a row (see `read_blocks`)."""
    return content.rfind(b"\n") + 1
