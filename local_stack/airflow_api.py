"""A client of Airflow's REST API."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from local_stack.errors import StackError

SECONDS_TO_ANSWER = 30
SECONDS_TO_CREATE_A_BACKFILL = 600
"""Airflow creates, or clears, all of its runs before it answers."""
SECONDS_TO_KNOW_A_DAG = 120
RETRY_READS = Retry(total=6, backoff_factor=0.5, status_forcelist=[500, 502, 503, 504], allowed_methods=["GET"])
"""GET requests are repeated for about half a minute if Airflow fails or does not answer."""
FINAL_RUN_STATES = frozenset({"success", "failed"})
FINAL_TASK_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

logging.getLogger("urllib3").setLevel(logging.ERROR)  # without a warning for each retry


class AirflowApi:
    """A client of an Airflow in which every user is an admin."""

    def __init__(self, url: str):
        self._url = url
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(max_retries=RETRY_READS))
        token = self._request("GET", "/auth/token")["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def trigger(self, dag_id: str, parameters: dict[str, Any], **members: Any) -> str:
        """
        Trigger a run as soon as Airflow knows the DAG; return the run's id. The id is chosen here, so that a repeated
        request does not create a second run. It contains the date of the tweets, if that is among the parameters.

        :param members: other members of the request, for example `logical_date`; with `dag_run_id=None` Airflow chooses
            the id
        """
        date = f"{parameters['date']}__" if parameters.get("date") else ""
        run_id = f"manual__{date}triggered_{datetime.now(UTC).isoformat()}"
        request = {"dag_run_id": run_id, "logical_date": None, "conf": parameters, **members}
        deadline = time.monotonic() + SECONDS_TO_KNOW_A_DAG
        while True:
            try:
                response = self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=request)
                if response.ok:
                    return str(response.json()["dag_run_id"])
                if response.status_code == 409:
                    return run_id
                answer, is_final = _answer(response), response.status_code in {400, 401, 403, 422}
            except requests.RequestException as error:
                answer, is_final = str(error), False
            if is_final or time.monotonic() > deadline:
                raise StackError(f"Airflow does not run {dag_id}: {answer}")
            time.sleep(0.5)

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """All task instances of a run, by the id of the task."""
        answer = self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        return {instance["task_id"]: instance for instance in answer["task_instances"]}

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest hundred runs of a DAG."""
        answer = self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=100")
        runs: list[dict[str, Any]] = answer["dag_runs"]
        return runs

    def import_errors(self) -> list[str]:
        """The stack traces of the DAG files that Airflow cannot import."""
        return [error["stack_trace"] for error in self._request("GET", "/api/v2/importErrors")["import_errors"]]

    def dag_ids(self) -> set[str]:
        """The ids of all DAGs that Airflow knows."""
        return {dag["dag_id"] for dag in self._request("GET", "/api/v2/dags?limit=100")["dags"]}

    def events(self, event: str, run_id: str) -> list[dict[str, Any]]:
        """The entries about a run in Airflow's audit log, of one kind of event."""
        answer = self._request("GET", "/api/v2/eventLogs", params={"event": event, "run_id": run_id, "limit": 100})
        entries: list[dict[str, Any]] = answer["event_logs"]
        return entries

    def backfill(self, dag_id: str, first_date: str, last_date: str, **members: Any) -> None:
        """Start a backfill, like the form in the UI."""
        dates = {"from_date": f"{first_date}T00:00:00Z", "to_date": f"{last_date}T00:00:00Z"}
        request = {"dag_id": dag_id, **dates, **members}
        self._request("POST", "/api/v2/backfills", json=request, timeout=SECONDS_TO_CREATE_A_BACKFILL)

    def asset_event(self, asset: str, key: str) -> None:
        """Create an event of an asset, like the form in the UI, with a partition key."""
        answer = self._request("GET", "/api/v2/assets", params={"name_pattern": asset})
        (asset_id,) = [found["id"] for found in answer["assets"] if found["name"] == asset]
        self._request("POST", "/api/v2/assets/events", json={"asset_id": asset_id, "partition_key": key})

    def task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Set the state of a task, like a user in the UI."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._request("PATCH", path, json={"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_ids: list[str], downstream: bool = True) -> None:
        """Clear tasks, with the tasks downstream of them if `downstream`, and let the run continue."""
        request = {
            "dag_run_id": run_id,
            "task_ids": task_ids,
            "include_downstream": downstream,
            "dry_run": False,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._request("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=request)

    def clear_failed(self, dag_id: str, run_id: str) -> None:
        """Clear the failed tasks of a run, and no others, and let the run continue."""
        request = {"dry_run": False, "only_failed": True}
        self._request("POST", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear", json=request)

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Set the state of a run, like a user in the UI."""
        self._request("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"state": state})

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run with its history."""
        self._request("DELETE", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, parameters: dict[str, Any]) -> None:
        """Answer the question of a task under Required Actions."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._request("PATCH", path, json={"chosen_options": [option], "params_input": parameters})

    def question(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """The question of a task under Required Actions."""
        return self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails")

    def set_pool(self, name: str, slots: int) -> None:
        """Set the number of slots of a pool."""
        self._request("PATCH", f"/api/v2/pools/{name}", json={"pool": name, "slots": slots, "include_deferred": True})

    def _request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """
        :raises StackError: Airflow does not answer, or refuses the request
        """
        try:
            response = self._send(method, path, **arguments)
        except requests.RequestException as error:
            raise StackError(f"Airflow does not answer: {error}") from error
        if not response.ok:
            raise StackError(f"Airflow refuses {method} {path}: {_answer(response)}")
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    def _send(self, method: str, path: str, timeout: float = SECONDS_TO_ANSWER, **arguments: Any) -> requests.Response:
        return self._session.request(method, self._url + path, timeout=timeout, **arguments)


def _answer(response: requests.Response) -> str:
    return f"{response.status_code} {response.text}"


def wait_until(condition: Callable[[], Any], seconds: float, what: str, pause: float = 0.5) -> Any:
    """
    Call `condition` until it returns a true value; return that value.

    :raises StackError: `condition` is not true within this time
    """
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise StackError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return result
