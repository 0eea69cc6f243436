"""
The two passes of `include.tweets.prepare` as Spark's tasks. What they write is byte for byte what one machine writes.

1. The files are cut into chunks of whole rows. A task reads, cleans and spools the rows of a chunk, and Spark moves the
   pieces of its spool to where their buckets are processed.
2. A task makes examples from its buckets. The partitions are ranges of buckets, so their results come in the order of
   the output.

The driver does what the main process does on one machine: it counts, checks, and writes the results in order.
"""

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from include.config.errors import DataError
from include.tweets.bucket import Bucket, process_bucket
from include.tweets.keying import BUCKETS, BlockTally
from include.tweets.prepare import ROWS_PER_JOB, Preparation
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Block, Format
from include.tweets.sources import Source, read_source
from include.tweets.spool import Spool, Spooled, spooled_buckets, write_spooled

CHUNK_BYTES = 16 * 1024 * 1024
"""A file that is twice as large is cut into chunks of this size, if its rows can be read from the middle."""
PARTITIONS_PER_CORE = 4
"""Partitions of buckets. With several for each core, a slow one does not hold up the others."""

_TALLY = -1
"""Instead of a bucket's number: the chunk's tally."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a task reads: a whole file, or some blocks of it."""

    index: int
    """Of the source."""
    offset: int = 0
    """Of the first block, in bytes."""
    blocks: tuple[tuple[int, int], ...] = ()
    """First line and length of each block; empty for a whole file."""
    format: Format | None = None
    notes: tuple[str, ...] = ()
    """On how the file is read, if that is known already."""


@dataclass(slots=True)
class ChunkTally:
    """The counts of a chunk."""

    index: int
    """Of the source."""
    blocks: list[BlockTally] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: DataError | None = None
    """Why the rest of the file cannot be read. The rows before are counted, as on one machine."""


class SparkPreparation(Preparation):
    """
    A preparation whose passes run on Spark.

    :param context: the SparkContext; its workers can import this package and open the sources
    """

    def __init__(self, *arguments: Any, context: Any):
        super().__init__(*arguments)
        self._context = context
        self._pieces: Any = None

    def _spooled_blocks(self) -> Iterator[BlockTally]:
        from pyspark import StorageLevel

        chunks = list(chain.from_iterable(chunks_of(*item, self._settings) for item in enumerate(self._sources)))
        spool = partial(spool_chunk, sources=self._sources, files=self._files, settings=self._settings)
        spooled = self._context.parallelize(chunks, max(1, len(chunks))).flatMap(spool)
        # Kept, because both passes use it, and every use would read the files again.
        self._pieces = spooled.persist(StorageLevel.DISK_ONLY)
        for tally in self._pieces.filter(lambda piece: piece[0] == _TALLY).values().collect():
            self._tally.files.setdefault(self._sources[tally.index].name, 0)
            self._tally.notes.extend(tally.notes)
            yield from tally.blocks
            if tally.error is not None:
                raise tally.error

    def _processed_buckets(self) -> Iterator[Bucket]:
        from pyspark import StorageLevel

        ranks = [source.rank for source in self._sources]
        process = partial(process_buckets, files=self._files, ranks=ranks, settings=self._settings)
        count = min(BUCKETS, PARTITIONS_PER_CORE * self._context.defaultParallelism)
        pieces = self._pieces.filter(lambda piece: piece[0] != _TALLY)
        ranges = pieces.partitionBy(count, lambda bucket: bucket * count // BUCKETS)
        processed = ranges.mapPartitions(process).persist(StorageLevel.DISK_ONLY)
        processed.count()  # all partitions at once; the iterator would ask for one after the other
        yield from processed.toLocalIterator()


def chunks_of(index: int, source: Source, settings: PrepareSettings) -> list[Chunk]:
    """The chunks of a file, in order."""
    found = _cut(index, source, settings) if source.size >= 2 * CHUNK_BYTES else None
    return found or [Chunk(index)]


def _cut(index: int, source: Source, settings: PrepareSettings) -> list[Chunk] | None:
    """
    Read a file for the ends of its blocks. None if a block is not what the file has at its place: it is compressed, or
    in another encoding, or it has lines that are too long. None also if a part of it cannot be read.
    """
    notes: list[str] = []
    chunks: list[Chunk] = []
    blocks: list[tuple[int, int]] = []
    offset = size = 0
    block: Block | None = None
    with source.open() as stream:
        recorded = _Recorded(stream)
        try:
            for block in read_source(source, cast(BinaryIO, io.BufferedReader(recorded)), settings, notes.append):
                if not recorded.matches(block.content):
                    return None
                blocks.append((block.first, len(block.content)))
                size += len(block.content)
                if size >= CHUNK_BYTES:
                    chunks.append(Chunk(index, offset, tuple(blocks), block.format))
                    offset, size, blocks = offset + size, 0, []
        except DataError:
            return None
    if blocks and block is not None:
        chunks.append(Chunk(index, offset, tuple(blocks), block.format))
    return [Chunk(index, one.offset, one.blocks, one.format, tuple(notes) * (one is chunks[0])) for one in chunks]


class _Recorded(io.RawIOBase):
    """A stream that keeps what was read from it until it is matched."""

    def __init__(self, stream: BinaryIO):
        self._stream, self._unmatched = stream, bytearray()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self._unmatched += piece
        return len(piece)

    def matches(self, content: bytes) -> bool:
        """Whether the stream goes on with this content. What follows is compared the next time."""
        same = self._unmatched.startswith(content)
        del self._unmatched[: len(content)]
        return same


# First pass


def spool_chunk(
    chunk: Chunk, sources: Sequence[Source], files: Sequence[str], settings: PrepareSettings
) -> Iterator[tuple[int, ChunkTally | bytes]]:
    """The chunk's tally, and a piece for each bucket that rows belong to."""
    tally = ChunkTally(chunk.index, notes=list(chunk.notes))
    with tempfile.TemporaryDirectory(prefix="prepare-") as folder:
        spool = Spool(Path(folder), files, settings, ROWS_PER_JOB)
        try:
            for block in _blocks(chunk, sources[chunk.index], settings, tally.notes):
                tally.blocks.append(spool.add(block))
        except DataError as error:  # data, not an exception: the driver decides
            tally.error = error
        spool.flush()
        yield _TALLY, tally
        for (spooled,) in spooled_buckets(Path(folder)):  # of this process
            yield spooled.bucket, b"".join(spooled.contents())


def _blocks(chunk: Chunk, source: Source, settings: PrepareSettings, notes: list[str]) -> Iterator[Block]:
    with source.open() as stream:
        if chunk.format is None:
            yield from read_source(source, stream, settings, notes.append)
            return
        stream.seek(chunk.offset)
        for first, length in chunk.blocks:
            yield Block(first, stream.read(length), chunk.format)


# Second pass


def process_buckets(
    pieces: Iterable[tuple[int, bytes]], files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings
) -> Iterator[Bucket]:
    """The examples of some buckets, in the order of the output."""
    with tempfile.TemporaryDirectory(prefix="prepare-") as folder:
        for number, (bucket, piece) in enumerate(pieces):  # to disk: only one bucket at a time is in memory
            write_spooled(Path(folder) / str(number), bucket, piece)
        for spooled in spooled_buckets(Path(folder)):
            yield process_bucket(map(Spooled.pieces, spooled), files, ranks, settings)
