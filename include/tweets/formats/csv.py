"""
Labelled rows from text with separators (CSV, TSV and the like), as collectors, Spark, pandas and people write them.

A row contains a label and a text, in this order unless the file has a header row. A header row is recognised by the
names of its label and text columns alone. The file is read line by line, so that a broken row costs only that row:
Python's csv module would take everything after an unclosed quote as one cell. The separator is the one with which the
most rows have a known label; csv.Sniffer, which does not know the labels, is misled by the texts.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import Any, Literal, NamedTuple

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


Quotes = Literal["doubled", "escaped", "text"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a row are written."""

    separator: str = ","
    quotes: Quotes = "doubled"
    """
    How a quote is written inside a cell that quotes enclose: twice, or behind a backslash as Spark does it. Or quotes
    enclose nothing: one at a cell's start is part of the text, as in many TSV files.
    """

    @property
    def inside(self) -> str:
        """What a cell in quotes may hold, as a regular expression."""
        if self.quotes == "escaped":
            return r'[^"\\]*+(?:\\.[^"\\]*+)*'
        return r'[^"]*+(?:""[^"]*+)*'

    def unquoted(self, cell: str) -> str:
        """
        A cell's text.

        :param cell: what is between the quotes
        """
        if self.quotes == "escaped":
            return _unescaped(cell, _IN_QUOTES)
        return cell.replace('""', '"')

    def may_be_of(self, sample: bytes) -> bool:
        """Whether these lines show anything for which this dialect is needed."""
        return self.quotes != "escaped" or rb"\"" in sample or rb"\\" in sample

    def most_rows(self, samples: Sequence[bytes]) -> int:
        """No more rows can be usable: each has its separator in some line."""
        separator = self.separator.encode()
        return sum(separator in line for sample in samples for line in sample.split(b"\n"))


ENCLOSING: tuple[Quotes, ...] = ("doubled", "escaped")
DIALECTS = [
    *(Dialect(separator, quotes) for quotes in ENCLOSING for separator in ",;\t|"),
    # The others need quotes for separators that are part of a text.
    *(Dialect(separator, "text") for separator in ("\t", "|", HIVES_SEPARATOR)),
]
TEXT_FIRST = Columns(label=1, text=0)
"""As some files without a header row are."""


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
        if self.dialect.quotes != "text" and cell.startswith('"'):
            cell = self.dialect.unquoted(cell[1:-1])
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
        if self.dialect.quotes == "text":
            return content.rfind(b"\n") + 1
        lines = Lines(content, first, more=True)
        end = 0
        plain_lines = _plain_lines(self.dialect)
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
            more = self._until_quote_closes(first, following, lines)
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

    def _until_quote_closes(self, first: Line, so_far: Sequence[Line], lines: Lines) -> list[Line]:
        """The next lines, up to one in which the quote may close; none if there is no such line."""
        following: list[Line] = []
        size = len(first.content) + sum(len(line.content) for line in so_far)
        while len(so_far) + len(following) < MAX_ROW_LINES and size <= MAX_ROW_BYTES and (line := lines.read()):
            following.append(line)
            size += len(line.content)
            content = _ESCAPED.sub(b"", line.content) if self.dialect.quotes == "escaped" else line.content
            if content.count(b'"') % 2:
                return following
        lines.put_back(following)
        return []

    def _check_swallowed(self, first: Line, following: Sequence[Line]) -> None:
        """:raises BadRow: a line of the row looks like a row itself"""
        *whole, last = following
        inside = re.match(self.dialect.inside.encode(), last.content, re.DOTALL)
        lines = [*whole, last._replace(content=inside[0] if inside else b"")]
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
        return self.labels.find(cells[column].strip().strip('"').strip()) is not None

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
        if self.dialect.quotes != "text" and (separator != "\t" or _QUOTED.search(text)):
            return _split_quoted(text, self.dialect)
        cells = text.split(separator)
        if separator != "\t":
            return cells
        if _CUT.search(text):
            raise BadRow("malformed", r"the row ends with a backslash, as MySQL writes a newline; write it as \n")
        return [_unescaped(cell, _BETWEEN_TABS) for cell in cells]

    def _row(self, line: int, cells: list[str]) -> Row:
        columns = self.columns
        used = len(cells)
        while used > columns.count and not cells[used - 1].strip():
            used -= 1
        cells = cells[:used]
        if len(cells) < columns.count:
            raise BadRow("missing_column", f"{self._counted(cells)} (columns are separated by {self._separator})")
        if len(cells) > columns.count:
            raise BadRow(
                "extra_column",
                f"{self._counted(cells)} (a text with {self._separator} must be in quotes; further columns need "
                "a header row)",
            )
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


