from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from hashtag_retrain import notices
from hashtag_retrain.notices import tell_of_failed_run, tell_of_late_run
from include.report.failures import FAILURE, NO_MESSAGE, TOLD
from tests.aws.test_notify import remember, told

RUN = {
    "dag_id": "retrain_aws",
    "dag_run_id": "scheduled__2026-01-07T00:00:00+00:00",
    "run_type": "scheduled",
    "logical_date": "2026-01-07T00:00:00+00:00",
    "run_after": "2026-01-08T00:00:00+00:00",
    "state": "running",
}


@pytest.fixture(autouse=True)
def pager(monkeypatch):
    told.clear()
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")


STARTED = datetime(2026, 1, 8, tzinfo=UTC)


def failed_run(started: datetime = STARTED) -> dict:
    return {
        "dag": SimpleNamespace(dag_id="retrain_aws"),
        "run_id": "manual__1",
        "reason": "task_failure",
        "params": {"date": "2026-01-07"},
        "dag_run": SimpleNamespace(run_id="manual__1", start_date=started, logical_date=None),
    }


@pytest.fixture
def airflow_knows(monkeypatch):
    """What the DAG processor learns from Airflow of the run's tasks: their states and their XComs."""

    def know(states: dict, xcoms: dict) -> None:
        monkeypatch.setattr(
            notices.RuntimeTaskInstance, "get_task_states", lambda dag_id, run_ids: {run_ids[0]: states}
        )
        monkeypatch.setattr(notices.XCom, "get_one", lambda key, dag_id, task_id, run_id: xcoms.get((task_id, key)))

    return know


def test_of_a_late_daily_run_somebody_is_told_with_hashtag_date_reason_and_link():
    tell_of_late_run("aws", 30, {"dag_run": RUN})

    ((subject, message),) = told
    assert subject == "#aws 2026-01-07: the run is late."
    assert message.startswith("It should have ended 30 hours after the start of 2026-01-07. Its state is: running. ")
    assert "it waits for a slot of its pool" in message
    assert message.endswith("/dags/retrain_aws/runs/scheduled__2026-01-07T00%3A00%3A00%2B00%3A00")


def test_of_a_failed_run_that_nobody_was_told_of_somebody_is_told_with_what_its_tasks_say(airflow_knows):
    states = {"train_model": "failed", "evaluate_model": "upstream_failed", "record_outcome": "failed"}
    airflow_knows(states, {("train_model", FAILURE): "The training job x ended as Failed: AlgorithmError: no words"})

    tell_of_failed_run(failed_run())

    ((subject, message),) = told
    assert subject == "#aws 2026-01-07: the run failed."
    assert message.startswith(
        "train_model: The training job x ended as Failed: AlgorithmError: no words; record_outcome: "
    )
    assert NO_MESSAGE in message
    assert "task_failure" in message
    assert message.endswith("/dags/retrain_aws/runs/manual__1")


def test_what_record_outcome_has_told_of_is_not_told_again(airflow_knows):
    airflow_knows({}, {("record_outcome", TOLD): STARTED.isoformat()})

    tell_of_failed_run(failed_run())

    assert told == []


def test_of_a_run_that_was_cleared_and_failed_again_somebody_is_told_again(airflow_knows):
    airflow_knows({}, {("record_outcome", TOLD): STARTED.isoformat()})

    tell_of_failed_run(failed_run(started=STARTED + timedelta(minutes=1)))

    assert len(told) == 1


def test_where_airflow_says_nothing_of_the_tasks_somebody_is_told_all_the_same():
    tell_of_failed_run(failed_run())

    ((_, message),) = told
    assert message.startswith("The messages of its tasks cannot be read: ")


def test_with_no_context_but_the_run_somebody_is_told_all_the_same(airflow_knows):
    airflow_knows({}, {})

    tell_of_failed_run({"dag": SimpleNamespace(dag_id="retrain_aws"), "run_id": "manual__1", "reason": "x"})

    ((subject, message),) = told
    assert subject == "#aws manual__1: the run failed."
    assert "None of its tasks failed." in message
