"""
Labelled rows out of CSV files as collectors, Spark and people write them.

A row holds a label and a text, in that order where the file has no header row; a header row is recognised by its
column names. A file is read line by line, so a broken row costs that row and not the rest of the file: Python's csv
module alone would take everything behind an unclosed quote for one cell.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from include.errors import DataError

_TITLE = re.compile(r"[a-z_][\w .-]*")

LABEL_COLUMNS = ("label", "class", "category")
TEXT_COLUMNS = ("text", "tweet", "body", "content")

MAX_TEXT_CHARACTERS = 10_000
"""A longer cell is not a tweet. (A tweet of 280 characters takes at most some 3,500 as a repr of bytes.)"""

MAX_ROW_BYTES = 128 * 1024
"""A longer line cannot hold a text within the limit; it is read past, piece by piece, and rejected."""

MAX_ROW_LINES = 300
"""A quoted cell that spans more lines than a tweet has characters is an unclosed quote."""


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


def read_rows(file: str, stream: BinaryIO, labels: dict[str, str]) -> Iterator[Row | Rejection]:
    """
    Yield every row of one CSV file, usable or not, in the file's order; blank lines and a header row are no rows.

    :param file: the file's name, for messages
    :param stream: the file's bytes, UTF-8, with or without a byte order mark
    :param labels: the labels' names by id; a file may use either
    :raises DataError: the file has a header row without a label or a text column
    """
    names = {**{name: name for name in labels.values()}, **labels}
    lines = _Lines(stream)
    columns: _Columns | None = None
    while first := lines.read():
        try:
            cells = _read_cells(first, lines, names)
            if not cells:
                continue
            if columns is None:
                columns = _header(cells, names, file)
                if columns is not None:
                    continue
                columns = _Columns()
            yield _row(file, first.number, cells, columns, names)
        except _BadRow as bad:
            for line in (first, *bad.others):
                content = line.content[:200].decode("utf-8", "replace").strip().replace("\0", "\\0")
                yield Rejection(file, line.number, bad.reason, str(bad), content)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which cell of a row is what."""

    label: int = 0
    text: int = 1
    count: int = 2


class _BadRow(Exception):
    def __init__(self, reason: str, detail: str, others: "Sequence[_Line]" = ()):
        super().__init__(detail)
        self.reason = reason
        self.others = others
        """Further lines that are set aside for the same reason."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    content: bytes


class _Lines:
    """A file's physical lines, numbered from 1, each cut behind MAX_ROW_BYTES; lines can be put back."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._number = 0
        self._returned: deque[_Line] = deque()

    def read(self) -> _Line | None:
        if self._returned:
            return self._returned.popleft()
        content = piece = self._stream.readline(MAX_ROW_BYTES + 1)
        while len(piece) > MAX_ROW_BYTES and not piece.endswith(b"\n"):
            piece = self._stream.readline(MAX_ROW_BYTES + 1)
        if not content:
            return None
        self._number += 1
        if self._number == 1:
            content = content.removeprefix(b"\xef\xbb\xbf")
        return _Line(self._number, content)

    def put_back(self, lines: list[_Line]) -> None:
        self._returned.extendleft(reversed(lines))


def _read_cells(first: _Line, lines: _Lines, names: dict[str, str]) -> list[str]:
    """The cells of the row that begins with `first`, with as many further lines as its quotes span."""
    try:
        return _parse(first.content)
    except _BadRow as bad:
        if bad.reason != "unclosed_quote":
            raise
    following = _until_quote_closes(first, lines)
    try:
        cells = _parse(first.content + b"".join(line.content for line in following))
    except _BadRow as bad:
        # The quote does not close, or closes inside another row: this row alone is broken.
        lines.put_back(following)
        raise _BadRow("unclosed_quote", "a quote opens in this row and does not close properly") from bad
    last = following[-1].number
    for line in following:
        if line.content.split(b",", 1)[0].strip(b'" ').decode("utf-8", "replace") in names:
            raise _BadRow(
                "ambiguous_quote",
                f"the quote that opens here closes in line {last}, but line {line.number} looks like a row of its "
                f"own; lines {first.number} to {last} are set aside",
                following,
            )
    return cells


