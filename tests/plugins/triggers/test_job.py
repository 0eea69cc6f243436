import asyncio
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred
from airflow.triggers.base import TaskFailedEvent

from hashtag_retrain.triggers import job, polling
from hashtag_retrain.triggers.job import TrainingJobTrigger
from include.config.ownership import as_tags
from include.report.failures import ATTEMPTS, FAILURE
from tests.plugins.attempts import CONTEXT, as_from_the_database, event_of, finish
from tests.plugins.jobs import train_operator, wait_until_stopped


def test_the_jobs_own_log_is_shown_in_the_tasks_log(request_of, monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(
        TrainingJobTrigger, "log", SimpleNamespace(info=lambda text, *values: shown.append(text % values))
    )

    finish(train_operator(request_of()))

    assert any("#validation_accuracy: 1.0000" in line for line in shown)


def test_the_jobs_log_is_shown_while_the_job_runs_each_line_once(request_of, monkeypatch, sagemaker):
    shown: list[str] = []
    monkeypatch.setattr(
        TrainingJobTrigger, "log", SimpleNamespace(info=lambda text, *values: shown.append(text % values))
    )
    monkeypatch.setattr(job, "SECONDS_BETWEEN_LOOKS_AT_LOG", 0)
    with pytest.raises(TaskDeferred) as deferral:
        train_operator(request_of(epochs=300_000, early_stopping=False)).execute(CONTEXT)
    trigger = as_from_the_database(deferral.value.trigger)

    while not any("Arguments: train" in line for line in shown):
        assert trigger.poll() is None
    asyncio.run(trigger.on_kill())
    wait_until_stopped(sagemaker, trigger.name)
    with pytest.raises(AirflowException, match="ended as Stopped"):
        trigger.poll()

    lines = [line for line in shown if line.startswith("  ")]
    assert sum("Arguments: train" in line for line in lines) == 1


def test_a_tag_that_a_company_adds_makes_a_job_nobody_elses(request_of, sagemaker):
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)
    name = deferral.value.trigger.name
    job = sagemaker.describe_training_job(TrainingJobName=name)
    sagemaker.add_tags(ResourceArn=job["TrainingJobArn"], Tags=[{"Key": "CreatedBy", "Value": "an auto-tagger"}])

    assert deferral.value.trigger.is_owned(job)
    asyncio.run(deferral.value.trigger.on_kill())

    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"


def test_stopping_a_run_leaves_a_job_alone_that_another_run_has_made(request_of, sagemaker):
    sagemaker.create_training_job(**request_of(epochs=300_000, early_stopping=False))
    name = request_of()["TrainingJobName"]
    joined = train_operator({**request_of(), "Tags": as_tags({"team": "others"})})
    with pytest.raises(TaskDeferred) as deferral:
        joined.execute(CONTEXT)

    asyncio.run(deferral.value.trigger.on_kill())

    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName=name)


def test_a_job_that_is_stopped_meanwhile_is_no_success(request_of, sagemaker):
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)
    asyncio.run(deferral.value.trigger.on_kill())  # a person stops the waiting task: the job is stopped

    wait_until_stopped(sagemaker, deferral.value.trigger.name)
    with pytest.raises(AirflowException, match="ended as Stopped"):
        asyncio.run(event_of(as_from_the_database(deferral.value.trigger)))


def test_what_a_failed_attempt_says_is_an_xcom_of_the_task(request_of):
    """The report and the notice repeat it."""
    with pytest.raises(TaskDeferred) as deferral:
        train_operator(request_of(min_count=1000)).execute(CONTEXT)

    event = asyncio.run(anext(deferral.value.trigger.run()))

    assert isinstance(event, TaskFailedEvent)
    assert "AlgorithmError: Empty vocabulary" in event.payload[FAILURE]
    assert event.payload[ATTEMPTS][0]["status"] == "Failed"


@pytest.mark.parametrize(("state", "status"), [("deferred", "InProgress"), ("failed", "Stopped"), (None, "Stopped")])
def test_a_trigger_that_another_triggerer_has_taken_over_stops_no_job(
    request_of, sagemaker, monkeypatch, state, status
):
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)
    trigger, name = deferral.value.trigger, request_of()["TrainingJobName"]
    task = SimpleNamespace(dag_id="dag", run_id="run", task_id="train", map_index=-1)
    monkeypatch.setattr(type(trigger), "task_instance", task, raising=False)
    monkeypatch.setattr(
        polling.RuntimeTaskInstance, "get_task_states", lambda **_: {"run": {"train": state}} if state else {}
    )

    asyncio.run(trigger.on_kill())

    if status == "Stopped":
        wait_until_stopped(sagemaker, name)
    else:
        assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
        sagemaker.stop_training_job(TrainingJobName=name)
