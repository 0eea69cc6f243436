"""
Labelled rows from text with separators (CSV, TSV and the like), as collectors, Spark, pandas and people write them.

A row contains a label and a text, in this order unless the file has a header row. A header row is recognised by the
names of its label and text columns alone. The file is read line by line, so that a broken row costs only that row:
Python's csv module would take everything after an unclosed quote as one cell. The separator is the one with which the
most rows have a known label; csv.Sniffer, which does not know the labels, is misled by the texts.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from include.config.errors import DataError
from include.tweets.formats.columns import ColumnNames, Columns
from include.tweets.formats.confidence import check_confidence
from include.tweets.labels import Labels
from include.tweets.rows import (
    BYTE_ORDER_MARK,
    MAX_ROW_BYTES,
    MAX_TEXT_CHARACTERS,
    BadRow,
    Block,
    Incomplete,
    Line,
    Lines,
    Rejection,
    Row,
    read_blocks,
)

HIVES_SEPARATOR = "\1"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", HIVES_SEPARATOR: "Ctrl-A"}
NULL = "\\N"
"""How Hive, PostgreSQL's COPY and MySQL write that a row has no text."""
SAMPLE_ROWS = 200
"""So many rows at the start of a file decide on its separator."""

MAX_ROW_LINES = 300
"""A quoted cell with more lines than a tweet has characters is an unclosed quote."""
MAX_CLOSING_QUOTES = 8
"""So many lines on which a quote may close are tried."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a row are written."""

    separator: str = ","
    quotes: bool = True
    """Whether a quote at a cell's start encloses it; else it is part of the text, as in many TSV files."""