_BETWEEN_TABS = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
"""https://www.postgresql.org/docs/current/sql-copy.html"""
_IN_QUOTES = {'"': '"', "\\": "\\", "\n": "\n"}
"""Spark's and MySQL's."""
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = re.compile(rb"\\.")
_BYTE = re.compile(rb"(?<!\\)(\\\\?)x[0-9a-f]{2}")
"""Of a repr in the collector's rows."""
_CUT = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_QUOTED = re.compile(r'(?:^|\t) *"')
"""A row with a cell in quotes."""
_SEPARATOR_LINE = re.compile(rb"sep=.\r?\n?")
"""Excel's own first line, which is no row."""


def detect_format(plain: CsvFormat, head: bytes, escapes: bytes = b"") -> CsvFormat:
    """
    The format of a file: the separator and quotes with which most rows of its start are usable, and its columns. If
    there is no header row, the text is the first column where the second one clearly holds the labels.

    :param plain: the format with the file's name and the settings
    :param head: the file's first lines
    :param escapes: lines from further on, if there are backslashes before quotes: what they mean is not told before
    :raises DataError: the header row has no label column, or no text column
    """
    best = _best(plain, [head, escapes])
    if best.error is not None:
        raise best.error
    return best.format


def usable_rows(plain: CsvFormat, sample: bytes) -> int:
    """
    How many rows are usable in the format that fits best.

    :param plain: the format with the file's name and the settings
    """
    return _best(plain, [sample], limit=None).score.usable


class _Score(NamedTuple):
    """How well a format fits some rows: the larger, the better."""

    usable: int = 0
    """Rows with a known label or several."""
    has_header: bool = False
    several: int = 0
    """Rows with several labels: of "0,1;text" they tell that the comma does not separate."""
    not_rejected: int = 0
    """Below zero."""
    shaped: int = 0
    """Rows with the right number of columns."""
    escapes: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    format: CsvFormat
    score: _Score
    error: DataError | None = None


def _best(plain: CsvFormat, samples: Sequence[bytes], limit: int | None = SAMPLE_ROWS) -> _Candidate:
    """:param samples: the file's first lines, and others"""
    dialects = [dialect for dialect in DIALECTS if any(map(dialect.may_be_of, samples))]

    def best(columns: Columns) -> _Candidate:
        found: _Candidate | None = None
        for dialect in dialects:
            if found and found.score.usable > dialect.most_rows(samples):
                continue
            candidate = _with_columns(replace(plain, dialect=dialect, columns=columns), samples, limit)
            if found is None or candidate.score > found.score:
                found = candidate
        assert found is not None
        return found

    found = best(Columns())
    if found.error or found.score.usable > -found.score.not_rejected:
        return found
    text_first = best(TEXT_FIRST)
    # In a few rows, texts may be called like labels.
    return text_first if text_first.score.usable > -text_first.score.not_rejected else found


def _with_columns(format: CsvFormat, samples: Sequence[bytes], limit: int | None) -> _Candidate:
    found = _first_row(format, samples[0])
    if found is None:
        return _Candidate(format, _Score())
    line, titles = found
    where = f"{format.file}, line {line}"
    columns = format.names.find(titles)
    if columns is None and _is_header(titles, format):
        error = format.names.missing(where, titles, format.labels)
        return _Candidate(format, _Score(has_header=True), error)
    if columns is not None:
        format = replace(format, columns=columns)
    rows = [row for sample in samples for row in islice(Block(1, sample, format).rows(), limit)]
    score = _score(format.dialect, rows)._replace(
        has_header=columns is not None, escapes=_count_escapes(format.dialect, samples)
    )
    return _Candidate(format, score, _header_error(where, titles, format))


def _header_error(where: str, titles: Sequence[str], format: CsvFormat) -> DataError | None:
    """What is wrong with the first row of a file in this format."""
    names = format.names
    if names.confidence and format.columns.confidence is None:
        what = "no column" if names.find(titles) else "no header row that names"
        return DataError(f"{where}: {what} {names.confidence}, which is confidence_column.")
    repeated = names.repeated(titles)
    return names.ambiguous(where, repeated) if repeated else None


def _score(dialect: Dialect, rows: Sequence[Row | Rejection]) -> _Score:
    cells = [row.cell for row in rows if isinstance(row, Row)]
    # A text in quotes of its own shows that quotes enclose cells, even if another row's quote does not close.
    usable = len(cells) - (sum(map(_is_quoted, cells)) if dialect.quotes == "text" else 0)
    reasons = Counter(row.reason for row in rows if isinstance(row, Rejection))
    several, shapeless = reasons["several_labels"], ("missing_column", "extra_column", "malformed")
    shaped = len(rows) - sum(reasons[reason] for reason in shapeless)
    return _Score(usable + several, several=several, not_rejected=-reasons.total(), shaped=shaped)


