"""Compressed files, recognised by their first bytes."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import zstandard

from include.config.errors import DataError

PIECE_BYTES = 64 * 1024
ZSTANDARD_BYTES = 1024
"""So much of a Zstandard file is decompressed at once. Four bytes of it can be a block of 128 KB."""
MAX_EXPANSION = 500
"""No labelled tweets are compressed to a smaller fraction: a file that is larger than that is a bomb or a mistake."""
ALWAYS_READ_BYTES = 1024**3
"""So much of a file is read whatever its compression."""


def stream_of(pieces: Iterator[bytes], source: object = None) -> io.BufferedReader:
    """
    A stream of these pieces. If `pieces` raises an exception, the stream gives what came before it first.

    :param source: what the pieces come from. A reader that nobody holds any more closes what it reads from.
    """
    return io.BufferedReader(cast(io.RawIOBase, _Pieces(pieces, source)))


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes], source: object):
        self._pieces, self._source, self._rest = pieces, source, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _unzstandard(stream: BinaryIO) -> Iterator[bytes]:
    decompressor, piece = zstandard.ZstdDecompressor().decompressobj(), b""
    while piece := piece or stream.read(ZSTANDARD_BYTES):
        yield decompressor.decompress(piece)
        piece = b""
        if decompressor.eof:  # a file may consist of several frames
            piece, decompressor = decompressor.unused_data, zstandard.ZstdDecompressor().decompressobj()
            started = bool(piece)
        else:
            started = True
    if started:
        raise EOFError("the last frame is cut short")


_FORMATS: dict[bytes, tuple[str, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
    b"\x28\xb5\x2f\xfd": ("Zstandard", lambda stream: stream_of(_unzstandard(stream))),
}
"""Name and reader, by a file's first bytes."""

_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def decompressed(file: str, stream: BinaryIO) -> io.BufferedReader:
    """
    The content of a file, whether it is compressed or not.

    :param file: the file's name, for messages
    :raises DataError: while it is read: the file is damaged or cut short, or expands without measure
    """
    buffered: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, stream))
    start = buffered.peek(max(map(len, _FORMATS)))
    for magic, (name, open_format) in _FORMATS.items():
        if start.startswith(magic):
            pieces = _pieces(file, name, open_format(buffered))
            return stream_of(_limited(file, name, pieces, buffered), buffered)
    return buffered


def _pieces(file: str, name: str, content: Any) -> Iterator[bytes]:
    with content:
        while True:
            try:
                piece = content.read1(PIECE_BYTES)
            except OSError as error:
                if isinstance(error, gzip.BadGzipFile) or (name == "bzip2" and error.errno is None):
                    raise _damaged(file, name, error) from error
                raise
            except _DAMAGED as error:
                raise _damaged(file, name, error) from error
            if not piece:
                return
            yield piece


def _limited(file: str, name: str, pieces: Iterator[bytes], compressed: BinaryIO) -> Iterator[bytes]:
    """:raises DataError: the file expands more than any labelled tweets do"""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > ALWAYS_READ_BYTES and size > MAX_EXPANSION * compressed.tell():
            raise DataError(
                f"{file}: the {name} file expands to more than {MAX_EXPANSION} times its size, over "
                f"{ALWAYS_READ_BYTES // 1024**3} GB. Labelled tweets do not. Look into it, and remove or replace it."
            )
        yield piece


def _damaged(file: str, name: str, error: Exception) -> DataError:
    return DataError(f"{file}: the {name} file is damaged or cut short: {error}. Write or upload it again.")
