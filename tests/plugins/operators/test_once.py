import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from include.config.ownership import as_tags
from include.report.failures import ATTEMPTS
from local_aws.sagemaker.models import SageMakerBackend
from tests.conftest import IMAGE
from tests.plugins.attempts import CONTEXT, RETRY, Attempt, WorkerDied, die_around_call, finish
from tests.plugins.jobs import train_operator, tune_operator, wait_until_stopped


def test_a_job_is_trained_once_and_then_reused(request_of):
    first = finish(train_operator(request_of()))
    again = train_operator(request_of()).execute(CONTEXT)
    other_run = {**request_of(), "Tags": as_tags({"team": "others"})}
    second = train_operator(other_run).execute(CONTEXT)

    assert first["reused"] is False
    assert again == first
    assert second == {**first, "reused": True}
    assert first["metrics"] == {"train:accuracy": 1.0, "validation:accuracy": 1.0}
    assert first["image"] == IMAGE


def test_a_running_job_is_joined(request_of, sagemaker):
    name = request_of()["TrainingJobName"]
    sagemaker.create_training_job(**request_of(epochs=300_000, early_stopping=False))

    with pytest.raises(TaskDeferred) as deferral:
        train_operator(request_of()).execute(CONTEXT)

    assert deferral.value.trigger.name == name
    assert len(sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]) == 1
    sagemaker.stop_training_job(TrainingJobName=name)


def test_a_job_that_is_there_by_the_time_it_is_asked_for_is_joined(request_of, sagemaker, monkeypatch):
    """Another run was first, or the answer to this very request was lost and botocore sent it again."""
    request = request_of()
    sagemaker.create_training_job(**request)
    operator = train_operator(request)
    monkeypatch.setattr(operator, "_jobs", lambda client, name: [])

    assert finish(operator)["training_job_name"] == request["TrainingJobName"]


def stop_job(sagemaker: Any, request: dict[str, Any]) -> None:
    sagemaker.create_training_job(**request)
    sagemaker.stop_training_job(TrainingJobName=request["TrainingJobName"])
    wait_until_stopped(sagemaker, request["TrainingJobName"])


def test_a_job_that_somebody_stopped_is_trained_again_by_a_person_and_not_by_a_retry(request_of, sagemaker):
    request = request_of(epochs=300_000, early_stopping=False)
    stop_job(sagemaker, request)

    with pytest.raises(AirflowFailException, match=r"Somebody stopped it.*To train the same again, clear this task"):
        train_operator(request_of()).execute(RETRY)
    (attempt,) = RETRY["ti"].xcoms[ATTEMPTS]
    result = finish(train_operator(request_of()))

    assert attempt["name"] == request["TrainingJobName"]
    assert attempt["status"] == "Stopped"
    assert attempt["billable_seconds"] >= 0
    assert result["training_job_name"] == f"{request['TrainingJobName']}-a2"
    assert result[ATTEMPTS] == [attempt]
    assert finish(train_operator(request_of()), RETRY) == result


def test_a_cleared_task_counts_as_a_persons_decision(request_of, sagemaker):
    """Airflow then counts tries on, and raises their maximum."""
    request = request_of(epochs=300_000, early_stopping=False)
    stop_job(sagemaker, request)
    cleared = {"ti": Attempt(try_number=4, max_tries=3)}

    assert finish(train_operator(request_of()), cleared)["training_job_name"] == f"{request['TrainingJobName']}-a2"


def test_a_job_that_ran_out_of_its_time_is_not_trained_again_by_a_retry(request_of, sagemaker):
    request = request_of(epochs=300_000, early_stopping=False) | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}
    with pytest.raises(AirflowException, match="ran out of time"):
        finish(train_operator(request))

    with pytest.raises(AirflowFailException, match="fewer epochs or fewer dates"):
        train_operator(request).execute(RETRY)

    jobs = sagemaker.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"]
    assert [job["TrainingJobStatus"] for job in jobs] == ["Stopped"]


def test_a_job_that_was_stopped_with_another_run_keeps_nobody_from_training(request_of, sagemaker):
    others = {**request_of(epochs=300_000, early_stopping=False), "Tags": as_tags({"team": "others"})}
    other = train_operator(others)
    with pytest.raises(TaskDeferred):
        other.execute(CONTEXT)
    other.on_kill()
    wait_until_stopped(sagemaker, others["TrainingJobName"])

    result = finish(train_operator(request_of()), RETRY)

    assert result["training_job_name"] == f"{others['TrainingJobName']}-a2"
    assert result[ATTEMPTS] == []  # that one is another run's to pay


@pytest.mark.parametrize("try_number", [1, 2])
def test_a_waiting_task_that_a_person_clears_trains_anew_although_its_job_is_still_stopping(
    request_of, sagemaker, monkeypatch, try_number
):
    """Airflow kills the trigger, which stops the job; AWS takes up to minutes for that."""
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)
    asyncio.run(deferral.value.trigger.on_kill())
    name = request_of()["TrainingJobName"]
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopping"

    with pytest.raises(TaskDeferred) as again:
        train_operator(request_of()).execute({"ti": Attempt(try_number)})

    assert again.value.trigger.name == f"{name}-a2"