def _count_escapes(dialect: Dialect, samples: Sequence[bytes]) -> int:
    """
    In how many lines with quotes the collector's bytes are written with two backslashes, less those with one. (Two
    backslashes elsewhere tell nothing: some people write newlines so.)
    """
    if dialect.quotes != "escaped":
        return 0
    lines = [line for sample in samples for line in sample.split(b"\n") if b'"' in line]
    backslashes = Counter(byte[1] for line in lines if (byte := _BYTE.search(line)))
    return backslashes[b"\\\\"] - backslashes[b"\\"]


def _unescaped(cell: str, characters: Mapping[str, str]) -> str:
    """
    A cell whose writer puts a backslash before some characters.

    :param characters: what the characters behind the backslashes mean. A cell in which there is any other backslash is
        not such a writer's, and only its escaped quotes are read.
    """
    if "\\" not in cell:
        return cell
    if not all(character in characters for character in _ESCAPE.findall(cell)):
        characters = {'"': '"'} if '"' in characters else {}
    return _ESCAPE.sub(lambda escape: characters.get(escape[1], escape[0]), cell)


def _has_blanks(cells: Sequence[str]) -> bool:
    """Whether there is a blank behind the first separator."""
    return cells[1:] != [] and cells[1].startswith(" ")


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')


def _first_row(format: CsvFormat, head: bytes) -> tuple[int, list[str]] | None:
    """Line number and cells of the first row that is not broken; None if all rows are broken or blank."""
    lines = Lines(head)
    while (first := lines.read()) is not None:
        with suppress(BadRow):
            if cells := format._cells(first, lines):
                return first.number, cells
    return None


def _is_header(titles: Sequence[str], format: CsvFormat) -> bool:
    """Whether a row without both columns must be a header row and cannot be data."""
    if any(format.labels.find(title) for title in titles[:2]) or any(title.strip().isdecimal() for title in titles):
        return len(format.labels.all_titles(titles)) > 1 and format.names.names_any(titles)
    return format.names.names_any(titles)


@cache
def _plain_lines(dialect: Dialect) -> Any:
    """Finds, quickly, lines without quotes, or with quotes around their last cell only."""
    quoted = rf"(?<={re.escape(dialect.separator)}){_plainly_quoted(dialect, '')}"
    return re.compile(rf'(?:[^"\n]*+(?:{quoted})?\r*+\n)*'.encode()).match


@cache
def _plain_row(dialect: Dialect, columns: Columns) -> Any:
    """Recognises a row of plain cells, of which the last one may be in quotes."""
    if columns.confidence is not None or not columns.count:
        return re.compile(b"(?!)").match
    # Between tabs, a backslash may be a database's.
    others = '"' * (dialect.quotes != "text") + r"\\" * (dialect.separator == "\t")
    cells = [rf"[^{re.escape(dialect.separator)}\r\n\0{others}]*+"] * columns.count
    if dialect.quotes != "text":
        cells[-1] += "|" + _plainly_quoted(dialect, r"\r\0")
    cells[columns.label] = f"(?P<label>{cells[columns.label]})"
    cells[columns.text] = f"(?P<text>{cells[columns.text]})"
    row = re.escape(dialect.separator).join(f"(?:{cell})" for cell in cells)
    return re.compile(b"(?!" + BYTE_ORDER_MARK + b")" + rf"{row}\r*".encode()).fullmatch


def _plainly_quoted(dialect: Dialect, others: str) -> str:
    """A cell in quotes and on one line, without escapes by backslashes and without these other characters."""
    if dialect.quotes == "escaped":
        return rf'"[^"\\\n{others}]*+"'
    return rf'"[^"\n{others}]*+(?:""[^"\n{others}]*+)*"'


@cache
def _cell(dialect: Dialect) -> Any:
    """A cell in quotes, with blanks around them, one whose quote does not close, or one without quotes around it."""
    end = rf"(?={re.escape(dialect.separator)}|\Z)"
    quoted = rf' *"(?P<quoted>{dialect.inside})" *{end}'
    plain = rf'(?P<plain>(?!")[^{re.escape(dialect.separator)}]*){end}'
    return re.compile(rf'{quoted}|(?P<unclosed> *"{dialect.inside}\\?\Z)|{plain}', re.DOTALL).match


def _split_quoted(text: str, dialect: Dialect) -> list[str]:
    """
    The cells of a row, of which some may be in quotes.

    :raises BadRow: there is no such row
    """
    cells, position = [], 0
    while position <= len(text):
        cell = _cell(dialect)(text, position)
        if cell is None:
            raise BadRow("malformed", f"not a CSV row: {text[position:][:30]} has something behind its closing quote")
        if cell["unclosed"] is not None:
            raise BadRow("unclosed_quote", "a quote opens in this row and does not close")
        cells.append(cell["plain"] if cell["quoted"] is None else dialect.unquoted(cell["quoted"]))
        position = cell.end() + 1
    return cells
