"""
Preparing tweets: tokenising alone against nltk, then the whole of `prepare` against nltk in a plain loop and against
the pool of processes of the pipeline that this one replaces, on the same rows, in the same run.

The rows are the sample tweets, or, where RETRAIN_BENCHMARK_DATA names a folder, every CSV file of label,text below it.
They are repeated to the sizes that are asked for: as they are, as with retweets and dates read twice, which `prepare`
takes advantage of; and with a number at the end of each tweet, so that no two are the same. nltk and the old pool work
each row anew whatever it says, so they get fewer rows: their rate does not depend on it, but their memory does.

Every contender has a process of its own (and what processes it starts); its memory is the highest sum over them of
what is theirs and their share of what they share (PSS). Times include reading the rows and writing the examples; those
of `prepare` also the start of its processes, those of the others not even the import of nltk. On a machine with other
work the CPU time a row says more than the rate.

Aims: nltk's tokens ten times as fast on one core; on two cores, 230,000 rows that are all different at twelve times the
rate of nltk in a plain loop, beside it in the same run; fifteen times the rate of the old pool, and less than 1 GB of
memory for ten million rows.
"""

import argparse
import csv
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from include.tweets.batch_tokens import word_tokenize_all
from include.tweets.prepare import PrepareSettings, Source, prepare
from include.tweets.punkt import word_tokenize

SAMPLES = Path(__file__).parents[1] / "include" / "sample_data"
TEXTS, ROUNDS = 20_000, 3
PAIRED_ROWS = 230_000
SAMPLED_EVERY_SECONDS = 0.1

Contender = Callable[[Path, Path], int]
"""Reads a file, writes examples into a folder, returns the number of rows."""


def main() -> int:
    options = _options()
    rows = list(_rows(Path(os.environ.get("RETRAIN_BENCHMARK_DATA") or SAMPLES)))
    ratio = _tokenising(rows)
    cores = len(os.sched_getaffinity(0))
    print(f"\npreparing, {len(rows):,} rows repeated, {cores} cores")
    print(f"  {'':34}{'rows':>12}{'rows/s':>10}{'CPU µs/row':>12}{'MB at most':>12}{'× old pool':>12}")
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder) / "peers.csv", rows, options.peers_rows)
        pool = _measured("old pool of processes", _old_pool, Path(folder) / "peers.csv")
        _measured("nltk in a loop, one core", _loop, Path(folder) / "peers.csv", pool)
        _pairs(rows, Path(folder))
        for count in options.rows:
            for kind, different in (("repeated", False), ("all different", True)):
                path = Path(folder) / "rows.csv"
                _write(path, rows, count, different)
                _measured(f"prepare, rows {kind}", _prepare, path, pool)
                if count <= options.one_core_up_to:
                    _measured(f"prepare, rows {kind}, one core", _prepare_on_one_core, path, pool)
    return 0 if ratio >= 10 else 1


def _pairs(rows: list[tuple[str, str]], folder: Path) -> None:
    """Print the rate of `prepare` as a multiple of that of nltk in a loop, in turns."""
    path = folder / "rows.csv"
    _write(path, rows, PAIRED_ROWS, different=True)
    ratios = []
    for _ in range(ROUNDS):
        loop = _measured("nltk in a loop, one core", _loop, folder / "peers.csv")
        ratios.append(_measured("prepare, rows all different", _prepare, path) / loop)
    print(f"  prepare is {statistics.median(ratios):.1f} times as fast (median of {ROUNDS} rounds in turns)")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000], help="sizes to measure (default: 100000)")
    parser.add_argument("--peers-rows", type=int, default=20_000, help="rows for nltk and the old pool (20000)")
    parser.add_argument("--one-core-up-to", type=int, default=1_000_000, help="rows to measure on one core (1000000)")
    return parser.parse_args()