DIALECTS = [
    *(Dialect(separator) for separator in SEPARATORS if separator != HIVES_SEPARATOR),
    # The others need quotes for separators that are part of a text.
    *(Dialect(separator, quotes=False) for separator in ("\t", "|", HIVES_SEPARATOR)),
]


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """The format of a file (an `include.tweets.rows.Format`)."""

    file: str = field(compare=False)
    labels: Labels
    names: ColumnNames = field(default_factory=ColumnNames)
    min_confidence: float = 0.0
    dialect: Dialect = field(default_factory=Dialect)
    columns: Columns = field(default_factory=Columns)
    _plain_row: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plain_row", _plain_row(self.dialect, self.columns))

    def plain_row(self, line: bytes) -> tuple[str, str] | None:
        found = self._plain_row(line)
        if found is None or len(line) > MAX_TEXT_CHARACTERS:
            return None
        try:
            label, cell = self.labels.exact.get(found["label"].decode()), found["text"].decode()
        except UnicodeDecodeError:
            return None
        if self.dialect.quotes and cell.startswith('"'):
            cell = cell[1:-1].replace('""', '"')
        return None if label is None or not cell.strip() or cell == NULL else (label, cell)

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        first = lines.read()
        assert first is not None
        try:
            cells = self._cells(first, lines)
            if not cells:
                return ()
            try:
                return (self._row(first.number, cells),)
            except BadRow:
                found = self.names.find(cells)
                if found == self.columns:  # the header row, or that of another file that was appended
                    return ()
                if found:
                    raise BadRow(
                        "other_header", "another header row, with other columns; put its rows into another file"
                    ) from None
                raise
        except BadRow as bad:
            return [line.rejection(self.file, bad) for line in (first, *bad.further_lines)]

    def blocks(self, stream: io.BufferedIOBase) -> Iterator[Block]:
        """The file in blocks. They contain all of its rows in order, usable or not."""
        for first, content in read_blocks(stream, self._whole_rows):
            yield Block(first, content, self)

    def _whole_rows(self, content: bytes, first: int) -> int:
        """How many bytes at the start of a piece of a file are whole rows (see `include.tweets.rows.read_blocks`)."""
        if not self.dialect.quotes:
            return content.rfind(b"\n") + 1
        lines = Lines(content, first, more=True)
        end = 0
        plain_lines = _plain_lines(self.dialect.separator)
        while True:
            start = end
            end = int(plain_lines(content, end).end())
            position = lines.position = lines.position + content.count(b"\n", start, end)
            try:
                line = lines.read()
                assert line is not None
                self._cells(line, lines)
            except BadRow:
                pass
            except Incomplete:
                return end
            end += lines.size(position, lines.position)

    def _cells(self, first: Line, lines: Lines) -> list[str]:
        """Read the cells of the row that starts with the line `first`, and further lines while a quote is open."""
        if first.number == 1 and _SEPARATOR_LINE.fullmatch(first.content):
            return []
        try:
            return self._parse(first.content)
        except BadRow as bad:
            if bad.reason != "unclosed_quote":
                raise
            unclosed = bad
        following: list[Line] = []
        for _ in range(MAX_CLOSING_QUOTES):
            more = _until_quote_closes(first, following, lines)
            following += more
            if not more:
                break
            try:
                cells = self._parse(first.content + b"".join(line.content for line in following))
            except BadRow:
                continue
            self._check_swallowed(first, following)
            return cells
        # The quote does not close, or it closes in another row. So only this row is broken.
        lines.put_back(following)
        raise BadRow("unclosed_quote", "a quote opens in this row and does not close properly") from unclosed

    def _check_swallowed(self, first: Line, following: Sequence[Line]) -> None:
        """:raises BadRow: a line of the row looks like a row itself"""
        *whole, last = following
        lines = [*whole, last._replace(content=_BEFORE_QUOTE.sub(rb"\1", last.content))]
        if self.columns.label > self.columns.text:
            lines.insert(0, first)
        for line in lines:
            if self._looks_like_a_row(line, first):
                raise BadRow(
                    "ambiguous_quote",
                    f"the quote that opens here closes in line {last.number}, but line {line.number} looks like "
                    f"another row; lines {first.number} to {last.number} are rejected",
                    following,
                )

    def _looks_like_a_row(self, line: Line, first: Line) -> bool:
        """:param first: a row's first line. Other rows have blanks behind the separators only if it has."""
        cells, column = self._roughly(line), self.columns.label
        if len(cells) < 2 or len(cells) <= column or (column and len(cells) < self.columns.count):
            return False
        if _has_blanks(cells) and not _has_blanks(self._roughly(first)):
            return False  # the item of a list in the text: "1, be quick"
        return self.labels.is_exact(cells[column].strip().strip('"').strip())

    def _roughly(self, line: Line) -> list[str]:
        """The line's cells, quoted or not."""
        return line.content.decode("utf-8", "replace").rstrip("\r\n").split(self.dialect.separator)

    def _parse(self, content: bytes) -> list[str]:
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
        cells = self._split(text.rstrip("\r\n").replace("\r", " "))
        return cells if any(cell.strip() for cell in cells) else []

    def _split(self, text: str) -> list[str]:
        separator = self.dialect.separator
        if self.dialect.quotes and (separator != "\t" or _QUOTED.search(text)):
            return _split_plain(text, separator) or _split_carefully(text, separator, self.columns.count)
        cells = text.split(separator)
        if separator != "\t":
            return cells
        if _CUT.search(text):
            raise BadRow("malformed", r"the row ends with a backslash, as MySQL writes a newline; write it as \n")
        return [_unescaped(cell) for cell in cells]

    def _row(self, line: int, cells: list[str]) -> Row:
        columns = self.columns
        while len(cells) > columns.count and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) < columns.count:
            raise BadRow("missing_column", f"{self._counted(cells)} (columns are separated by {self._separator})")
        if len(cells) > columns.count:
            raise BadRow("extra_column", f"{self._counted(cells)} (a text with {self._separator} must be in quotes)")
        spelling, cell = cells[columns.label].strip(), cells[columns.text]
        label = self.labels.read(spelling)
        if not cell.strip():
            raise BadRow("empty_text", "the text is empty")
        if cell == NULL:
            raise BadRow("empty_text", rf"there is no text, but {NULL}, as databases write it")
        if len(cell) > MAX_TEXT_CHARACTERS:
            raise BadRow("text_too_long", f"{len(cell):,} characters; at most {MAX_TEXT_CHARACTERS:,} are allowed")
        if columns.confidence is not None:
            check_confidence(cells[columns.confidence], self.min_confidence)
        return Row(self.file, line, label, cell, "" if self.labels.is_exact(spelling) else spelling)

    @property
    def _separator(self) -> str:
        return SEPARATORS[self.dialect.separator]

    def _counted(self, cells: list[str]) -> str:
        return f"{len(cells)} column{'' if len(cells) == 1 else 's'} instead of {self.columns.count}"


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
_ESCAPE = re.compile(r"\\([tnr\\])")
_ESCAPED = re.compile(rf"(?:[^\\]|{_ESCAPE.pattern})*+")
_CUT = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_BEFORE_QUOTE = re.compile(rb'\A((?:[^"\\]|""|\\.)*+).*', re.DOTALL)
"""A line that begins in an open cell, and what of it is in this cell."""
_QUOTED = re.compile(r'(?:^|\t)"')
"""A row with a cell in quotes."""
_SEPARATOR_LINE = re.compile(rb"sep=.\r?\n?")
"""Excel's own first line, which is no row."""


