"""Airflow's REST API, as far as it is needed here."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests

from include.local_stack import StackError

READ_ATTEMPTS = 5
PAUSE_ATTEMPTS = 20


class AirflowApi:
    """A client of an Airflow whose users are all admins."""

    def __init__(self, url: str):
        self._url = url
        self._session = requests.Session()
        token = self._session.get(f"{url}/auth/token", timeout=30)
        token.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"

    def trigger(self, dag_id: str, parameters: dict[str, Any]) -> str:
        """Trigger a run as soon as the DAG is known; return its id. The id is ours, so that a retry makes no second."""
        run_id = f"manual__{datetime.now(UTC).isoformat()}"
        request = {"dag_run_id": run_id, "logical_date": None, "conf": parameters}
        deadline = time.monotonic() + 60
        while True:
            try:
                response = self._session.post(f"{self._url}/api/v2/dags/{dag_id}/dagRuns", json=request, timeout=30)
                if response.ok or response.status_code == 409:
                    return run_id
                answer, final = f"{response.status_code} {response.text}", 400 <= response.status_code < 500
                final = final and response.status_code != 404
            except requests.RequestException as error:
                answer, final = str(error), False
            if final or time.monotonic() > deadline:
                raise StackError(f"Airflow does not run {dag_id}: {answer}")
            time.sleep(0.5)

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._get(f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Every task instance of the run by its task's id."""
        answer = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        return {instance["task_id"]: instance for instance in answer["task_instances"]}

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The DAG's runs, the newest hundred."""
        runs: list[dict[str, Any]] = self._get(f"dags/{dag_id}/dagRuns?order_by=-run_after&limit=100")["dag_runs"]
        return runs

    def _get(self, path: str) -> dict[str, Any]:
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                response = self._session.get(f"{self._url}/api/v2/{path}", timeout=30)
                response.raise_for_status()
                break
            except requests.RequestException as error:  # SQLite has one writer at a time, so an answer may fail
                if attempt == READ_ATTEMPTS:
                    raise StackError(f"Airflow does not answer: {error}") from error
                time.sleep(1)
        answer: dict[str, Any] = response.json()
        return answer

    def task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task, as a person does in the UI."""
        self._send("PATCH", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_ids: list[str], downstream: bool = True) -> None:
        """Clear tasks, and perhaps all that follow them, and let the run go on."""
        self._send(
            "POST", f"dags/{dag_id}/clearTaskInstances",
            {
                "dag_run_id": run_id, "task_ids": task_ids, "include_downstream": downstream, "dry_run": False,
                "only_failed": False, "reset_dag_runs": True,
            },
        )  # fmt: skip

    @contextmanager
    def paused(self, dag_id: str) -> Iterator[None]:
        """The scheduler leaves the DAG alone meanwhile."""
        was_paused = bool(self._get(f"dags/{dag_id}")["is_paused"])
        self._pause(dag_id, True)
        try:
            yield
        finally:
            self._pause(dag_id, was_paused)

    def _pause(self, dag_id: str, is_paused: bool) -> None:
        for attempt in range(1, PAUSE_ATTEMPTS + 1):
            try:
                self._send("PATCH", f"dags/{dag_id}", {"is_paused": is_paused})
                return
            except StackError:  # SQLite, again
                if attempt == PAUSE_ATTEMPTS:
                    raise
                time.sleep(1)

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a run, as a person does in the UI."""
        self._send("PATCH", f"dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run with its history."""
        self._send("DELETE", f"dags/{dag_id}/dagRuns/{run_id}")

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, parameters: dict[str, Any]) -> None:
        """Answer a task under Required Actions."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._send("PATCH", path, {"chosen_options": [option], "params_input": parameters})

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        try:
            response = self._session.request(method, f"{self._url}/api/v2/{path}", json=body, timeout=30)
        except requests.RequestException as error:
            raise StackError(f"Airflow does not answer: {error}") from error
        if not response.ok:
            raise StackError(f"Airflow refuses {method} {path}: {response.status_code} {response.text}")