def test_a_fault_of_awss_is_tried_again_until_nine_jobs_have_failed_and_then_by_a_person(
    request_of, sagemaker, order_fault
):
    name = request_of()["TrainingJobName"]
    order_fault(
        phase="Training", name=f"{name}*", times=9, message="InternalServerError: We encountered an internal error."
    )
    for number in range(9):
        with pytest.raises(AirflowException, match="InternalServerError"):
            finish(train_operator(request_of()), RETRY if number else CONTEXT)

    with pytest.raises(AirflowFailException, match=r"number 9 with the same data.*To start one more, clear this task"):
        train_operator(request_of()).execute(RETRY)
    result = finish(train_operator(request_of()))

    assert result["training_job_name"].endswith("-a10")
    assert len(result[ATTEMPTS]) == 9


def test_a_job_that_fails_for_its_requests_sake_is_not_tried_again(request_of, sagemaker):
    request = request_of(min_count=1000)
    with pytest.raises(AirflowException, match="AlgorithmError: Empty vocabulary"):
        finish(train_operator(request))

    with pytest.raises(AirflowFailException, match="AlgorithmError: Empty vocabulary"):
        train_operator(request).execute(RETRY)
    assert len(sagemaker.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"]) == 1


def test_a_person_who_stops_the_task_before_it_waits_stops_the_job(request_of, sagemaker):
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    with pytest.raises(TaskDeferred):
        operator.execute(CONTEXT)

    operator.on_kill()

    wait_until_stopped(sagemaker, request_of()["TrainingJobName"])


def test_a_person_who_stops_the_task_while_the_job_is_being_asked_for_stops_the_job(request_of, sagemaker, monkeypatch):
    operator = train_operator(request_of(epochs=300_000, early_stopping=False))
    operator.hook.get_conn().meta.events.register(
        "before-call.sagemaker.CreateTrainingJob", lambda **_: operator.on_kill()
    )

    with pytest.raises((TaskDeferred, AirflowException)):  # the job may have ended before the first poll
        operator.execute(CONTEXT)

    wait_until_stopped(sagemaker, request_of()["TrainingJobName"])


@pytest.mark.parametrize(
    ("team", "words"),
    [
        ("others", "of another run with the same data, code and settings: {} billable seconds are saved"),
        ("tweets", "of this run has completed"),
    ],
)
def test_whose_a_finished_job_is_stands_in_the_log(request_of, monkeypatch, team, words):
    """A retry that finds its own job saves nothing."""
    first = finish(train_operator(request_of()))
    shown: list[str] = []
    operator = train_operator({**request_of(), "Tags": as_tags({"team": team})})
    monkeypatch.setattr(operator.log, "info", lambda message, *values: shown.append(message % values))

    operator.execute(CONTEXT)

    assert words.format(first["billable_seconds"]) in shown[-1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_a_worker_dies_a_retry_leads_to_the_same_one_job(request_of, sagemaker, when):
    for number in itertools.count(1):
        request = request_of(epochs=6 + number) | {"TrainingJobName": f"operators-dies-{when}-{number}"}
        operator = train_operator(request, check_interval=0.5)  # few polls, each a call to die around
        die_around_call(operator, number, when)
        try:
            finish(operator)
        except WorkerDied:
            assert finish(train_operator(request))["training_job_name"] == request["TrainingJobName"]
        else:
            break  # there is no such call any more
        jobs = sagemaker.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"]
        assert [job["TrainingJobStatus"] for job in jobs] == ["Completed"]
    assert number > 3


def test_spot_instances_that_do_not_come_in_time_are_a_persons_decision(request_of, sagemaker):
    request = {**request_of(epochs=1000, early_stopping=False), "EnableManagedSpotTraining": True}
    request["HyperParameters"]["epochs"] = "1000000"
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}

    with pytest.raises(AirflowException, match=r"ended as Stopped: MaxWaitTimeExceeded. .* BlazingText begins anew"):
        finish(train_operator(request))
    with pytest.raises(AirflowFailException, match=r"A retry does not start it again. Clear this task, or let the"):
        train_operator(request).execute(RETRY)

    assert len(sagemaker.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"]) == 1


def test_a_task_waits_as_long_as_spot_instances_may_take(request_of):
    request = {**request_of(), "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 1800}}

    assert train_operator(request).max_wait() == timedelta(minutes=90)
    assert tune_operator(request, jobs=3).max_wait() == timedelta(minutes=120)


def test_a_companys_tags_do_not_say_whose_a_job_is(request_of):
    request = request_of()
    own = as_tags({"retrain:owner": "dag/run"})
    finish(train_operator({**request, "Tags": own}))

    again = train_operator({**request, "Tags": [*own, *as_tags({"cost-center": "1234"})]}).execute(CONTEXT)

    assert again["reused"] is False
