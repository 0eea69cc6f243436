"""Through the doors that people use: the REST API, the command line, the scheduler."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import quote

import boto3
import pytest
import requests
from rich.console import Console

from hashtag_retrain.operators.hold import DELETE, MINUTES
from hashtag_retrain.pools import TRAINING_POOL
from include.airflow_api import AirflowApi
from include.demo import DAG_ID, DATE, run_pipeline
from include.local_stack import LocalStack, LocalStackSettings, StackError, create_backfill
from tests.conftest import REPOSITORY

SECONDS_FOR_A_BACKFILL = 400


@pytest.fixture
def airflow(stack) -> AirflowApi:
    return AirflowApi(stack.settings.airflow_url)


def sagemaker_of(stack):
    return boto3.client("sagemaker", endpoint_url=stack.settings.local_aws_url)


def test_a_run_triggered_over_rest_ends_well_and_leaves_nothing(stack):
    console = Console(record=True, width=200)

    assert run_pipeline(stack, console)

    shown = console.export_text()
    for task in ("prepare_dataset", "train_model", "smoke_test", "delete_endpoint"):
        assert task in shown
    assert "Tweets per split: train 456, validation 62, test 50" in shown
    assert "better, beyond chance, than always answering" in shown
    assert "deleted 20" in shown
    sagemaker = sagemaker_of(stack)
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    logs = [path.read_text(errors="replace") for path in stack.settings.home.glob(f"logs/dag_id={DAG_ID}/**/*.log")]
    assert len(logs) >= 10
    assert not [log for log in logs if "Traceback" in log or "error calling listener" in log]


def test_a_run_triggered_in_the_form_with_its_logical_date_of_now_has_all_its_tasks(stack, airflow):
    request = {"logical_date": datetime.now(UTC).isoformat(), "conf": {"date": "2026-01-06", "deploy": "never"}}
    url = f"{stack.settings.airflow_url}/api/v2/dags/{DAG_ID}/dagRuns"

    for _ in range(3):  # SQLite may be locked, and a person would press the button again
        response = airflow._session.post(url, json=request, timeout=60)
        if response.ok:
            break

    assert response.ok, response.text
    time.sleep(5)
    assert len(airflow.tasks(DAG_ID, response.json()["dag_run_id"])) == 11


def wait_until(condition, seconds: float = 120):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(1)
    return result


def test_somebody_is_told_of_a_daily_run_that_is_late(stack, pages):
    """Airflow's own deadline alert, through the executor, to the notifier in the environment."""
    (late,) = wait_until(lambda: [page for page in pages() if page[0].startswith("#slow")])

    assert late[0].endswith("the daily run is late.")
    assert f"{stack.settings.airflow_url}/dags/retrain_slow/runs/scheduled__" in late[1]


def test_of_a_run_that_failed_before_record_outcome_could_say_so_somebody_is_told(stack, airflow, pages):
    run_id = airflow.trigger("retrain_slow", {"date": "2026-01-01"})
    wait_until(lambda: airflow.tasks("retrain_slow", run_id).get("wait_for_tweets", {}).get("state") == "deferred")
    for task in ("wait_for_tweets", "record_outcome"):
        airflow.task_state("retrain_slow", run_id, task, "failed")

    ((subject, message),) = wait_until(lambda: [page for page in pages() if quote(run_id) in page[1]])

    assert "the run failed, and could not say why" in subject
    assert message.endswith(f"/dags/retrain_slow/runs/{quote(run_id)}")


def test_an_endpoint_is_deleted_at_once_when_a_person_says_so_in_the_ui(stack, airflow):
    """With the parameters of the run above, so that nothing is trained again."""
    run_id = airflow.trigger(DAG_ID, {"date": DATE, "keep_endpoint_minutes": 600})
    wait_until(lambda: airflow.tasks(DAG_ID, run_id).get("hold_endpoint", {}).get("state") == "deferred")
    assert len(sagemaker_of(stack).list_endpoints(StatusEquals="InService")["Endpoints"]) == 1

    airflow.answer(DAG_ID, run_id, "hold_endpoint", DELETE, {MINUTES: 60})

    wait_until(lambda: airflow.run_state(DAG_ID, run_id) == "success")
    assert sagemaker_of(stack).list_endpoints()["Endpoints"] == []


