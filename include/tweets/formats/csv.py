"""
Labelled rows out of CSV files as collectors, Spark and people write them.

A row holds a label and a text, in that order where the file has no header row; a header row is recognised by its
column names. A file is read line by line, so a broken row costs that row and not the rest of the file: Python's csv
module alone would take everything behind an unclosed quote for one cell.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from include.config.errors import DataError
from include.tweets.rows import MAX_ROW_BYTES, Block, Incomplete, Line, Lines, Rejection, Row, read_blocks

_TITLE = re.compile(r"[a-z_][\w .-]*")

LABEL_COLUMNS = ("label", "class", "category")
TEXT_COLUMNS = ("text", "tweet", "body", "content")

MAX_TEXT_CHARACTERS = 10_000
"""A longer cell is not a tweet. (A tweet of 280 characters takes at most some 3,500 as a repr of bytes.)"""

MAX_ROW_LINES = 300
"""A quoted cell that spans more lines than a tweet has characters is an unclosed quote."""

_LAST_CELL_QUOTED = re.compile(rb'[^"]*,"(?:[^"\\]|"")*"\r*').fullmatch
"""Lines that are a row of their own at a glance."""


def read_csv(file: str, stream: io.BufferedIOBase, labels: Mapping[str, str]) -> Iterator[Block]:
    """
    One CSV file in blocks, whose rows are all of the file's, usable or not, in its order; blank lines and a header row
    are no rows.

    :param file: the file's name, for messages
    :param stream: the file's bytes, UTF-8, with or without a byte order mark
    :param labels: the labels' names by id; a file may use either
    :raises DataError: the file has a header row without a label or a text column
    """
    names = {**{name: name for name in labels.values()}, **labels}
    rows: CsvRows | None = None
    for first, content in read_blocks(stream, partial(_whole_rows, names)):
        if rows is None:
            lines = Lines(content, first)
            try:
                rows = _begin(file, lines, names)
            except DataError:
                yield Block(first, content[: lines.bytes_before(lines.position)], CsvRows(file, names))
                raise
        yield Block(first, content, rows or CsvRows(file, names))


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell of a row is what."""

    label: int = 0
    text: int = 1
    count: int = 2


@dataclass(frozen=True, slots=True)
class CsvRows:
    """How to read the rows of a CSV file (an `include.tweets.rows.Format`)."""

    file: str = field(compare=False)
    names: Mapping[str, str]
    columns: Columns = Columns()
    header: int = field(default=0, compare=False)
    """The number of the line with the header row; 0 without."""

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        first = lines.read()
        assert first is not None
        try:
            cells = _read_cells(first, lines, self.names)
            if not cells or first.number == self.header:
                return ()
            return (_row(self.file, first.number, cells, self.columns, self.names),)
        except _BadRow as bad:
            return [_rejection(self.file, line, bad) for line in (first, *bad.others)]


def _rejection(file: str, line: Line, bad: "_BadRow") -> Rejection:
    content = line.content[:200].decode("utf-8", "replace").strip().replace("\0", "\\0")
    return Rejection(file, line.number, bad.reason, str(bad), content)


def _begin(file: str, lines: Lines, names: Mapping[str, str]) -> CsvRows | None:
    """
    How to read a file that begins with these lines, as its first row that can be read has it; None where there is none.

    :raises DataError: that row is a header without a label or a text column; it is the next one of the lines
    """
    while lines.position < len(lines):
        start = lines.position
        try:
            first = lines.read()
            assert first is not None
            cells = _read_cells(first, lines, names)
        except _BadRow:
            continue
        if cells:
            try:
                columns = _header(cells, names, file)
            except DataError:
                lines.position = start
                raise
            return CsvRows(file, names) if columns is None else CsvRows(file, names, columns, first.number)
    return None


def _whole_rows(names: Mapping[str, str], content: bytes, first: int) -> int:
    """How many bytes from the beginning of a row are whole rows for certain (see `include.tweets.rows.read_blocks`)."""
    lines = Lines(content, first, more=True)
    for position, line in enumerate(lines.all[: len(lines)]):
        if position < lines.position or b'"' not in line or _LAST_CELL_QUOTED(line):
            continue
        lines.position = position
        try:
            first_line = lines.read()
            assert first_line is not None
            _read_cells(first_line, lines, names)
        except _BadRow:
            pass
        except Incomplete:
            return lines.bytes_before(position)
    return lines.bytes_before(len(lines))


class _BadRow(Exception):
    def __init__(self, reason: str, detail: str, others: "Sequence[Line]" = ()):
        super().__init__(detail)
        self.reason = reason
        self.others = others
        """Further lines that are set aside for the same reason."""


def _read_cells(first: Line, lines: Lines, names: Mapping[str, str]) -> list[str]:
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


def _until_quote_closes(first: Line, lines: Lines) -> list[Line]:
    following: list[Line] = []
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
    cells = _split_plain(text) or _split_carefully(text)
    return cells if any(cell.strip() for cell in cells) else []


def _split_plain(text: str) -> list[str]:
    """The cells of a row without quotes or with a last cell in quotes, quickly; none where it is something else."""
    if '"' not in text:
        return text.split(",")
    others, _, quoted = text.partition(',"')
    last = quoted[:-1]
    if '"' in others or quoted[-1:] != '"' or '"' in last.replace('""', "") or '\\"' in quoted:
        return []
    return [*others.split(","), last.replace('""', '"')]


def _split_carefully(text: str) -> list[str]:
    """
    The cells as Python's csv module has them, or as Spark writes them.

    :raises _BadRow: it is neither
    """
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
    return cells


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


def _header(cells: list[str], names: Mapping[str, str], file: str) -> Columns | None:
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
    return Columns(label=label, text=text, count=len(cells))


def _row(file: str, line: int, cells: list[str], columns: Columns, names: Mapping[str, str]) -> Row:
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
