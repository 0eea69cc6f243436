"""Stand-ins for a whole stack and its Airflow, which take minutes to start. They note what is done to them."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

Look = tuple[str, dict[str, str]] | Exception
"""The state of a run and those of its tasks, or why Airflow does not answer."""


class Airflow:
    """
    An Airflow whose runs go on as is told beforehand.

    :param look: what there is to see of a run at a time
    :param now: the time
    """

    def __init__(self, look: Callable[[str, float], Look], now: Callable[[], float]):
        self._look, self._now = look, now
        self.triggered: list[tuple[str, dict[str, Any]]] = []
        self.done: list[tuple[float, str, tuple[Any, ...]]] = []
        """When a user did what, and with which arguments."""
        self.refusals: list[Exception] = []
        """Of the next actions."""

    def trigger(self, dag_id: str, parameters: dict[str, Any]) -> str:
        self.triggered.append((dag_id, parameters))
        return f"run-{len(self.triggered)}"

    def run_state(self, dag_id: str, run_id: str) -> str:
        return self._seen(run_id)[0]

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        return {name: {"state": state, "try_number": 1} for name, state in self._seen(run_id)[1].items()}

    def events(self, event: str, run_id: str) -> list[dict[str, Any]]:
        return []

    def __getattr__(self, name: str) -> Any:
        def act(*arguments: Any) -> None:
            self.done.append((self._now(), name, arguments))
            if self.refusals:
                raise self.refusals.pop(0)

        if name not in {"task_state", "clear", "mark_run", "delete_run", "answer"}:
            raise AttributeError(name)
        return act

    def _seen(self, run_id: str) -> tuple[str, dict[str, str]]:
        look = self._look(run_id, self._now())
        if isinstance(look, Exception):
            raise look
        return look


class Stack(SimpleNamespace):
    """A stack on a local AWS. `done` has the calls, and whether the caller had the lock."""

    def __init__(self, settings: Any, local_aws_url: str):
        variables = {"RETRAIN_BUCKET": settings.bucket, "RETRAIN_ROLE_ARN": settings.role_arn}
        super().__init__(
            settings=SimpleNamespace(local_aws_url=local_aws_url, airflow_url="http://127.0.0.1:1"),
            environment=variables,
            lock=threading.Lock(),
            parts={},
            done=[],
        )

    def __getattr__(self, name: str) -> Any:
        if name not in {"kill", "restart", "database_gone", "freeze", "revive", "wait_until_ready"}:
            raise AttributeError(name)
        return lambda *arguments, **named: self.done.append((name, arguments, named, self.lock.locked()))
