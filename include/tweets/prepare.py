"""
Preparation of labelled rows: BlazingText's three channels, and a report in which every row is counted.

It takes two passes, so that the memory does not depend on the number of rows:

1. The rows are read, cleaned, and written to buckets on disk. A hash of the tweet decides on the bucket
   (`include.tweets.spool`).
2. Each bucket is made into examples. All rows of a tweet are in the same bucket, so duplicates can be merged there, and
   the majority can decide where labels contradict each other (`include.tweets.bucket`).

The hash also gives the order of the output. It depends on the seed, but not on the order of the files or on the number
of processes.

Several processes share the work of both passes. The main process cuts the files into blocks, and writes the results in
order.
"""

import gc
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from include.config.errors import ConfigurationError, DataError
from include.tweets.bucket import Bucket, process_bucket
from include.tweets.cells import csv_line
from include.tweets.keying import BlockTally
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rejected import REJECTED_COLUMNS
from include.tweets.rows import Block
from include.tweets.sources import Source, read_source
from include.tweets.split import SPLITS
from include.tweets.spool import Spool, Spooled, spooled_buckets
from include.tweets.tally import Tally
from include.tweets.workers import Workers

__all__ = ["Preparation", "PrepareSettings", "Progress", "Source", "prepare"]

PARALLEL_FROM_ROWS = 20_000
"""With fewer rows, starting processes takes longer than the work."""
PARALLEL_FROM_BYTES = 4 * 1024 * 1024
"""Files of this size likely have so many rows. The processes start while this process reads the first ones."""
BLOCKS_AT_ONCE = 64
"""A job consists of so many blocks, so that the overhead per job does not matter."""
BUCKET_BYTES = 256 * 1024
"""Smaller buckets are worked on together, so that the overhead per bucket does not matter."""
ROWS_PER_JOB = 100_000
"""A process writes its rows to disk at the end of a job, or earlier when it has so many."""

TEST_TWEETS = "test_tweets.csv"
"""The test split before tokenisation, with one row for each line of test.txt."""
REJECTED, REPORT = "rejected.csv", "report.json"
CHANNELS = (*(f"{name}.txt" for name in SPLITS), TEST_TWEETS)
TEST_TWEETS_COLUMNS = ("label", "text", "group", "file", "line")
"""Near copies of a tweet have the same group (see `include.tweets.cleaning.groups`)."""

Progress = Callable[[str, float], None]
"""A function that is called with the name of the current step and the share of it that is done."""


def prepare(
    sources: Sequence[Source],
    out: Path,
    settings: PrepareSettings,
    processes: int | None = None,
    progress: Progress = lambda doing, share: None,
    kind: "Callable[..., Preparation] | None" = None,
) -> dict[str, Any]:
    """
    Write train.txt, validation.txt, test.txt, test_tweets.csv, rejected.csv and report.json into `out`; return the
    report.

    If a DataError is raised, only rejected.csv and report.json are written.

    :param processes: number of processes; the default is one per core, or a single one for few rows
    :param kind: how the two passes are done, if not by this machine's processes: a subclass of Preparation
    :raises DataError: the rows cannot be used; the message says which ones, where they are, and why
    """
    names = Counter(source.name for source in sources)
    if repeated := sorted(name for name, count in names.items() if count > 1):
        raise ConfigurationError(f"several input files have the name {', '.join(repeated)}")
    out.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    # Not below `out`, which others may own: the processes read from there what they have pickled.
    with tempfile.TemporaryDirectory(prefix="prepare-") as folder:
        scratch = Path(folder)
        try:
            with (scratch / REJECTED).open("w", encoding="utf-8", newline="") as rejected:
                rejected.write(csv_line(REJECTED_COLUMNS))
                make = kind or Preparation
                make(sources, scratch, settings, tally, rejected, progress, processes).run()
        except DataError as error:
            _write(scratch, out, {**tally.report(settings), "error": str(error)}, [REJECTED])
            raise
        report = tally.report(settings)
        _write(scratch, out, report, [*CHANNELS, REJECTED])
    return report


def _write(scratch: Path, out: Path, report: dict[str, Any], names: Sequence[str]) -> None:
    """
    Write the report, and the files of these names, in place of an earlier output. If there is no space for all of them,
    `out` stays as it was.
    """
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (scratch / REPORT).write_text(text, encoding="utf-8")
    unfinished = {out / name: out / f".{name}.unfinished" for name in (*names, REPORT)}
    try:
        for target, copy in unfinished.items():
            shutil.copyfile(scratch / target.name, copy)  # also to another file system
    except OSError:
        for copy in unfinished.values():
            copy.unlink(missing_ok=True)
        raise
    for name in CHANNELS:
        (out / name).unlink(missing_ok=True)
    for target, copy in unfinished.items():
        copy.replace(target)


