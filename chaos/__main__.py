"""
Rounds of chaos: ``make chaos``, or ``PYTHONPATH=plugins python -m chaos --help``.

The DAGs run under a real scheduler, triggerers and Celery workers, against the local AWS. Each round injects
disruptions, which its seed determines: parts are killed, the database is down, AWS throttles and fails, jobs and
endpoints fail, users change the states of tasks and runs. After a round nothing may be left or trained twice, no
resource of another team may be changed, and no run may have a wrong state.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from chaos.clients import Clients
from chaos.plan import DOZEN, plan
from chaos.rounds import Round, play
from chaos.stack import ChaosStack
from local_stack.errors import StackError
from local_stack.settings import LOOPBACK_WITHOUT_PROXY

MIN_RECOVERED = 0.8
"""The share of the recoverable rounds that must succeed. Some outages last longer than the retries."""


def main() -> int:
    options = _options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # like Ctrl-C, so that all parts are stopped
    os.environ.update(LOOPBACK_WITHOUT_PROXY)
    console = Console(highlight=False, soft_wrap=True)
    seeds = DOZEN if options.dozen else range(options.seed, options.seed + options.rounds)
    started = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="chaos-"))
    played: list[Round] = []
    try:
        _play(home, seeds, options.at_once, played, console)
    except StackError as error:
        console.print(Text(f"error: {error}", style="red"))
        console.print(f"Logs and data: {home}")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
    print_summary(played, time.monotonic() - started, console)
    if len(played) < len(seeds) or any(one.violations for one in played) or not is_robust(played):
        console.print(f"Logs and data: {home}")
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100, help="number of rounds (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first round; each round adds 1")
    parser.add_argument("--dozen", action="store_true", help="play twelve rounds that have every kind of disruption")
    parser.add_argument("--at-once", type=int, default=4, help="rounds played at the same time (default: %(default)s)")
    options = parser.parse_args()
    if options.rounds < 1 or options.at_once < 1 or options.seed < 0:
        parser.error("--rounds and --at-once must be at least 1, --seed at least 0")
    return options


def _play(home: Path, seeds: Sequence[int], at_once: int, played: list[Round], console: Console) -> None:
    """Start a stack, and play the rounds on it, some at a time. Print each round, and append it to `played`."""
    started = time.monotonic()
    with ChaosStack(home) as stack:
        console.print(f"All parts are running after {time.monotonic() - started:.0f} s; logs are in {home}")
        Clients.of(stack).prepare()
        for first in range(0, len(seeds), at_once):
            for one in play(stack, [plan(seed) for seed in seeds[first : first + at_once]]):
                played.append(one)
                print_round(one, console)


def print_round(one: Round, console: Console) -> None:
    """Print a line about a round, and what is wrong."""
    states = "+".join(run.state for run in one.runs)
    retries = sum(max(task["try_number"] - 1, 0) for run in one.runs for task in run.tasks.values())
    verdict = Text("ok", style="green") if not one.violations else Text("WRONG", style="bold red")
    done = "; ".join(map(str, one.done)) or "-"
    line = f"  {one.plan.seed:>5}  {states:<16} {one.seconds:>5.0f} s  {retries:>2} retries  {done}"
    console.print(verdict, line)
    for refused in one.refused:
        console.print(Text(f"         not done: {refused}", style="dim"))
    for violation in one.violations:
        console.print(Text(f"         {violation}", style="red"))


def print_summary(played: list[Round], seconds: float, console: Console) -> None:
    """Print how often each disruption was injected, how the runs ended, and the seeds of the rounds with violations."""
    done = Counter(disruption.kind for one in played for disruption in one.done)
    states = Counter(run.state for one in played for run in one.runs)
    console.print(f"\n{len(played)} rounds in {seconds / 60:.0f} min; runs: {_counts(states)}. Done: {_counts(done)}.")
    recoverable = [one for one in played if one.is_recoverable]
    console.print(f"Of {len(recoverable)} rounds that could succeed, {recovered(played)} did.")
    wrong = [one.plan.seed for one in played if one.violations]
    console.print(f"Wrong: {len(wrong)}" + (f", seeds {', '.join(map(str, wrong))}" if wrong else ""))


def recovered(played: list[Round]) -> int:
    """The number of recoverable rounds in which all runs succeeded."""
    return sum(one.is_recoverable and all(run.state == "success" for run in one.runs) for one in played)


def is_robust(played: list[Round]) -> bool:
    """Whether enough of the recoverable rounds succeeded."""
    return recovered(played) >= MIN_RECOVERED * sum(one.is_recoverable for one in played)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counter.most_common())


if __name__ == "__main__":
    sys.exit(main())
