"""Notices about late runs, and about failed runs that could not send a notice themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom

from hashtag_retrain.dates import said_date, settled_date
from include.aws.notify import notify
from include.config.names import hashtag_of
from include.report.document import failed_tasks
from include.report.failures import FAILURE, TOLD, describe_failures
from include.steps.record_outcome import record_outcome

NO_SLOT = (
    "If one of its tasks stays scheduled, it waits for a slot of its pool, which other runs have taken: see Admin, "
    "Pools. Give the pool more slots if your quotas on AWS allow it, or stop other runs, such as those of a backfill."
)


def tell_of_late_run(hashtag: str, hours: float, context: Mapping[str, Any]) -> None:
    """
    Airflow calls this when a run has missed its deadline. Only scheduled runs have one, and those that were started
    early in their place.
    """
    run = context["dag_run"]
    date = (run.get("logical_date") or run["run_after"])[:10]
    notify(
        f"#{hashtag} {date}: the run is late.",
        f"It should have ended {hours:g} hours after the start of {date}. Its state is: {run['state']}. "
        f"{NO_SLOT}\n\n"
        f"Run: {run_url(run['dag_id'], run['dag_run_id'])}",
    )


def tell_of_failed_run(context: Mapping[str, Any]) -> None:
    """
    Airflow calls this, in the DAG processor, when a run has failed. If record_outcome has already sent a notice, no
    other one is sent. Otherwise the notice contains the messages that the failed tasks have stored.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    run = context.get("dag_run")
    if run is not None and _has_told(dag_id, run_id, run):
        return
    date = _date(context, run) or run_id
    notify(
        f"#{hashtag_of(dag_id)} {date}: the run failed.",
        f"{_failures(dag_id, run_id)}\n\nAirflow says: {context.get('reason')}.\n\nRun: {run_url(dag_id, run_id)}",
    )


def _has_told(dag_id: str, run_id: str, run: Any) -> bool:
    """Whether record_outcome has sent a notice since the run's start. A run that is cleared starts again."""
    try:
        told = XCom.get_one(key=TOLD, dag_id=dag_id, task_id=record_outcome.__name__, run_id=run_id)
        return told is not None and datetime.fromisoformat(told) >= run.start_date
    except Exception as error:  # two notices are better than none
        print(f"It is not known whether a notice about {run_id} was sent: {error!r}")
        return False


def _date(context: Mapping[str, Any], run: Any) -> str | None:
    try:
        said = said_date(context["params"], run) if run is not None else None
        return said or settled_date(context["dag"].dag_id, context["run_id"])
    except Exception as error:  # better a notice without the date than none
        print(f"The date of {context['run_id']} is not known: {error!r}")
        return None


def _failures(dag_id: str, run_id: str) -> str:
    try:
        states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=[run_id]).get(run_id, {})
        failures = {
            task_id: XCom.get_one(key=FAILURE, dag_id=dag_id, task_id=task_id, run_id=run_id)
            for task_id in failed_tasks(states)
        }
    except Exception as error:
        return f"The messages of its tasks cannot be read: {error!r}"
    return describe_failures(failures) or "None of its tasks failed."


def run_url(dag_id: str, run_id: str) -> str:
    """The run's page in Airflow's UI."""
    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"