def _rows(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.csv")):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                yield from ((row[0], row[1]) for row in csv.reader(file) if len(row) == 2 and row[0] in ("0", "1"))


def _tokenising(rows: list[tuple[str, str]]) -> float:
    """The ratio of our rate to nltk's."""
    texts = [f"{rows[number % len(rows)][1].lower()} {number}" for number in range(TEXTS)]
    word_tokenize_all(texts[:100])
    rounds = [
        (_seconds(lambda: word_tokenize_all(texts)), _seconds(lambda: [word_tokenize()(text) for text in texts]))
        for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(seconds[side] for seconds in rounds) for side in (0, 1))
    ratio = statistics.median(theirs / ours for ours, theirs in rounds)
    print(f"tokenising {TEXTS:,} texts on one core, median of {ROUNDS} rounds in turns")
    print(
        f"  in batches {TEXTS / ours:9,.0f} texts/s, nltk in a loop {TEXTS / theirs:9,.0f} texts/s, ratio {ratio:.1f}"
    )
    return ratio


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _write(path: Path, rows: list[tuple[str, str]], count: int, different: bool = False) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number in range(count):
            label, cell = rows[number % len(rows)]
            if different:
                # Before the quote that closes the repr of the tweet's bytes, where there is one.
                end = len(cell) - cell.endswith(("'", '"'))
                cell = f"{cell[:end]} {number}{cell[end:]}"
            writer.writerow((label, cell))


# The contenders


def _prepare(path: Path, out: Path) -> int:
    report = prepare([Source.from_path(path)], out, PrepareSettings(max_rejected_share=1))
    rows: int = report["rows"]["read"]
    return rows


def _prepare_on_one_core(path: Path, out: Path) -> int:
    report = prepare([Source.from_path(path)], out, PrepareSettings(max_rejected_share=1), processes=1)
    rows: int = report["rows"]["read"]
    return rows


def _loop(path: Path, out: Path) -> int:
    with (out / "examples.txt").open("w", encoding="utf-8") as file:
        count = 0
        for row in _read(path):
            file.write(_example(row))
            count += 1
    return count


def _old_pool(path: Path, out: Path) -> int:
    with multiprocessing.get_context("fork").Pool(multiprocessing.cpu_count()) as pool:
        examples = pool.map(_example, list(_read(path)))
    with (out / "examples.txt").open("w", encoding="utf-8") as file:
        file.writelines(examples)
    return len(examples)


def _read(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from ((row[0], row[1]) for row in csv.reader(file))


def _example(row: tuple[str, str]) -> str:
    return f"__label__{row[0]} {' '.join(word_tokenize()(row[1].lower()))}\n"


# Measuring


@dataclass(frozen=True)
class _Measured:
    rows: int
    seconds: float
    cpu_seconds: float
    """Of all its processes."""


def _measured(name: str, contender: Contender, path: Path, pool: float | None = None) -> float:
    """Let a contender run in a process of its own, print a line on it, return its rows per second."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(contender, path, sender))
    process.start()
    sender.close()
    peak = 0
    while not receiver.poll(SAMPLED_EVERY_SECONDS):
        peak = max(peak, sum(map(_memory, _tree(process.pid or 0))))
    measured: _Measured = receiver.recv()
    process.join()
    rate, cpu = measured.rows / measured.seconds, measured.cpu_seconds / measured.rows * 1e6
    ratio = f"{rate / pool:12.1f}" if pool else ""
    print(f"  {name:34}{measured.rows:12,}{rate:10,.0f}{cpu:12.1f}{peak / 1024:12,.0f}{ratio}", flush=True)
    return rate


def _run(contender: Contender, path: Path, sender: "multiprocessing.connection.Connection") -> None:
    if contender in (_loop, _old_pool):
        for row in islice(_read(path), 100):
            _example(row)
    with tempfile.TemporaryDirectory(dir=path.parent) as out:
        started, before = time.perf_counter(), sum(os.times()[:4])
        rows = contender(path, Path(out))
        seconds, cpu_seconds = time.perf_counter() - started, sum(os.times()[:4]) - before
    sender.send(_Measured(rows, seconds, cpu_seconds))


def _tree(process: int) -> Iterator[int]:
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from _tree(int(child))
        except OSError:  # gone
            continue


def _memory(process: int) -> int:
    """Kilobytes of a process; 0 where it is gone, or where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    sys.exit(main())
