"""Files of labelled rows: CSV or Ground Truth manifests, gzipped or not."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from include.config.errors import DataError
from include.tweets.formats.csv import read_csv
from include.tweets.formats.ground_truth import read_manifest
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import BYTE_ORDER_MARK, Block

GZIP = b"\x1f\x8b"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """
    A file of labelled rows.

    If a tweet is in several sources, only the labels of the source with the highest rank count: a later date corrects
    an earlier one.
    """

    name: str
    open: Callable[[], BinaryIO]
    rank: int = 0
    size: int = 0
    """In bytes, to show the progress; 0 if it is not known."""

    @classmethod
    def from_path(cls, path: Path, name: str | None = None, rank: int = 0) -> "Source":
        def open_file() -> BinaryIO:
            return path.open("rb")

        return cls(name or path.name, open_file, rank, path.stat().st_size)


def read_source(source: Source, stream: BinaryIO, settings: PrepareSettings) -> Iterator[Block]:
    """
    Read a file in blocks of rows.

    :raises DataError: the file, or the rest of it, cannot be read
    """
    with io.BufferedReader(cast(io.RawIOBase, stream)) as buffered:
        if buffered.peek(2)[:2] != GZIP:
            yield from _read_plain(source, buffered, settings)
            return
        try:
            with gzip.GzipFile(fileobj=buffered) as unzipped:
                yield from _read_plain(source, unzipped, settings)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{source.name}: the gzip file is damaged or cut short: {error}") from error


def _read_plain(
    source: Source, stream: "io.BufferedReader[Any] | gzip.GzipFile", settings: PrepareSettings
) -> Iterator[Block]:
    """Read a file that is not gzipped: a manifest if it begins with a brace, else CSV."""
    start = stream.peek(len(BYTE_ORDER_MARK) + 1)
    if start[:2] in UTF_16:
        raise DataError(f"{source.name}: the file is UTF-16; save it as UTF-8")
    if start.removeprefix(BYTE_ORDER_MARK)[:1] == b"{":
        yield from read_manifest(source.name, stream, settings.labels, settings.min_confidence)
    else:
        yield from read_csv(source.name, stream, settings.labels)
