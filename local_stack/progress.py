"""Print the progress of a DAG run."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rich.console import Console

from local_stack.airflow_api import FINAL_RUN_STATES, FINAL_TASK_STATES, AirflowApi
from local_stack.errors import StackError

SECONDS_WITHOUT_PROGRESS = 300
SECONDS_BETWEEN_POLLS = 0.4

Tasks = dict[str, dict[str, Any]]


def watch(airflow: AirflowApi, dag_id: str, run_id: str, console: Console, check: Callable[[], None]) -> str:
    """
    Print each task when it ends, and show the running tasks meanwhile. Return the run's final state.

    :param check: is called at each poll; raises an exception if the stack is broken
    :raises StackError: no task has changed its state for a long time
    """
    progress = _Progress(console)
    with console.status("Waiting for the scheduler ...") as status:
        while True:
            state = airflow.run_state(dag_id, run_id)
            progress.update(airflow.tasks(dag_id, run_id))
            if state in FINAL_RUN_STATES and not progress.running:
                return state
            status.update(str(progress))
            check()
            if progress.is_stuck:
                raise StackError(
                    f"The run is {state}, and for {SECONDS_WITHOUT_PROGRESS} s there was no progress at "
                    f"{progress.running_tasks}."
                )
            time.sleep(SECONDS_BETWEEN_POLLS)


class _Progress:
    """The tasks of a run: which of them have ended and are printed, and which are running."""

    def __init__(self, console: Console):
        self._console = console
        self._tasks: Tasks = {}
        self._printed: set[str] = set()
        self._states: dict[str, tuple[str, int]] | None = None
        self._changed = 0.0

    def update(self, tasks: Tasks) -> None:
        self._tasks = tasks
        ended = [task for task in self._unprinted if task["state"] in FINAL_TASK_STATES]
        for task in sorted(ended, key=lambda task: task["end_date"] or ""):
            self._printed.add(task["task_id"])
            _print_task(task, self._console)
        states = {task_id: (task["state"], task["try_number"]) for task_id, task in tasks.items()}
        if states != self._states:
            self._states, self._changed = states, time.monotonic()

    @property
    def is_stuck(self) -> bool:
        return time.monotonic() - self._changed > SECONDS_WITHOUT_PROGRESS

    @property
    def running(self) -> list[dict[str, Any]]:
        """The tasks that have a state, but not a final one."""
        return [task for task in self._unprinted if task["state"]]

    @property
    def running_tasks(self) -> str:
        return ", ".join(f"{task['task_id']} ({task['state']})" for task in self.running) or "the scheduler"

    @property
    def _unprinted(self) -> list[dict[str, Any]]:
        return [task for task_id, task in self._tasks.items() if task_id not in self._printed]

    def __str__(self) -> str:
        return f"{self.running_tasks}, {len(self._printed)} of {len(self._tasks)} tasks done"


def _print_task(task: dict[str, Any], console: Console) -> None:
    mark = {"success": "[green]✓[/green]", "skipped": "[yellow]-[/yellow]"}.get(task["state"], "[red]✗[/red]")
    seconds = _seconds_between(task.get("start_date"), task.get("end_date"))
    console.print(f"  {mark} {task['task_id']:<17}{seconds:>6.1f} s   {task['state']}")


def _seconds_between(start: str | None, end: str | None) -> float:
    if not start or not end:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
