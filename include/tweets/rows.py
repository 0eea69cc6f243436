"""
Reading of files in blocks of whole rows.

A block is the unit of work for processes. Its rows are the same in whatever process and order the blocks are read. A
row can span several lines, so the file's format decides where a block may end.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from include.config.printable import printable

BLOCK_BYTES = 32 * 1024

MAX_ROW_BYTES = 128 * 1024
"""A longer line cannot be a tweet. It is not kept in memory, and its row is rejected."""
MAX_EXCERPT = 200
"""So much of a rejected row's content is shown in rejected.csv."""
MAX_TEXT_CHARACTERS = 10_000
"""A longer cell is not a tweet. (The repr of the bytes of a tweet with 280 characters has at most about 3,500.)"""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """One labelled row: the label's name, and the cell with the text as it is in the file."""

    file: str
    line: int
    label: str
    cell: str
    spelling: str = ""
    """The label in the file, if it is neither the id nor the name as it stands in the settings."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that is not used."""

    file: str
    line: int
    """The first line of the row."""
    reason: str
    """A code; the report counts rows by it."""
    detail: str
    """What is wrong, for people."""
    content: str = ""
    """The beginning of the row."""


class Line(NamedTuple):
    """A line of a file, cut after MAX_ROW_BYTES."""

    number: int
    """Counted from 1."""
    content: bytes

    def rejection(self, file: str, bad: "BadRow") -> Rejection:
        """The row that begins with this line, as a rejection."""
        excerpt = self.content[:MAX_EXCERPT].decode("utf-8", "replace").strip().replace("\0", "\\0")
        return Rejection(file, self.number, bad.reason, str(bad), excerpt)


class BadRow(Exception):
    """A row that is rejected; reason and detail are those of `Rejection`."""

    def __init__(self, reason: str, detail: str, further_lines: Sequence[Line] = ()):
        """:param further_lines: lines after the row's first one that are rejected for the same reason"""
        super().__init__(printable(detail))  # it may quote the row
        self.reason = reason
        self.further_lines = further_lines


class Incomplete(Exception):
    """The piece of the file that has been read ends within a row."""


class Lines:
    """The lines of a piece of a file, to be read one by one."""

    def __init__(self, content: bytes, first: int = 1, more: bool = False):
        """
        :param first: the number of the first line
        :param more: whether the file continues after `content`, so that its last line may be incomplete
        """
        self.first = first
        self.all = content.split(b"\n")
        """Without newlines."""
        self.position = 0
        """The index of the next line in `all`."""
        self._more = more
        self._count = len(self.all) - (1 if more or not self.all[-1] else 0)

    def __len__(self) -> int:
        return self._count

    @property
    def next_number(self) -> int:
        return self.first + self.position

    def read(self) -> Line | None:
        """
        Read the next line; None at the end of the file.

        :raises Incomplete: the file continues, but the next line is not in this piece
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
        # A file that was put together from others has a byte order mark wherever one of them begins.
        return Line(number, content[: MAX_ROW_BYTES + 1].removeprefix(BYTE_ORDER_MARK))

    def put_back(self, lines: Sequence[Line]) -> None:
        """Make the lines that were read last the next ones again."""
        self.position -= len(lines)

    def size(self, start: int, end: int) -> int:
        """The bytes of the lines from position `start` to before `end`."""
        return sum(map(len, self.all[start:end])) + end - start


class Format(Protocol):
    """How to read the rows of one file. Equal formats read equal lines in the same way."""

    @property
    def file(self) -> str:
        """The file's name."""

    def plain_row(self, line: bytes) -> tuple[str, str] | None:
        """
        Quickly, the label and the cell of the row that this line is, as `read` reads them; None if `read` has to.

        :param line: without its newline
        """

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        """
        Read one row, which spans at least one line.

        :return: the row or its rejection; nothing for a blank line; several rejections if a broken row spans lines that
            may be rows themselves
        """


@dataclass(frozen=True, slots=True)
class Block:
    """Some whole rows of a file."""

    first: int
    """The number of the first line."""
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
    Read a file in blocks of whole rows, of about BLOCK_BYTES. Yields the first line number and the content of each.

    If the stream raises an exception, the whole rows before are yielded first, and then the exception is raised.

    :param whole_rows: called with a piece of the file, which starts with a row, and the number of its first line;
        returns how many bytes at its start are whole rows, whatever the rest of the file contains
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
    """The file in pieces, without the part of long lines that exceeds MAX_ROW_BYTES."""
    length = 0  # of the incomplete line at the end of the previous piece
    # read1() and not read(): what was read before an error is not lost.
    while piece := stream.read1(io.DEFAULT_BUFFER_SIZE):
        room = max(MAX_ROW_BYTES + 1 - length, 0)
        newline = piece.find(b"\n")
        if newline < 0:
            length += len(piece)
            if room:  # an empty piece would let the reader look again at what it has
                yield piece[:room]
        else:
            length = len(piece) - piece.rfind(b"\n") - 1
            yield piece[: min(newline, room)] + piece[newline:]


def whole_lines(content: bytes, first: int) -> int:
    """`whole_rows` of `read_blocks` for formats in which every line is a row."""
    return content.rfind(b"\n") + 1
