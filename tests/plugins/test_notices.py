from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from hashtag_retrain.notices import tell_of_failed_run, tell_of_late_run
from include.names import Keys, run_name
from tests.test_notify import remember, told

RUN = {
    "dag_id": "retrain_aws", "dag_run_id": "scheduled__2026-01-07T00:00:00+00:00", "run_type": "scheduled",
    "logical_date": "2026-01-07T00:00:00+00:00", "run_after": "2026-01-08T00:00:00+00:00", "state": "running",
}  # fmt: skip


@pytest.fixture(autouse=True)
def pager(monkeypatch):
    told.clear()
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")


def test_of_a_late_daily_run_somebody_is_told_with_hashtag_date_reason_and_link():
    tell_of_late_run("aws", 30, {"dag_run": RUN})

    ((subject, message),) = told
    assert subject == "#aws 2026-01-07: the daily run is late."
    assert "30 hours after the start of 2026-01-07, and is running still" in message
    assert message.endswith("/dags/retrain_aws/runs/scheduled__2026-01-07T00%3A00%3A00%2B00%3A00")


def failed_run() -> dict:
    started = datetime.now(UTC) - timedelta(minutes=1)
    return {
        "dag": SimpleNamespace(dag_id="retrain_aws"), "run_id": "manual__1", "reason": "task_failure",
        "params": {"date": "2026-01-07"}, "dag_run": SimpleNamespace(run_id="manual__1", start_date=started),
    }  # fmt: skip


def test_of_a_failed_run_without_a_report_somebody_is_told(settings, local_aws):
    tell_of_failed_run(failed_run())

    ((subject, message),) = told
    assert subject == "#aws 2026-01-07: the run failed, and could not say why."
    assert "task_failure" in message
    assert message.endswith("/dags/retrain_aws/runs/manual__1")


def test_what_record_outcome_has_told_of_is_not_told_again(settings, storage):
    key = Keys(settings.prefix, "aws", "2026-01-07").run(run_name(settings.deployment, "retrain_aws", "manual__1"))
    storage.write_json({"tasks": {"train_model": "failed"}}, key + "report.json")

    tell_of_failed_run(failed_run())

    assert told == []


def test_of_a_run_that_was_cleared_and_failed_again_without_a_report_somebody_is_told(settings, storage):
    key = Keys(settings.prefix, "aws", "2026-01-07").run(run_name(settings.deployment, "retrain_aws", "manual__1"))
    storage.write_json({"tasks": {"train_model": "failed"}}, key + "report.json")
    cleared = failed_run()
    cleared["dag_run"].start_date = datetime.now(UTC) + timedelta(minutes=1)

    tell_of_failed_run(cleared)

    assert len(told) == 1


def test_of_a_run_that_a_report_of_before_its_failure_does_not_speak_of_somebody_is_told(settings, storage):
    key = Keys(settings.prefix, "aws", "2026-01-07").run(run_name(settings.deployment, "retrain_aws", "manual__1"))
    storage.write_json({"tasks": {"train_model": "success", "evaluate_model": "running"}}, key + "report.json")

    tell_of_failed_run(failed_run())

    assert len(told) == 1


def test_with_no_context_but_the_run_somebody_is_told_all_the_same(settings, local_aws):
    tell_of_failed_run({"dag": SimpleNamespace(dag_id="retrain_aws"), "run_id": "manual__1", "reason": "x"})

    ((subject, _),) = told
    assert subject == "#aws manual__1: the run failed, and could not say why."