def detect_format(plain: CsvFormat, head: bytes) -> CsvFormat:
    """
    The format of a file: the separator and quotes with which most rows of its start are usable, and its columns.

    :param plain: the format with the file's name and the settings
    :param head: the file's first lines
    :raises DataError: the header row has no label column, or no text column
    """
    candidates = [_with_columns(replace(plain, dialect=dialect), head) for dialect in DIALECTS]
    best = max(candidates, key=lambda candidate: candidate.score)
    if best.error is not None:
        raise best.error
    return best.format


def usable_rows(plain: CsvFormat, sample: bytes) -> int:
    """
    How many rows are usable in the format that fits best.

    :param plain: the format with the file's name and the settings
    """
    return max(_with_columns(replace(plain, dialect=dialect), sample, limit=None).score[0] for dialect in DIALECTS)


@dataclass(frozen=True, slots=True)
class _Candidate:
    format: CsvFormat
    score: tuple[int, bool, int, int, int]
    """
    Rows with a known label or several, whether there is a header row, the rows with several (of "0,1;text" they tell
    that the comma does not separate), the rejected rows below zero, rows with the right number of columns.
    """
    error: DataError | None = None


def _with_columns(format: CsvFormat, head: bytes, limit: int | None = SAMPLE_ROWS) -> _Candidate:
    found = _first_row(format, head)
    if found is None:
        return _Candidate(format, (0, False, 0, 0, 0))
    line, titles = found
    where = f"{format.file}, line {line}"
    columns = format.names.find(titles)
    if columns is None and _is_header(titles, format):
        return _Candidate(format, (0, True, 0, 0, 0), format.names.missing(where, titles, format.labels))
    error = None
    if columns is not None:
        if repeated := format.names.repeated(titles):
            error = format.names.ambiguous(where, repeated)
        format = replace(format, columns=columns)
    if format.names.confidence and format.columns.confidence is None:
        what = "no column" if columns else "no header row that names"
        error = DataError(f"{where}: {what} {format.names.confidence}, which is confidence_column.")
    usable, several, rejected, shaped = _count_rows(format, head, limit)
    score = (usable + several, columns is not None, several, -rejected, shaped if len(titles) > 1 else 0)
    return _Candidate(format, score, error)


def _count_rows(format: CsvFormat, head: bytes, limit: int | None) -> tuple[int, int, int, int]:
    """How many rows are usable, have several labels, are rejected, and have the right number of columns."""
    rows = list(_sample_rows(format, head, limit))
    cells = [row.cell for row in rows if isinstance(row, Row)]
    # A text in quotes of its own shows that quotes enclose cells, even if another row's quote does not close.
    usable = len(cells) - (0 if format.dialect.quotes else sum(map(_is_quoted, cells)))
    reasons = Counter(row.reason for row in rows if isinstance(row, Rejection))
    shaped = len(rows) - sum(reasons[reason] for reason in ("missing_column", "extra_column", "malformed"))
    return usable, reasons["several_labels"], reasons.total(), shaped


def _unescaped(cell: str) -> str:
    """
    Between tabs, databases write a text's tabs, newlines and backslashes with a backslash. A cell in which there is any
    other backslash is not theirs, and stays as it is.

    https://www.postgresql.org/docs/current/sql-copy.html
    """
    if "\\" not in cell or not _ESCAPED.fullmatch(cell):
        return cell
    return _ESCAPE.sub(lambda escape: _ESCAPES[escape[1]], cell)


def _has_blanks(cells: Sequence[str]) -> bool:
    """Whether there is a blank behind the first separator."""
    return cells[1:] != [] and cells[1].startswith(" ")


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')


def _first_row(format: CsvFormat, head: bytes) -> tuple[int, list[str]] | None:
    """Line number and cells of the first row that is not broken; None if all rows are broken or blank."""
    format = replace(format, columns=replace(format.columns, count=0))
    lines = Lines(head)
    while lines.position < len(lines):
        try:
            first = lines.read()
            assert first is not None
            if cells := format._cells(first, lines):
                return first.number, cells
        except BadRow:
            continue
    return None


