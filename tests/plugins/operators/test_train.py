import asyncio
import threading

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from include.config.errors import ConfigurationError
from include.report.failures import ATTEMPTS
from tests.plugins.attempts import CONTEXT, RETRY, Attempt, event_of, finish
from tests.plugins.jobs import train_operator, wait_until_stopped


def test_a_completed_job_whose_artifact_is_gone_is_trained_again(request_of, client, settings):
    first = finish(train_operator(request_of()))
    client("s3").delete_object(Bucket=settings.bucket, Key=first["model_uri"].split("/", 3)[3])

    assert finish(train_operator(request_of()))["training_job_name"] == f"{first['training_job_name']}-a2"


def test_a_short_job_is_waited_for_without_a_trigger(request_of, monkeypatch):
    # A trigger that ends a task makes Airflow parse the whole DAG file twice.
    monkeypatch.delenv("RETRAIN_SECONDS_BEFORE_DEFERRAL")

    assert train_operator(request_of()).execute(CONTEXT)["training_job_name"] == request_of()["TrainingJobName"]


def test_a_short_job_that_fails_leaves_what_it_cost_for_the_report(request_of, monkeypatch):
    monkeypatch.delenv("RETRAIN_SECONDS_BEFORE_DEFERRAL")
    context = {"ti": Attempt()}

    with pytest.raises(AirflowException, match="AlgorithmError"):
        train_operator(request_of(min_count=10_000)).execute(context)

    (attempt,) = context["ti"].xcoms[ATTEMPTS]
    assert (attempt["name"], attempt["status"]) == (request_of()["TrainingJobName"], "Failed")
    assert attempt["billable_seconds"] > 0


def test_a_person_who_stops_the_task_while_it_polls_in_its_own_process_stops_the_job(request_of, monkeypatch):
    monkeypatch.delenv("RETRAIN_SECONDS_BEFORE_DEFERRAL")
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    stopping = threading.Timer(1, operator.on_kill)
    stopping.start()

    with pytest.raises(AirflowException, match="because the run or the task that started it was stopped"):
        operator.execute(CONTEXT)

    stopping.join()


def test_no_job_is_started_if_it_is_unknown_how_long_to_wait(request_of, monkeypatch, sagemaker):
    monkeypatch.setenv("RETRAIN_SECONDS_BEFORE_DEFERRAL", "10s")

    with pytest.raises(ConfigurationError, match="RETRAIN_SECONDS_BEFORE_DEFERRAL='10s'"):
        train_operator(request_of()).execute(CONTEXT)

    name = request_of()["TrainingJobName"]
    assert sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"] == []


def test_a_job_that_is_asked_for_rarely_is_left_to_a_trigger_at_once(request_of, monkeypatch):
    monkeypatch.delenv("RETRAIN_SECONDS_BEFORE_DEFERRAL")

    with pytest.raises(TaskDeferred):
        train_operator(request_of(), check_interval=30).execute(CONTEXT)


def test_a_job_that_takes_too_long_is_stopped(request_of, sagemaker):
    with pytest.raises(TaskDeferred) as deferral:
        train_operator(request_of(epochs=300_000, early_stopping=False)).execute(CONTEXT)
    trigger = deferral.value.trigger
    assert trigger.max_seconds == 2 * 3600  # MaxRuntimeInSeconds and an hour
    trigger.max_seconds = 1

    with pytest.raises(AirflowException, match="has not ended within 0:00:01"):
        asyncio.run(event_of(trigger))

    wait_until_stopped(sagemaker, trigger.name)
    with pytest.raises(AirflowFailException, match=r"because it took too long. To train the same again, clear"):
        train_operator(request_of()).execute(RETRY)
