"""
Preparing tweets: tokenising alone, and the whole of `prepare`, against nltk in a plain loop, on the same rows in turns.

The rows are the sample tweets, or, where RETRAIN_BENCHMARK_DATA names a folder, every CSV file below it, repeated with
a number at their ends so that no two are the same tweet. Aim: nltk's tokens ten times as fast on one core.
"""

import csv
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from include.text.batch_tokens import word_tokenize_all
from include.text.prepare import PrepareSettings, Source, prepare

SAMPLES = Path(__file__).parents[1] / "include" / "sample_data"
TEXTS, ROWS, ROUNDS = 20_000, 100_000, 3


def main() -> int:
    from nltk.tokenize import word_tokenize

    folder = Path(os.environ.get("RETRAIN_BENCHMARK_DATA") or SAMPLES)
    texts = [cell.lower() for path in sorted(folder.rglob("*.csv")) if path.is_file() for cell in _cells(path)]
    texts = [f"{texts[number % len(texts)]} {number}" for number in range(TEXTS)]
    word_tokenize_all(texts[:100])
    rounds = [
        (_seconds(lambda: word_tokenize_all(texts)), _seconds(lambda: [word_tokenize(text) for text in texts]))
        for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(seconds[side] for seconds in rounds) for side in (0, 1))
    ratio = statistics.median(theirs / ours for ours, theirs in rounds)
    print(f"tokenising {TEXTS:,} texts on one core, median of {ROUNDS} rounds in turns")
    print(
        f"  in batches {TEXTS / ours:9,.0f} texts/s, nltk in a loop {TEXTS / theirs:9,.0f} texts/s, ratio {ratio:.1f}"
    )
    seconds = _prepare(texts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"prepare, {ROWS:,} rows: {ROWS / seconds:,.0f} rows/s; {peak:,.0f} MB at most in this process")
    return 0 if ratio >= 10 else 1


def _cells(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [cell for row in csv.reader(file) for cell in row[1:2]]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _prepare(texts: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for number in range(ROWS):
                writer.writerow((number % 2, f"{texts[number % len(texts)]} {number}"[:5000]))
        settings = PrepareSettings(max_rejected_share=1)
        return _seconds(lambda: prepare([Source.from_path(path)], Path(folder) / "out", settings))


if __name__ == "__main__":
    sys.exit(main())
