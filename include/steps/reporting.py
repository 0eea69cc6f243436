"""The run's report, as far as the run has come."""

from collections.abc import Mapping
from typing import Any

from include import __version__
from include.evaluation import champion
from include.report import history
from include.report.document import Run, describe_run
from include.report.failures import ATTEMPTS
from include.report.publish import publish
from include.steps.workplace import Workplace

REPORT_URL = "report_url"
"""Key of the XCom with the report's address, for the link in Airflow's UI."""
TASKS_WITH_JOBS = ("tune_model", "train_model")


def write_report(
    place: Workplace,
    run_name: str,
    params: Mapping[str, Any],
    ti: Any,
    results: dict[str, Any],
    failures: Mapping[str, str | None],
) -> dict[str, Any]:
    """
    Write the report to S3, and its address to the task's link.

    :param ti: the running task's instance, as Airflow gives it
    :param results: what the tasks that succeeded have returned, by their ids
    :param failures: what failed tasks say, by their ids
    :return: the report, and its address in a browser as `url`
    """
    storage, keys = place.storage, place.keys
    prepared, evaluated = results.get("prepare_dataset") or {}, results.get("evaluate_model") or {}
    uris = {**prepared.get("data", {}).get("uris", {}), "evaluation": evaluated.get("evaluation_uri")}
    run = Run(
        hashtag=keys.hashtag,
        date=keys.date,
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        name=run_name,
        code_version=__version__,
        parameters=params,
        states=states_of(ti),
        files={"data_" + name if name == "report" else name: uri for name, uri in uris.items()}
        | {"report": storage.uri(keys.run(run_name) + "report.html")},
        failures=failures,
        attempts=_attempts(ti),
    )
    current = place.registry.champion()
    champion_entry = champion.history_entry(current) if current else None
    past = history.recall(storage, keys, champion_entry)
    data, evaluation = (
        storage.read_json(storage.key_of(uri)) if uri else None for uri in (uris.get("report"), uris["evaluation"])
    )
    report = describe_run(run, results, data, evaluation, past)
    url = publish(storage, keys, run_name, report)
    ti.xcom_push(key=REPORT_URL, value=url)
    return {**report, "url": url}


def states_of(ti: Any) -> dict[str, str | None]:
    """Of every task of a task's run, by its id."""
    states: dict[str, str | None] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return states


def _attempts(ti: Any) -> dict[str, list[dict[str, Any]]]:
    """This run's jobs that did not complete, by the task that has waited for them."""
    found = {}
    for task_id in TASKS_WITH_JOBS:
        # Where the task failed in the end they are an XCom of their own, else a part of its result.
        result = ti.xcom_pull(task_ids=task_id) or {}
        found[task_id] = ti.xcom_pull(task_ids=task_id, key=ATTEMPTS) or result.get(ATTEMPTS) or []
    return found
