"""What is printed of a run's tasks, and how long a run is waited for."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from local_stack import progress
from local_stack.errors import StackError


def task(task_id: str, state: str | None, seconds: int = 0, try_number: int = 1) -> dict[str, Any]:
    """An instance that began at 10:00:00 and, if it has ended, ended so many seconds later."""
    end = f"2026-01-07T10:00:{seconds:02}+00:00" if seconds else None
    start = "2026-01-07T10:00:00+00:00"
    return {"task_id": task_id, "state": state, "try_number": try_number, "start_date": start, "end_date": end}


def airflow(*looks: tuple[str, list[dict[str, Any]]]) -> SimpleNamespace:
    """Shows the run's state and tasks of each look after the other, and then again and again those of the last one."""
    left = list(looks)

    def tasks(*_: str) -> dict[str, dict[str, Any]]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return {one["task_id"]: one for one in found[1]}

    return SimpleNamespace(run_state=lambda *_: left[0][0], tasks=tasks)


def watch(shown: SimpleNamespace, console: Console | None = None, check: Any = lambda: None) -> str:
    return progress.watch(shown, "dag", "run", console or Console(quiet=True), check)


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """Time passes only while nothing is done: each pause takes `pause` seconds."""
    clock = SimpleNamespace(now=1000.0, pause=1.0)

    def sleep(_: float) -> None:
        clock.now += clock.pause

    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    return clock


def test_each_task_is_printed_once_in_the_order_in_which_they_ended(clock):
    ended = [task("later", "failed", 4), task("sooner", "success", 2), task("third", "skipped")]
    console = Console(record=True, width=80, file=io.StringIO())

    state = watch(airflow(("running", []), ("running", ended[:2]), ("running", ended), ("failed", ended)), console)

    lines = [line.rstrip() for line in console.export_text().splitlines() if line.startswith("  ")]
    assert state == "failed"
    assert lines == [
        "  ✓ sooner              2.0 s   success",
        "  ✗ later               4.0 s   failed",
        "  - third               0.0 s   skipped",
    ]


def test_a_run_that_has_ended_is_waited_for_until_its_last_task_has(clock):
    looks = [("success", [task("a", "success", 1), task("clean_up", state)]) for state in ("running", "success")]
    checks = []

    assert watch(airflow(*looks), check=lambda: checks.append(clock.now)) == "success"
    assert len(checks) == 1


def test_a_task_that_never_began_is_not_waited_for(clock):
    assert watch(airflow(("failed", [task("a", "failed", 1), task("b", None)]))) == "failed"


def test_what_breaks_the_stack_ends_the_watching(clock):
    def check() -> None:
        raise StackError("the scheduler has died")

    with pytest.raises(StackError, match="the scheduler has died"):
        watch(airflow(("running", [])), check=check)


@pytest.mark.parametrize(("pause", "looks"), [(progress.SECONDS_WITHOUT_PROGRESS, 3), (100, 5)])
def test_a_run_is_stuck_after_the_time_without_progress_and_the_error_names_its_tasks(clock, pause, looks):
    clock.pause, checks = pause, []
    tasks = [task("done", "success", 1), task("train", "deferred"), task("tune", "queued"), task("later", None)]

    with pytest.raises(StackError) as stuck:
        watch(airflow(("running", tasks)), check=lambda: checks.append(1))

    assert str(stuck.value) == (
        "The run is running, and for 300 s there was no progress at train (deferred), tune (queued)."
    )
    assert len(checks) == looks  # at the time itself it is not yet stuck


def test_another_attempt_of_a_task_is_progress(clock):
    clock.pause = progress.SECONDS_WITHOUT_PROGRESS
    tries = [("running", [task("train", "up_for_retry", try_number=number)]) for number in range(1, 9)]

    assert watch(airflow(*tries, ("failed", [task("train", "failed", 1)]))) == "failed"


def test_a_run_is_waited_for_as_long_as_it_makes_progress(monkeypatch):
    """Ten tasks, each a little quicker than the time after which a run counts as stuck."""
    clock = iter(range(0, 1_000_000, 250))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress.time, "sleep", lambda _: None)
    names = [f"task_{number}" for number in range(10)]
    looks = iter(range(100))

    def tasks(*_: str) -> dict[str, dict]:
        done = next(looks)
        return {
            name: {"task_id": name, "state": "success" if number < done else "queued", "try_number": 1, "end_date": "x"}
            for number, name in enumerate(names)
        }

    states = iter(range(100))
    airflow = SimpleNamespace(tasks=tasks, run_state=lambda *_: "success" if next(states) >= len(names) else "running")

    def watch(airflow: object) -> str:
        return progress.watch(airflow, "dag", "run", Console(quiet=True), lambda: None)

    monkeypatch.setattr(progress, "_print_task", lambda *_: None)

    assert watch(airflow) == "success"

    stuck = SimpleNamespace(tasks=lambda *_: {}, run_state=lambda *_: "running")
    with pytest.raises(StackError, match="there was no progress at the scheduler"):
        watch(stuck)