def _until_quote_closes(first: _Line, lines: _Lines) -> list[_Line]:
    following: list[_Line] = []
    size = len(first.content)
    while len(following) < MAX_ROW_LINES and size <= MAX_ROW_BYTES and (line := lines.read()):
        following.append(line)
        size += len(line.content)
        if line.content.count(b'"') % 2:
            break
    return following


def _parse(content: bytes) -> list[str]:
    if len(content) > MAX_ROW_BYTES:
        raise _BadRow("text_too_long", f"the row is longer than {MAX_ROW_BYTES:,} bytes")
    if b"\0" in content:
        raise _BadRow("nul_byte", f"NUL byte at position {content.index(bytes(1)) + 1} of the row")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, position = content[error.start], error.start + 1
        raise _BadRow("not_utf8", f"not UTF-8: byte 0x{byte:02x} at position {position} of the row") from None
    # A lone carriage return is white space of the tweet, not the end of a row.
    text = text.rstrip("\r\n").replace("\r", " ")
    try:
        cells = _split(text)
    except csv.Error as error:
        cells = _split_as_spark_escapes(text)
        if not cells and "unexpected end" in str(error):
            raise _BadRow("unclosed_quote", "a quote opens in this row and does not close") from None
        if not cells:
            raise _BadRow("malformed", f"not a CSV row: {error}") from None
    else:
        spark = _split_as_spark_escapes(text)
        cells = spark if 1 < len(spark) < len(cells) else cells
    return cells if any(cell.strip() for cell in cells) else []


def _split(text: str, **dialect: Any) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), strict=True, **dialect), [])


def _split_as_spark_escapes(text: str) -> list[str]:
    """The cells where quotes are escaped as Spark does by default, with a backslash; none where they are not."""
    if '\\"' not in text:
        return []
    try:
        return _split(text, doublequote=False, escapechar="\\")
    except csv.Error:
        return []


def _header(cells: list[str], names: dict[str, str], file: str) -> _Columns | None:
    """The columns of a header row, or None where `cells` are data."""
    titles = [cell.strip().lower() for cell in cells]
    if any(cell.strip() in names for cell in cells) or not all(map(_TITLE.fullmatch, titles)):
        return None
    label = next((titles.index(title) for title in LABEL_COLUMNS if title in titles), None)
    text = next((titles.index(title) for title in TEXT_COLUMNS if title in titles), None)
    if label is None and text is None:
        return None
    for column, expected, found in (("label", LABEL_COLUMNS, label), ("text", TEXT_COLUMNS, text)):
        if found is None:
            raise DataError(
                f"{file}, line 1: the header row ({', '.join(titles)}) names no {column} column. "
                f"Call it one of: {', '.join(expected)}."
            )
    assert label is not None and text is not None
    return _Columns(label=label, text=text, count=len(cells))


def _row(file: str, line: int, cells: list[str], columns: _Columns, names: dict[str, str]) -> Row:
    if len(cells) != columns.count:
        kind = "missing_column" if len(cells) < columns.count else "extra_column"
        separators = "columns are separated by commas"
        hint = "a text with commas must be quoted" if len(cells) > columns.count else separators
        found = f"{len(cells)} column" if len(cells) == 1 else f"{len(cells)} columns"
        raise _BadRow(kind, f"{found} where {columns.count} are expected ({hint})")
    label, cell = cells[columns.label].strip(), cells[columns.text]
    if label not in names:
        raise _BadRow("unknown_label", f"label {label[:50]!r} is none of {', '.join(names)}")
    if not cell.strip():
        raise _BadRow("empty_text", "the text is empty")
    if len(cell) > MAX_TEXT_CHARACTERS:
        raise _BadRow("text_too_long", f"{len(cell):,} characters; at most {MAX_TEXT_CHARACTERS:,} are a tweet")
    return Row(file, line, names[label], cell)