def test_whoever_writes_to_sqlite_for_long_does_not_stop_the_api_server(stack, airflow):
    """It waits for SQLite in its event loop; a request that holds the lock and needs the loop would wait for ever."""
    dag = f"{stack.settings.airflow_url}/api/v2/dags/sweep_endpoints"
    with closing(sqlite3.connect(stack.settings.home / "airflow.db", timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        writing = threading.Thread(target=airflow._session.patch, args=(dag, '{"is_paused": false}'))
        writing.start()
        time.sleep(1)

        response = requests.get(f"{stack.settings.airflow_url}/api/v2/version", timeout=20)

    writing.join()
    assert response.ok


@pytest.mark.timeout(600)
def test_a_backfill_trains_the_dates_that_have_data_skips_the_others_and_deploys_the_newest(stack, airflow, capfd):
    """Four dates, of which the first has no tweets. Runs after the one above, which has uploaded the samples."""
    set_slots(stack, 2)
    backfill(stack, capfd)

    runs = wait_for_backfill(airflow, stack, 4)

    outcomes = {}
    for run in runs:
        states = {task_id: task["state"] for task_id, task in airflow.tasks(DAG_ID, run["dag_run_id"]).items()}
        assert run["state"] == "success", states
        outcomes[run["logical_date"][:10]] = (states["train_model"], states["deploy_endpoint"])
    assert outcomes == {
        "2026-01-04": ("skipped", "skipped"),
        "2026-01-05": ("success", "skipped"),
        "2026-01-06": ("success", "skipped"),
        "2026-01-07": ("success", "success"),
    }
    assert sagemaker_of(stack).list_endpoints()["Endpoints"] == []
    assert trained_at_once(stack) <= 2  # three dates' runs at once, and a pool with two slots
    assert run_types_with_a_deadline(stack) == {"scheduled"}  # no backfilled date is late for having passed


def run_types_with_a_deadline(stack: LocalStack) -> set[str]:
    with closing(sqlite3.connect(stack.settings.home / "airflow.db", timeout=60)) as connection:
        query = "SELECT DISTINCT run_type FROM deadline JOIN dag_run ON dag_run.id = deadline.dagrun_id"
        return {run_type for (run_type,) in connection.execute(query)}


def trained_at_once(stack: LocalStack) -> int:
    """How many training jobs there were at most at the same time."""
    client = sagemaker_of(stack)
    names = [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]]
    jobs = [client.describe_training_job(TrainingJobName=name) for name in names]
    spans = [(job["CreationTime"], job["TrainingEndTime"]) for job in jobs]
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def set_slots(stack: LocalStack, slots: int) -> None:
    command = [sys.executable, "-m", "airflow", "pools", "set", TRAINING_POOL, str(slots), "few", "--include-deferred"]
    subprocess.run(command, cwd=REPOSITORY, env=stack.environment, capture_output=True, check=True)


def backfill(stack: LocalStack, capfd: pytest.CaptureFixture[str]) -> None:
    """As README says it. What SQLite has kept from being made may be there in part; then it is waited for."""
    arguments = ["--dag-id", DAG_ID, "--from-date", "2026-01-04", "--to-date", "2026-01-07", "--max-active-runs", "4"]
    arguments += ["--dag-run-conf", '{"keep_endpoint_minutes": 0.01, "epochs": 10}']
    deadline = time.monotonic() + SECONDS_FOR_A_BACKFILL
    while create_backfill(arguments, stack.settings, stack.environment) != 0:
        error = capfd.readouterr().err
        assert "database is locked" in error or "AlreadyRunningBackfill" in error, error
        assert time.monotonic() < deadline, error
        time.sleep(5)


def wait_for_backfill(airflow: AirflowApi, stack: LocalStack, count: int) -> list[dict]:
    deadline = time.monotonic() + SECONDS_FOR_A_BACKFILL
    while True:
        stack.check()
        runs = [run for run in airflow.runs(DAG_ID) if run["run_type"] == "backfill"]
        if len(runs) == count and all(run["state"] in {"success", "failed"} for run in runs):
            return runs
        assert time.monotonic() < deadline, runs
        time.sleep(1)


def test_a_taken_port_is_an_error_that_names_the_variable(stack, tmp_path):
    settings = LocalStackSettings(airflow_port=stack.settings.airflow_port, local_aws_port=1, home=tmp_path)
    with pytest.raises(StackError, match=r"LOCAL_AWS_PORT|AIRFLOW_PORT"), LocalStack(settings):
        pass

    done = subprocess.run(
        [sys.executable, "-m", "include.demo"], cwd=REPOSITORY, capture_output=True, text=True,
        env={**stack.environment, "LOCAL_AWS_PORT": str(stack.settings.local_aws_port)},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {stack.settings.local_aws_port} on 127.0.0.1 is taken" in done.stdout
    assert "LOCAL_AWS_PORT=" in done.stdout


def test_stopping_leaves_this_process_as_it_was(tmp_path):
    """What it ignores while stopping, processes started later must not inherit."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    LocalStack(LocalStackSettings(home=tmp_path)).stop()

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
