"""Write the report of a run, which may still be running."""

from collections.abc import Iterable, Mapping
from typing import Any

from include import __version__
from include.aws.dataset import PreparedData
from include.evaluation import champion
from include.report import history
from include.report.document import Links, Run, describe_run, failed_tasks
from include.report.failures import ATTEMPTS, FAILURE
from include.report.publish import publish
from include.results import Results
from include.steps.workplace import Workplace
from include.tweets.prepared import FILES

REPORT_URL = "report_url"
"""Key of the XCom with the report's address, for the link in Airflow's UI."""


def write_report(
    place: Workplace, run_name: str, params: Mapping[str, Any], ti: Any, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    Write the report to S3, and store its address for the task's link.

    :param ti: the running task's instance, from Airflow
    :param known: results by task id that need not be asked for: what the running task will return, and its arguments
    :return: the report, and its address in a browser as `url`
    """
    storage, keys = place.storage, place.keys
    states: dict[str, str | None] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    # If a task is cleared and then skipped, its earlier result still exists. So only successful tasks count.
    known = known or {}
    others = [task for task in Results.task_ids() if states.get(task) == "success" and task not in known]
    results = Results.from_xcoms({**_xcoms(ti, others), **known})
    files = {"report": storage.uri(keys.run(run_name) + "report.html"), **_files(results)}
    run_url = ti.log_url.partition("/tasks/")[0]
    run = Run(
        hashtag=keys.hashtag,
        date=keys.date,
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        name=run_name,
        code_version=__version__,
        parameters=params,
        states=states,
        files=files,
        failures=_xcoms(ti, failed_tasks(states), FAILURE),
        attempts={task_id: left for task_id, left in _xcoms(ti, failed_tasks(states), ATTEMPTS).items() if left},
        links=_links(place, run_name, run_url, states, files, results),
    )
    current = place.registry.champion()
    past = history.recall(storage, keys, champion.history_entry(current) if current else None)
    data, evaluation = (
        storage.read_json(storage.key_of(files[name])) if name in files else None
        for name in ("data_report", "evaluation")
    )
    report = describe_run(run, results, data, evaluation, past)
    url = publish(storage, keys, run_name, report)
    ti.xcom_push(key=REPORT_URL, value=url)
    return {**report, "url": url}


def _xcoms(ti: Any, task_ids: Iterable[str], key: str = "return_value") -> dict[str, Any]:
    """XComs of this run's tasks, by the tasks' ids; None if a task has none."""
    return {task_id: ti.xcom_pull(task_ids=task_id, key=key) for task_id in task_ids}


def _links(
    place: Workplace,
    run_name: str,
    run_url: str,
    task_ids: Iterable[str],
    files: Mapping[str, str],
    results: Results,
) -> Links:
    console = place.storage.console
    objects = {name: uri + FILES[name] if uri.endswith("/") else uri for name, uri in files.items()}
    tuned, trained = results.tune_model, results.train_model
    return Links(
        run=run_url,
        training_job=console.training_job(trained.training_job_name) if trained else None,
        tuning_job=console.tuning_job(tuned.tuning_job_name) if tuned else None,
        registry=console.model_registry() if results.register_model else None,
        endpoint=console.endpoint(run_name) if results.deploy_endpoint else None,
        tasks={task_id: f"{run_url}/tasks/{task_id}" for task_id in task_ids},
        files={name: place.storage.browser_url(place.storage.key_of(uri)) for name, uri in objects.items()},
    )


def _files(results: Results) -> dict[str, str]:
    """URIs of the files that the tasks have written, by the files' names in the report."""
    files: dict[str, str] = {}
    if results.prepare_dataset:
        uris = PreparedData(results.prepare_dataset.data_uri).uris
        files |= {f"data_{name}" if name == "report" else name: uri for name, uri in uris.items()}
    if results.evaluate_model:
        files["evaluation"] = results.evaluate_model.evaluation_uri
    return files
