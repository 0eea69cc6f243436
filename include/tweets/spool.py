"""Keyed rows on disk, between the two passes of `include.tweets.prepare`. Several processes share a folder."""

import io
import os
import pickle
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from include.tweets.keying import BlockTally, Keyer, Piece
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Block

BUFFERED_ROWS = 8_000
BUFFERED_BYTES = 2 * 1024 * 1024

_SUFFIX = ".spool"
_HEADER = Struct("<HQ")
"""Before each piece: its bucket and its length in bytes."""


class Spool:
    """
    Writes the keyed rows of blocks to a folder. Each process has a file of its own there.

    :param files: the names of all input files, in the order of the output
    """

    def __init__(
        self, folder: Path, files: Sequence[str], settings: PrepareSettings, buffered_rows: int = BUFFERED_ROWS
    ):
        self._folder, self._keyer, self._buffered_rows = folder, Keyer(files, settings), buffered_rows

    def add(self, block: Block) -> BlockTally:
        """Add a block's rows. They are certainly on disk only after `flush`."""
        tally = self._keyer.add(block)
        if self._keyer.row_count >= self._buffered_rows or self._keyer.byte_count >= BUFFERED_BYTES:
            self.flush()
        return tally

    def flush(self) -> None:
        """Write all rows to disk."""
        pieces = self._keyer.take()
        with (self._folder / f"{os.getpid()}{_SUFFIX}").open("ab") as file:
            for bucket, piece in pieces.items():
                _write(file, bucket, pickle.dumps(piece, pickle.HIGHEST_PROTOCOL))


@dataclass(slots=True)
class Spooled:
    """The pieces of one bucket that one `Keyer` has made: places in a file."""

    bucket: int
    path: Path
    places: list[tuple[int, int]] = field(default_factory=list)
    """Start and length, in bytes."""

    @property
    def size(self) -> int:
        return sum(length for _, length in self.places)

    def contents(self) -> Iterator[bytes]:
        """What stands at each place: one piece after the other, each pickled."""
        with self.path.open("rb") as file:
            for start, length in self.places:
                file.seek(start)
                yield file.read(length)

    def pieces(self) -> Iterator[Piece]:
        """All pieces, in order."""
        for content in self.contents():
            file = io.BytesIO(content)
            while file.tell() < len(content):
                yield pickle.load(file)


def write_spooled(path: Path, bucket: int, content: bytes) -> None:
    """Write what `Spooled.contents` has returned, joined, to a file in another folder."""
    with path.with_suffix(_SUFFIX).open("ab") as file:
        _write(file, bucket, content)


def spooled_buckets(folder: Path, at_least: int = 0) -> list[list[Spooled]]:
    """
    The pieces of each bucket, in the order of the output.

    :param at_least: neighbouring buckets with fewer bytes are together one bucket
    """
    buckets: defaultdict[int, list[Spooled]] = defaultdict(list)
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        for spooled in _read_places(path):
            buckets[spooled.bucket].append(spooled)
    together: list[list[Spooled]] = []
    size = at_least
    for bucket in sorted(buckets):
        if size >= at_least:
            together.append([])
            size = 0
        together[-1] += buckets[bucket]
        size += sum(spooled.size for spooled in buckets[bucket])
    return together


def _write(file: BinaryIO, bucket: int, content: bytes) -> None:
    file.write(_HEADER.pack(bucket, len(content)))
    file.write(content)


def _read_places(path: Path) -> Iterable[Spooled]:
    buckets: dict[int, Spooled] = {}
    with path.open("rb") as file:
        while header := file.read(_HEADER.size):
            bucket, length = _HEADER.unpack(header)
            buckets.setdefault(bucket, Spooled(bucket, path)).places.append((file.tell(), length))
            file.seek(length, os.SEEK_CUR)
    return buckets.values()
