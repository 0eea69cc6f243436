"""Files of labelled rows, whatever they are: the format of a file is told by its content."""

import io
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from include.config.errors import DataError
from include.config.printable import printable
from include.tweets.formats import parquet
from include.tweets.formats.compression import PIECE_BYTES, decompressed, stream_of
from include.tweets.formats.csv import CsvFormat, detect_format, usable_rows
from include.tweets.formats.json_lines import JsonFormat, has_objects
from include.tweets.formats.recognition import HEAD_BYTES, PARQUET, refuse_unreadable
from include.tweets.formats.text import UTF_8, Survey, encoding_by_start, transcoded, with_newlines
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import BYTE_ORDER_MARK, Block

HEAD_OF_TEXT = 64 * 1024
"""So much of a file's start decides on its format."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)

_DATE = re.compile(r"(?<!\d)(\d{4})[-/](\d\d)[-/](\d\d)(?!\d)")
_NUMBER = re.compile(r"\d+")
_COMPRESSION = re.compile(r"\.(?:gz|bz2|xz|zst|zstd)$")

Note = Callable[[str], None]
"""A function that is called with what people should know of how a file is read."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    A file of labelled rows.

    If a tweet is in several sources, only the labels of the source with the highest rank count (see `ranked`).
    """

    name: str
    open: Callable[[], BinaryIO]
    rank: int = 0
    size: int = 0
    """In bytes, to show the progress; 0 if it is not known."""
    modified: datetime = LONG_AGO

    @property
    def date(self) -> str:
        """The first date in its path, like 2026-01-31; empty if there is none."""
        date = _DATE.search(self.name)
        return "-".join(date.groups()) if date else ""

    @classmethod
    def from_path(cls, path: Path, name: str | None = None, modified: datetime | None = None) -> "Source":
        """:param modified: the default is the time of the file's last change"""

        def open_file() -> BinaryIO:
            return path.open("rb")

        stat = path.stat()
        return cls(
            printable(name or path.name),
            open_file,
            size=stat.st_size,
            modified=modified or datetime.fromtimestamp(int(stat.st_mtime), UTC),
        )


def ranked(sources: Sequence[Source]) -> list[Source]:
    """
    Give each source its rank. Labels of a later date (the folder's name) override those of an earlier one. Within a
    date, a newer file overrides an older one: somebody has put a correction beside it. Files whose names differ only in
    numbers are the parts of one, and equal.
    """
    newest: dict[tuple[str, str], datetime] = {}
    for source in sources:
        key = _whole(source.name)
        newest[key] = max(newest.get(key, source.modified), source.modified)
    places = [(source.date, newest[_whole(source.name)]) for source in sources]
    ranks = {place: rank for rank, place in enumerate(sorted(set(places)))}
    return [replace(source, rank=ranks[place]) for source, place in zip(sources, places, strict=True)]


def _whole(name: str) -> tuple[str, str]:
    """The folder of a file, and its name without numbers: the same for all parts of one file."""
    path = PurePosixPath(_COMPRESSION.sub("", name))
    return str(path.parent), _NUMBER.sub("0", path.name)


def read_source(
    source: Source, stream: BinaryIO, settings: PrepareSettings, note: Note = lambda text: None
) -> Iterator[Block]:
    """
    Read a file in blocks of rows.

    :param stream: the opened source
    :raises DataError: the file, or the rest of it, cannot be read; the message says what it is and what to do
    """
    with decompressed(source.name, stream) as content:
        yield from _blocks(source, content, settings, note)


def _blocks(source: Source, content: io.BufferedReader, settings: PrepareSettings, note: Note) -> Iterator[Block]:
    """:param content: the decompressed file"""
    head = content.peek(HEAD_BYTES)[:HEAD_BYTES]
    json_format = JsonFormat(
        source.name, settings.known_labels, settings.columns, settings.min_confidence, settings.label_attribute
    )
    if head.startswith(PARQUET):
        if not content.seekable():
            raise DataError(f"{source.name}: a compressed Parquet file. Decompress it; Parquet compresses by itself.")
        lines = parquet.json_lines(source.name, content, settings.columns, settings.known_labels)
        yield from replace(json_format, label_attribute="").blocks(stream_of(lines))
        return
    refuse_unreadable(source.name, head)
    text = _Text.of(source, encoding_by_start(head), settings.encoding, note)
    plain = CsvFormat(source.name, settings.known_labels, settings.columns, settings.min_confidence)
    start = text.start()
    # The first text of a CSV can begin with a brace, too.
    if start.lstrip().startswith(b"{") and (has_objects(start) or not usable_rows(plain, start)):
        yield from json_format.blocks(stream_of(text.pieces(content)))
        return
    text = text.with_line_ends(plain)
    yield from detect_format(plain, text.start(), text.survey.escapes).blocks(stream_of(text.pieces(content)))


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a file, which can be read several times."""

    source: Source
    encoding: str
    survey: Survey
    has_carriage_returns: bool = False
    """Whether a carriage return ends a line."""

    @classmethod
    def of(cls, source: Source, by_start: str, said: str, note: Note) -> "_Text":
        text = cls(source, by_start, Survey())
        survey = Survey.of(text._pieces_anew())
        if by_start != UTF_8:
            return replace(text, survey=survey)
        encoding = survey.encoding(said)
        if encoding is None:
            note(f"{source.name}: not UTF-8, and its encoding cannot be told. Set encoding, for example to cp1252.")
        elif encoding != UTF_8 and not said:
            note(
                f"{source.name}: not UTF-8; read as Windows' Western encoding ({encoding}). Set encoding if it is not."
            )
        return replace(text, survey=survey, encoding=encoding or UTF_8)

    def with_line_ends(self, format: CsvFormat) -> "_Text":
        """A carriage return ends a line if more rows are usable then."""
        if not self.survey.with_carriage_returns:
            return self
        start = self.start()
        sample = start + b"\n" * (not start.endswith(b"\n")) + b"\n".join(self.survey.with_carriage_returns) + b"\n"
        with_returns = b"".join(with_newlines([sample]))
        return replace(self, has_carriage_returns=usable_rows(format, with_returns) > usable_rows(format, sample))

    def pieces(self, content: io.BufferedReader) -> Iterator[bytes]:
        """
        The text in UTF-8, in pieces.

        :param content: the decompressed file
        """
        pieces: Iterator[bytes] = iter(lambda: content.read1(PIECE_BYTES), b"")
        if self.encoding != UTF_8:
            pieces = transcoded(pieces, self.encoding)
        return with_newlines(pieces) if self.has_carriage_returns else pieces

    def start(self) -> bytes:
        """The first HEAD_OF_TEXT bytes, up to the end of a line, without a byte order mark."""
        start = b""
        with closing(self._pieces_anew()) as pieces:
            for piece in pieces:
                start += piece
                if len(start) >= HEAD_OF_TEXT:
                    start = start[: start.rfind(b"\n") + 1] or start
                    break
        return start.removeprefix(BYTE_ORDER_MARK)

    def _pieces_anew(self) -> Generator[bytes]:
        """Up to the damage, if the file is damaged: that is told when its rows are read."""
        with self.source.open() as stream, decompressed(self.source.name, stream) as content, suppress(DataError):
            yield from self.pieces(content)
