"""
Preparation on Spark against `prepare` on one machine: the same rows, the same output, CPU and time of each.

It runs in the environment of `make test-spark`, and needs Java:

    .venv-spark/bin/python -m benchmarks.spark --rows 50000 200000 1000000

The rows are those of `benchmarks.prepare_speed`, all different. Each contender has a process of its own. Its CPU is
that of all its processes, the start of Spark's JVM included; its time is from the start of Python to the written files.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.prepare_speed import SAMPLES, _rows, _write
from include.spark.preparation import SparkPreparation
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.sources import Source

REPOSITORY = Path(__file__).parents[1]
SETTINGS = PrepareSettings(max_rejected_share=1)
CONFIGURATION = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}


class Measured(NamedTuple):
    """What one contender took, in seconds, and a digest of what it wrote."""

    seconds: float
    cpu: float
    digest: str


def main() -> int:
    options = _options()
    if options.contender:
        return _contend(options.contender, options.cores[0], options.file)
    rows = list(_rows(Path(os.environ.get("RETRAIN_BENCHMARK_DATA") or SAMPLES)))
    print(f"{'rows':>10}{'cores':>6}{'one machine: s':>16}{'CPU s':>8}{'Spark: s':>12}{'CPU s':>8}{'CPU ratio':>11}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        for count in options.rows:
            _write(path, rows, count, different=True)
            for cores in options.cores:
                one, spark = (_measured(contender, cores, path) for contender in ("machine", "spark"))
                if one.digest != spark.digest:
                    print("the output differs", file=sys.stderr)
                    return 1
                print(
                    f"{count:>10,}{cores:>6}{one.seconds:>16.1f}{one.cpu:>8.1f}{spark.seconds:>12.1f}{spark.cpu:>8.1f}"
                    f"{spark.cpu / one.cpu:>11.2f}",
                    flush=True,
                )
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000], help="sizes to measure (default: 50000)")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="cores to use (default: 1 2)")
    parser.add_argument("--contender", choices=("machine", "spark"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(contender: str, cores: int, path: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.spark", "--contender", contender, "--cores", str(cores)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable}
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--file", str(path)], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    cpu, digest = done.stdout.split()[-2:]
    return Measured(time.perf_counter() - started, float(cpu), digest)


def _contend(contender: str, cores: int, path: Path) -> int:
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        out = Path(folder)
        if contender == "spark":
            _prepare_on_spark(path, out, cores)
        else:
            prepare([Source.from_path(path)], out, SETTINGS, processes=cores)
            print(_cpu_of_tree(os.getpid()))
        written = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in sorted(out.iterdir()))
        print(hashlib.sha256(written).hexdigest())
    return 0


def _prepare_on_spark(path: Path, out: Path, cores: int) -> None:
    from pyspark import SparkConf, SparkContext

    configuration = SparkConf().setAll(list(CONFIGURATION.items()))
    with SparkContext(f"local[{cores}]", "benchmark", conf=configuration) as context:
        prepare([Source.from_path(path)], out, SETTINGS, kind=partial(SparkPreparation, context=context))
        print(_cpu_of_tree(os.getpid()))  # as long as Spark's processes are there


def _cpu_of_tree(root: int) -> float:
    """Seconds of CPU of a process and of all below it, ended ones too."""
    parents, ticks = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone
            continue
        process = int(stat.parent.name)
        parents[process], ticks[process] = int(fields[1]), sum(map(int, fields[11:15]))
    tree = {root}
    while found := {process for process, parent in parents.items() if parent in tree} - tree:
        tree |= found
    return float(sum(ticks.get(process, 0) for process in tree) / os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    sys.exit(main())
