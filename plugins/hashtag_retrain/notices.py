"""Tell somebody of a run that is late, or that failed without being able to say so itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf

from hashtag_retrain.macros import run_date, run_name
from include.names import Keys
from include.notify import notify
from include.report.document import failed_tasks
from include.settings import Settings
from include.storage import Storage


def tell_of_late_run(hashtag: str, hours: float, context: Mapping[str, Any]) -> None:
    """Called by Airflow when a run has missed its deadline; only the daily run has one."""
    run = context["dag_run"]
    date = (run.get("logical_date") or run["run_after"])[:10]
    notify(
        f"#{hashtag} {date}: the daily run is late.",
        f"It was to be over {hours:g} hours after the start of {date}, and is {run['state']} still.\n\n"
        f"Run: {run_url(run['dag_id'], run['dag_run_id'])}",
    )


def tell_of_failed_run(context: Mapping[str, Any]) -> None:
    """Called by Airflow when a run has failed: where record_outcome could not write its report, nobody was told yet."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    date = run_date(context["params"], context["dag_run"]) if "dag_run" in context else None
    hashtag = dag_id.removeprefix("retrain_")
    if date is not None and _has_told(hashtag, date, context["dag_run"], dag_id, run_id):
        return
    notify(
        f"#{hashtag} {date or run_id}: the run failed, and could not say why.",
        f"Airflow says: {context.get('reason')}. There is no report of this failure.\n\nRun: {run_url(dag_id, run_id)}",
    )


def _has_told(hashtag: str, date: str, dag_run: Any, dag_id: str, run_id: str) -> bool:
    """Whether the run's report, which record_outcome writes before it tells, says that the run failed this time."""
    try:
        settings = Settings.from_environment()
        key = Keys(settings.prefix, hashtag, date).run(run_name(dag_id, run_id)) + "report.json"
        storage = Storage.connect(settings.bucket)
        # A run that is cleared starts anew, and its report of before is there still.
        return storage.modified(key) >= dag_run.start_date and bool(failed_tasks(storage.read_json(key)["tasks"]))
    except Exception as error:  # whatever it is, it may be what the run failed of
        print(f"The report of {run_id} cannot be read: {error!r}")
        return False


def run_url(dag_id: str, run_id: str) -> str:
    """The run's page in Airflow's UI."""
    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"
