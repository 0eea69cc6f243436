"""Tell somebody of a run that is late, or that failed without being able to say so itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom

from hashtag_retrain.macros import run_date
from include.aws.notify import notify
from include.config.names import hashtag_of
from include.report.document import failed_tasks
from include.report.failures import FAILURE, TOLD, describe_failures
from include.steps.record_outcome import record_outcome


def tell_of_late_run(hashtag: str, hours: float, context: Mapping[str, Any]) -> None:
    """Called by Airflow when a run has missed its deadline; only scheduled runs have one."""
    run = context["dag_run"]
    date = (run.get("logical_date") or run["run_after"])[:10]
    notify(
        f"#{hashtag} {date}: the scheduled run is late.",
        f"It was to be over {hours:g} hours after the start of {date}, and is {run['state']} still.\n\n"
        f"Run: {run_url(run['dag_id'], run['dag_run_id'])}",
    )


def tell_of_failed_run(context: Mapping[str, Any]) -> None:
    """
    Called by Airflow, in the DAG processor, when a run has failed. Who was told already, by record_outcome, is not told
    again; where that could not run, what the failed tasks have left is said.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    run = context.get("dag_run")
    if run is not None and _has_told(dag_id, run_id, run):
        return
    date = run_date(context["params"], run) if run is not None else run_id
    notify(
        f"#{hashtag_of(dag_id)} {date}: the run failed.",
        f"{_failures(dag_id, run_id)}\n\nAirflow says: {context.get('reason')}.\n\nRun: {run_url(dag_id, run_id)}",
    )


def _has_told(dag_id: str, run_id: str, run: Any) -> bool:
    """Whether record_outcome has told somebody, since the run began this time: a run that is cleared begins anew."""
    try:
        told = XCom.get_one(key=TOLD, dag_id=dag_id, task_id=record_outcome.__name__, run_id=run_id)
        return told is not None and datetime.fromisoformat(told) >= run.start_date
    except Exception as error:  # then rather twice than never
        print(f"Whether somebody was told of {run_id} is not known: {error!r}")
        return False


def _failures(dag_id: str, run_id: str) -> str:
    try:
        states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=[run_id]).get(run_id, {})
        failures = {
            task_id: XCom.get_one(key=FAILURE, dag_id=dag_id, task_id=task_id, run_id=run_id)
            for task_id in failed_tasks(states)
        }
    except Exception as error:
        return f"What its tasks say cannot be read: {error!r}"
    return describe_failures(failures) or "None of its tasks failed by itself."


def run_url(dag_id: str, run_id: str) -> str:
    """The run's page in Airflow's UI."""
    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"
