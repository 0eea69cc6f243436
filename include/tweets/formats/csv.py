"""
Labelled rows from CSV files, as collectors, Spark and people write them.

A row contains a label and a text, in this order unless the file has a header row. A header row is recognised by its
column names. The file is read line by line, so that a broken row costs only that row: Python's csv module would take
everything after an unclosed quote as one cell.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from include.config.errors import DataError
from include.tweets.rows import MAX_ROW_BYTES, BadRow, Block, Incomplete, Line, Lines, Rejection, Row, read_blocks

_TITLE = re.compile(r"[a-z_][\w .-]*")

LABEL_COLUMNS = ("label", "class", "category")
TEXT_COLUMNS = ("text", "tweet", "body", "content")

MAX_TEXT_CHARACTERS = 10_000
"""A longer cell is not a tweet. (The repr of the bytes of a tweet with 280 characters has at most about 3,500.)"""

MAX_ROW_LINES = 300
"""A quoted cell with more lines than a tweet has characters is an unclosed quote."""

_LAST_CELL_QUOTED = re.compile(rb'[^"]*,"(?:[^"\\]|"")*"\r*').fullmatch
"""Recognises, faster than the csv module, lines with quotes that are a whole row."""


def read_csv(file: str, stream: io.BufferedIOBase, labels: Mapping[str, str]) -> Iterator[Block]:
    """
    Read a CSV file in blocks. They contain all of its rows in order, usable or not. Blank lines and a header row are
    not rows.

    :param file: the file's name, for messages
    :param stream: the file's bytes: UTF-8, with or without a byte order mark
    :param labels: label names by label id; the file may use either
    :raises DataError: the file has a header row without a label or a text column
    """
    label_names = {**{name: name for name in labels.values()}, **labels}
    rows: CsvRows | None = None
    for first, content in read_blocks(stream, partial(_whole_rows, label_names)):
        if rows is None:
            lines = Lines(content, first)
            try:
                rows = _detect_columns(file, lines, label_names)
            except DataError:
                before_header = content[: lines.bytes_before(lines.position)]
                yield Block(first, before_header, CsvRows(file, label_names))
                raise
        yield Block(first, content, rows or CsvRows(file, label_names))


@dataclass(frozen=True, slots=True)
class Columns:
    """The positions of a row's columns."""

    label: int = 0
    text: int = 1
    count: int = 2


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The format of a CSV file (an `include.tweets.rows.Format`)."""

    file: str = field(compare=False)
    label_names: Mapping[str, str]
    """By everything that the label column may contain: ids and names."""
    columns: Columns = Columns()
    header: int = field(default=0, compare=False)
    """The line number of the header row; 0 if there is none."""

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        first = lines.read()
        assert first is not None
        try:
            cells = _read_cells(first, lines, self.label_names)
            if not cells or first.number == self.header:
                return ()
            return (_row(self.file, first.number, cells, self.columns, self.label_names),)
        except BadRow as bad:
            return [line.rejection(self.file, bad) for line in (first, *bad.further_lines)]


def _detect_columns(file: str, lines: Lines, label_names: Mapping[str, str]) -> CsvRows | None:
    """
    The format of the file, from its first row that is not broken; None if all rows of these lines are broken or blank.

    :raises DataError: that row is a header row without a label or a text column; `lines` stands before it
    """
    while lines.position < len(lines):
        start = lines.position
        try:
            first = lines.read()
            assert first is not None
            cells = _read_cells(first, lines, label_names)
        except BadRow:
            continue
        if cells:
            try:
                columns = _header(cells, label_names, file, first.number)
            except DataError:
                lines.position = start
                raise
            return CsvRows(file, label_names) if columns is None else CsvRows(file, label_names, columns, first.number)
    return None


def _header(cells: list[str], label_names: Mapping[str, str], file: str, line: int) -> Columns | None:
    """
    The columns that a header row names; None if the row is data.

    :raises DataError: it names only one of the two columns
    """
    titles = [cell.strip().lower() for cell in cells]
    if any(cell.strip() in label_names for cell in cells) or not all(map(_TITLE.fullmatch, titles)):
        return None
    label, text = _position(titles, LABEL_COLUMNS), _position(titles, TEXT_COLUMNS)
    if label is None and text is None:
        return None
    if label is None or text is None:
        column, names = ("label", LABEL_COLUMNS) if label is None else ("text", TEXT_COLUMNS)
        raise DataError(
            f"{file}, line {line}: the header row ({', '.join(titles)}) has no {column} column. "
            f"Name the column one of: {', '.join(names)}."
        )
    return Columns(label, text, len(cells))


def _position(titles: list[str], names: Sequence[str]) -> int | None:
    """The position of the first of these names that is a title."""
    return next((titles.index(name) for name in names if name in titles), None)


def _whole_rows(label_names: Mapping[str, str], content: bytes, first: int) -> int:
    """How many bytes at the start of a piece of a file are whole rows (see `include.tweets.rows.read_blocks`)."""
    lines = Lines(content, first, more=True)
    for position, line in enumerate(lines.all[: len(lines)]):
        if position < lines.position or b'"' not in line or _LAST_CELL_QUOTED(line):
            continue
        lines.position = position
        try:
            first_line = lines.read()
            assert first_line is not None
            _read_cells(first_line, lines, label_names)
        except BadRow:
            pass
        except Incomplete:
            return lines.bytes_before(position)
    return lines.bytes_before(len(lines))


def _read_cells(first: Line, lines: Lines, label_names: Mapping[str, str]) -> list[str]:
    """Read the cells of the row that starts with the line `first`, and further lines while a quote is open."""
    try:
        return _parse(first.content)
    except BadRow as bad:
        if bad.reason != "unclosed_quote":
            raise
    following = _until_quote_closes(first, lines)
    try:
        cells = _parse(first.content + b"".join(line.content for line in following))
    except BadRow as bad:
        # The quote does not close, or it closes in another row. So only this row is broken.
        lines.put_back(following)
        raise BadRow("unclosed_quote", "a quote opens in this row and does not close properly") from bad
    last = following[-1].number
    for line in following:
        if line.content.split(b",", 1)[0].strip(b'" ').decode("utf-8", "replace") in label_names:
            raise BadRow(
                "ambiguous_quote",
                f"the quote that opens here closes in line {last}, but line {line.number} looks like another row; "
                f"lines {first.number} to {last} are rejected",
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
    """The cells of one row; none for a blank line."""
    if len(content) > MAX_ROW_BYTES:
        raise BadRow("text_too_long", f"the row is longer than {MAX_ROW_BYTES:,} bytes")
    if b"\0" in content:
        raise BadRow("nul_byte", f"NUL byte at position {content.index(bytes(1)) + 1} of the row")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        byte, position = content[error.start], error.start + 1
        raise BadRow("not_utf8", f"not UTF-8: byte 0x{byte:02x} at position {position} of the row") from None
    # A carriage return within a row is white space of the tweet. csv would end the row there.
    text = text.rstrip("\r\n").replace("\r", " ")
    cells = _split_plain(text) or _split_carefully(text)
    return cells if any(cell.strip() for cell in cells) else []


def _split_plain(text: str) -> list[str]:
    """Split, quickly, a row without quotes, or with quotes around its last cell only. Empty for other rows."""
    if '"' not in text:
        return text.split(",")
    others, _, quoted = text.partition(',"')
    last = quoted[:-1]
    if '"' in others or quoted[-1:] != '"' or '"' in last.replace('""', "") or '\\"' in quoted:
        return []
    return [*others.split(","), last.replace('""', '"')]


def _split_carefully(text: str) -> list[str]:
    """
    Split a row with Python's csv module, or with Spark's escapes.

    :raises BadRow: the row is valid in neither dialect
    """
    try:
        cells = _split(text)
    except csv.Error as error:
        cells = _split_with_backslashes(text)
        if not cells and "unexpected end" in str(error):
            raise BadRow("unclosed_quote", "a quote opens in this row and does not close") from None
        if not cells:
            raise BadRow("malformed", f"not a CSV row: {error}") from None
        return cells
    # Some rows are valid in both dialects. Spark's is right if it gives fewer cells, but more than one.
    with_backslashes = _split_with_backslashes(text)
    return with_backslashes if 1 < len(with_backslashes) < len(cells) else cells


def _split(text: str, **dialect: Any) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), strict=True, **dialect), [])


def _split_with_backslashes(text: str) -> list[str]:
    """Split a row in which a backslash escapes quotes, as Spark writes it by default; an empty list for other rows."""
    if '\\"' not in text:
        return []
    try:
        return _split(text, doublequote=False, escapechar="\\")
    except csv.Error:
        return []


def _row(file: str, line: int, cells: list[str], columns: Columns, label_names: Mapping[str, str]) -> Row:
    if len(cells) < columns.count:
        raise BadRow("missing_column", f"{_columns(cells, columns)} (columns are separated by commas)")
    if len(cells) > columns.count:
        raise BadRow("extra_column", f"{_columns(cells, columns)} (a text with commas must be in quotes)")
    label, cell = cells[columns.label].strip(), cells[columns.text]
    if label not in label_names:
        raise BadRow("unknown_label", f"label {label[:50]!r} is not one of: {', '.join(label_names)}")
    if not cell.strip():
        raise BadRow("empty_text", "the text is empty")
    if len(cell) > MAX_TEXT_CHARACTERS:
        raise BadRow("text_too_long", f"{len(cell):,} characters; at most {MAX_TEXT_CHARACTERS:,} are allowed")
    return Row(file, line, label_names[label], cell)


def _columns(cells: list[str], columns: Columns) -> str:
    return f"{len(cells)} column{'' if len(cells) == 1 else 's'} instead of {columns.count}"