def _is_header(titles: Sequence[str], format: CsvFormat) -> bool:
    """Whether a row without both columns must be a header row and cannot be data."""
    if any(format.labels.find(title) for title in titles[:2]) or any(title.strip().isdecimal() for title in titles):
        return len(format.labels.all_titles(titles)) > 1 and format.names.names_any(titles)
    return format.names.names_any(titles)


def _sample_rows(format: CsvFormat, head: bytes, limit: int | None) -> Iterator[Row | Rejection]:
    lines, read = Lines(head), 0
    while lines.position < len(lines) and (limit is None or read < limit):
        yield from format.read(lines)
        read += 1


@cache
def _plain_lines(separator: str) -> Any:
    """Finds, faster than the csv module, lines without quotes, or with quotes around their last cell only."""
    quoted = rf'(?<={re.escape(separator)})"(?:[^"\\\n]++|"")*+"'
    return re.compile(rf'(?:[^"\n]*+(?:{quoted})?+\r*+\n)*+'.encode()).match


@cache
def _plain_row(dialect: Dialect, columns: Columns) -> Any:
    """Recognises a row of plain cells, of which the last one may be in quotes."""
    if columns.confidence is not None or not columns.count:
        return re.compile(b"(?!)").match
    # Between tabs, a backslash may be a database's.
    others = '"' * dialect.quotes + r"\\" * (dialect.separator == "\t")
    cells = [rf"[^{re.escape(dialect.separator)}\r\n\0{others}]*+"] * columns.count
    if dialect.quotes:
        cells[-1] += r'|"(?:[^"\\\r\n\0]++|""|\\(?!"))*+"'
    cells[columns.label] = f"(?P<label>{cells[columns.label]})"
    cells[columns.text] = f"(?P<text>{cells[columns.text]})"
    row = re.escape(dialect.separator).join(f"(?:{cell})" for cell in cells)
    return re.compile(b"(?!" + BYTE_ORDER_MARK + b")" + rf"{row}\r*".encode()).fullmatch


def _until_quote_closes(first: Line, so_far: Sequence[Line], lines: Lines) -> list[Line]:
    """The next lines, up to one in which the quote may close; none if there is no such line."""
    following: list[Line] = []
    size = len(first.content) + sum(len(line.content) for line in so_far)
    while len(so_far) + len(following) < MAX_ROW_LINES and size <= MAX_ROW_BYTES and (line := lines.read()):
        following.append(line)
        size += len(line.content)
        quotes, escaped = line.content.count(b'"'), line.content.count(b'\\"')
        if quotes % 2 or (quotes - escaped) % 2:
            return following
    lines.put_back(following)
    return []


def _split_plain(text: str, separator: str) -> list[str]:
    """Split, quickly, a row without quotes, or with quotes around its last cell only. Empty for other rows."""
    if '"' not in text:
        return text.split(separator)
    others, _, quoted = text.partition(separator + '"')
    last = quoted[:-1]
    if '"' in others or quoted[-1:] != '"' or '"' in last.replace('""', "") or '\\"' in quoted:
        return []
    return [*others.split(separator), last.replace('""', '"')]


def _split_carefully(text: str, separator: str, count: int) -> list[str]:
    """
    Split a row with Python's csv module: with quotes doubled, with Spark's escapes, with blanks behind the separators.

    :param count: the number of columns; 0 if it is not known
    :raises BadRow: the row is valid in no dialect
    """
    splits, errors = [], []
    for dialect in _dialects(text, separator):
        try:
            splits.append(_split(text, separator, dialect))
        except csv.Error as error:
            errors.append(str(error))
    if any("unexpected end" in error for error in errors) and not splits:
        raise BadRow("unclosed_quote", "a quote opens in this row and does not close")
    if not splits:
        raise BadRow("malformed", f"not a CSV row: {errors[0]}")
    # A dialect that is not the row's own splits it at separators inside quotes, or not at all.
    return min(splits, key=lambda cells: (len(cells) != count, len(cells) < 2, len(cells)))


def _dialects(text: str, separator: str) -> list[dict[str, Any]]:
    """The dialects that a row may be in, as options of the csv module, the likeliest first."""
    dialects: list[dict[str, Any]] = [{}]
    if '\\"' in text:
        dialects.append({"doublequote": False, "escapechar": "\\"})
    if f'{separator} "' in text:
        dialects = [{**dialect, "skipinitialspace": True} for dialect in dialects] + dialects
    return dialects


def _split(text: str, separator: str, dialect: dict[str, Any]) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator, **dialect), [])
