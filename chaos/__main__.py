"""
Rounds of chaos: ``make chaos``, or ``PYTHONPATH=plugins python -m chaos --help``.

The DAG runs under a real scheduler, a triggerer and two Celery workers against the local AWS, while seeded mischief is
done: parts are killed, the database goes away, AWS throttles and fails, jobs and endpoints fail, persons meddle. After
each round nothing may be left, trained twice, touched that is somebody else's, or said that is not true.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.text import Text

from chaos.clients import Clients
from chaos.plan import DOZEN, plan
from chaos.rounds import Round, play
from chaos.stack import ChaosStack
from local_stack.errors import StackError
from local_stack.settings import LOOPBACK_WITHOUT_PROXY

LEAST_RECOVERED = 0.8


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next one's is one more")
    parser.add_argument("--dozen", action="store_true", help="instead: twelve rounds that bring up every kind")
    parser.add_argument("--at-once", type=int, default=4, help="rounds that share the stack (default: %(default)s)")
    options = parser.parse_args()
    if options.rounds < 1 or options.at_once < 1 or options.seed < 0:
        parser.error("--rounds and --at-once must be at least 1, --seed at least 0")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that everything is stopped then, too
    os.environ.update(LOOPBACK_WITHOUT_PROXY)
    console = Console(highlight=False, soft_wrap=True)
    seeds = DOZEN if options.dozen else range(options.seed, options.seed + options.rounds)
    started = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="chaos-"))
    played: list[Round] = []
    try:
        with ChaosStack(home) as stack:
            console.print(f"Everything runs after {time.monotonic() - started:.0f} s; logs are in {home}")
            Clients.of(stack).prepare()
            for first in range(0, len(seeds), options.at_once):
                for one in play(stack, [plan(seed) for seed in seeds[first : first + options.at_once]]):
                    played.append(one)
                    print_round(one, console)
    except StackError as error:
        console.print(Text(f"error: {error}", style="red"))
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
    print_summary(played, time.monotonic() - started, console)
    if len(played) < len(seeds) or any(one.violations for one in played) or not is_robust(played):
        console.print(f"Logs and data: {home}")
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


def print_round(one: Round, console: Console) -> None:
    """A line of the table, and what is wrong."""
    states = "+".join(run.state for run in one.runs)
    tries = sum(max(task["try_number"] - 1, 0) for run in one.runs for task in run.tasks.values())
    verdict = Text("ok", style="green") if not one.violations else Text("WRONG", style="bold red")
    done = "; ".join(map(str, one.done)) or "-"
    line = f"  {one.plan.seed:>5}  {states:<16} {one.seconds:>5.0f} s  {tries:>2} retries  {done}"
    console.print(verdict, line)
    for refused in one.refused:
        console.print(Text(f"         not done: {refused}", style="dim"))
    for violation in one.violations:
        console.print(Text(f"         {violation}", style="red"))


def print_summary(played: list[Round], seconds: float, console: Console) -> None:
    """How often what was done, how runs ended, and the seeds of the failures."""
    done = Counter(mischief.kind for one in played for mischief in one.done)
    states = Counter(run.state for one in played for run in one.runs)
    console.print(f"\n{len(played)} rounds in {seconds / 60:.0f} min; runs: {_counts(states)}. Done: {_counts(done)}.")
    recoverable = [one for one in played if one.is_recoverable]
    console.print(f"Of {len(recoverable)} rounds that nothing kept from succeeding, {recovered(played)} did.")
    wrong = [one.plan.seed for one in played if one.violations]
    console.print(f"Wrong: {len(wrong)}" + (f", seeds {', '.join(map(str, wrong))}" if wrong else ""))


def recovered(played: list[Round]) -> int:
    """In how many of the rounds that could succeed all runs did."""
    return sum(one.is_recoverable and all(run.state == "success" for run in one.runs) for one in played)


def is_robust(played: list[Round]) -> bool:
    """Whether most of the rounds that could succeed did: not every outage can be waited out."""
    return recovered(played) >= LEAST_RECOVERED * sum(one.is_recoverable for one in played)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counter.most_common())


if __name__ == "__main__":
    sys.exit(main())