class Preparation:
    """A single preparation: its input, its counts and its output."""

    def __init__(
        self,
        sources: Sequence[Source],
        scratch: Path,
        settings: PrepareSettings,
        tally: Tally,
        rejected: TextIO,
        progress: Progress,
        processes: int | None,
    ):
        self._names = [source.name for source in sources]
        self._sources = sorted(sources, key=lambda source: source.name)
        self._files = sorted(self._names)
        self._scratch, self._settings, self._tally = scratch, settings, tally
        self._rejected, self._progress = rejected, progress
        self._workers = Workers(processes, _start, scratch, self._files, settings)
        self._parallel_from_rows = 0 if processes else PARALLEL_FROM_ROWS

    def run(self) -> None:
        with self._workers:
            if self._workers.count > 1 and sum(source.size for source in self._sources) >= PARALLEL_FROM_BYTES:
                self._workers.start()
            for block in self._spooled_blocks():
                self._tally.add_block(block)
                self._rejected.writelines(block.rejected.lines)
            self._tally.check_rows(self._sources, self._settings)
            self._write_channels(self._processed_buckets())
            self._tally.check_splits(self._settings)

    def _is_parallel(self) -> bool:
        return self._workers.count > 1 and self._tally.rows_read >= self._parallel_from_rows

    def _spooled_blocks(self) -> Iterator[BlockTally]:
        """The first pass. It runs in this process until there are enough rows for several processes."""
        blocks = self._blocks()
        spool = Spool(self._scratch, self._files, self._settings)
        while not self._is_parallel():
            block = next(blocks, None)
            if block is None:
                break
            yield spool.add(block)
        spool.flush()
        if self._is_parallel():
            for tallies in self._workers.map(_spool_blocks, _batches(blocks)):
                yield from tallies

    def _blocks(self) -> Iterator[Block]:
        size = sum(source.size for source in self._sources) or 1
        read = 0
        for source in self._sources:
            self._tally.files[source.name] = 0
            with source.open() as stream:
                for block in read_source(source, stream, self._settings, self._tally.notes.append):
                    if source.size:
                        self._progress("reading", (read + stream.tell()) / size)
                    yield block
            read += source.size

    def _processed_buckets(self) -> Iterator[Bucket]:
        """The second pass."""
        ranks = [source.rank for source in self._sources]
        work = partial(_process_spooled, files=self._files, ranks=ranks, settings=self._settings)
        buckets = spooled_buckets(self._scratch, BUCKET_BYTES)
        processed = self._workers.map(work, iter(buckets)) if self._is_parallel() else map(work, buckets)
        for done, bucket in enumerate(processed, start=1):
            self._progress("tokenising", done / len(buckets))
            yield bucket

    def _write_channels(self, buckets: Iterator[Bucket]) -> None:
        with ExitStack() as stack:
            channels = {split: stack.enter_context((self._scratch / f"{split}.txt").open("wb")) for split in SPLITS}
            test_tweets = stack.enter_context((self._scratch / TEST_TWEETS).open("w", encoding="utf-8", newline=""))
            test_tweets.write(csv_line(TEST_TWEETS_COLUMNS))
            for bucket in buckets:
                for split, lines in bucket.examples.items():
                    channels[split].write(lines)
                test_tweets.write(bucket.test_tweets)
                self._rejected.writelines(bucket.rejected.lines)
                self._tally.add_bucket(bucket)


def _process_spooled(
    bucket: Sequence[Spooled], files: Sequence[str], ranks: Sequence[int], settings: PrepareSettings
) -> Bucket:
    return process_bucket(map(Spooled.pieces, bucket), files, ranks, settings)


def _batches(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    """Lists of blocks. If `blocks` raises an exception, the blocks before it are yielded first."""
    while True:
        batch: list[Block] = []
        try:
            batch.extend(islice(blocks, BLOCKS_AT_ONCE))
        except Exception:
            yield batch
            raise
        if not batch:
            return
        yield batch


_spool: Spool
"""In the pool's processes."""


def _start(folder: Path, files: Sequence[str], settings: PrepareSettings) -> None:
    global _spool
    # nltk, to which a few texts are left, imports these for functions that are not used here. That takes two seconds.
    for name in ("scipy", "sklearn"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    gc.set_threshold(100_000)  # there are many objects and hardly any cycles
    _spool = Spool(folder, files, settings, ROWS_PER_JOB)


def _spool_blocks(blocks: list[Block]) -> list[BlockTally]:
    tallies = [_spool.add(block) for block in blocks]
    _spool.flush()
    return tallies
