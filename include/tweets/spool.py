"""Keyed rows on disk, between the two passes of `include.tweets.prepare`. Several processes share a folder."""

import os
import pickle
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from include.tweets.keying import BlockTally, Keyer, Piece
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Block

BUFFERED_ROWS = 8_000
BUFFERED_BYTES = 2 * 1024 * 1024

_SUFFIX = ".spool"


class Spool:
    """
    Writes the keyed rows of blocks to a folder. Each process has its own files there.

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
        for bucket, piece in self._keyer.take().items():
            with (self._folder / f"{bucket:02x}-{os.getpid()}{_SUFFIX}").open("ab") as file:
                pickle.dump(piece, file, pickle.HIGHEST_PROTOCOL)


def spooled_buckets(folder: Path) -> list[list[Path]]:
    """The files of each bucket, in the order of the output."""
    buckets: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        buckets[path.name.partition("-")[0]].append(path)
    return [buckets[name] for name in sorted(buckets)]


def read_pieces(path: Path) -> Iterator[Piece]:
    """The pieces in a file, in order."""
    with path.open("rb") as file:
        while file.peek(1):
            yield pickle.load(file)
