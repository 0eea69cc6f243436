import asyncio
import itertools
import json
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.triggers.base import TriggerEvent

from hashtag_retrain.operators.prepare import GluePrepareOnceOperator
from include.blazingtext.hyperparameters import HYPERPARAMETERS
from include.config.errors import DataError, NoRows
from include.config.names import Keys
from include.steps.prepare_dataset import prepare_dataset
from tests.aws.test_company import ALL, KEYS
from tests.conftest import IMAGE
from tests.glue_runs import wait_until
from tests.plugins.attempts import Attempt, as_from_the_database, event_of, finish
from tests.tweets.test_prepare import some_rows

_numbers = itertools.count(1)
PARAMS = {
    **{name: hyperparameter.recommended for name, hyperparameter in HYPERPARAMETERS.items()},
    "window_days": 7,
    "training_instance_type": "ml.c5.xlarge",
    "tune": True,
    "tuning_jobs": 2,
}


@pytest.fixture(autouse=True)
def environment(settings, monkeypatch):
    monkeypatch.setenv("RETRAIN_BUCKET", settings.bucket)
    monkeypatch.setenv("RETRAIN_ROLE_ARN", settings.role_arn)
    monkeypatch.setenv("RETRAIN_TRAINING_IMAGE", IMAGE)


def lines(count):
    return "".join(f"{label},{text}\n" for label, text in some_rows(count)).encode()


@pytest.fixture
def work(storage):
    """Arguments of the task, for a hashtag with tweets."""
    hashtag = f"glue{next(_numbers)}"
    keys = Keys("twitter-data", hashtag, "2026-01-05")
    storage.write_bytes(lines(300), f"{keys.tweets}/part-0.csv")
    labels = {"0": "technical", "1": "marketing"}
    return {
        "hashtag": hashtag,
        "date": "2026-01-05",
        "run_name": "run-1",
        "owner": "dag/run-1",
        "preparation": {"labels": labels},
    }


def operator(work, **changes):
    return GluePrepareOnceOperator(task_id="prepare_dataset", arguments={**work, **changes}, check_interval=0.05)


def context(try_number=1, run_type="manual"):
    return {"ti": Attempt(try_number), "params": PARAMS, "dag_run": SimpleNamespace(run_type=run_type)}


def deferred(work, try_number=1, **changes):
    """The trigger of a task that waits."""
    with pytest.raises(TaskDeferred) as deferral:
        operator(work, **changes).execute(context(try_number))
    return as_from_the_database(deferral.value.trigger)


def test_the_result_is_that_of_one_machine(work, glue):
    others = set(glue.list_jobs()["JobNames"])
    found = finish(operator(work), context())

    assert found == prepare_dataset(**work, params=PARAMS, ti=Attempt())
    assert set(glue.list_jobs()["JobNames"]) == others  # deleted, because its outcome is in S3


def test_a_second_task_with_the_same_tweets_needs_no_run(work, glue, storage):
    first = finish(operator(work), context())
    storage.write_bytes(b"", "hold")

    second = operator(work, owner="dag/run-2").execute(context())

    assert second["data_uri"] == first["data_uri"]
    storage._client.delete_object(Bucket=storage.bucket, Key="hold")
    for found in storage.list_objects(storage.key_of(first["data_uri"])):
        storage._client.delete_object(Bucket=storage.bucket, Key=found.key)
    assert finish(operator(work), context()) == first  # prepared anew, because the data are gone


def test_a_retry_and_another_dag_run_join_the_run_and_only_its_owner_stops_it(work, glue, storage):
    storage.write_bytes(b"", "hold")
    first, retry = deferred(work), deferred(work, try_number=2)
    other = deferred(work, owner="dag/run-2", run_name="run-2")
    assert first.run_id == retry.run_id == other.run_id
    wait_until(glue, first.job_name, "RUNNING")

    other.stop()
    assert wait_until(glue, first.job_name, "RUNNING")["Id"] == first.run_id
    retry.stop()

    wait_until(glue, first.job_name, "STOPPED")
    with pytest.raises(AirflowException, match=r"ended as STOPPED. A retry does not start it again"):
        asyncio.run(event_of(first))
    with pytest.raises(AirflowFailException, match=r"To prepare the same again, clear this task"):
        operator(work).execute(context(try_number=2))
    storage._client.delete_object(Bucket=storage.bucket, Key="hold")
    assert finish(operator(work), context())["dates"] == ["2026-01-05"]  # the task was cleared


def test_two_tasks_at_the_same_moment_start_one_run(work, glue, storage, monkeypatch):
    storage.write_bytes(b"", "hold")
    first = deferred(work)
    looks = iter([[]])  # this task looks before the other one has started its run
    monkeypatch.setattr(
        GluePrepareOnceOperator,
        "_runs",
        lambda self, runs=GluePrepareOnceOperator._runs: next(looks, None) or runs(self),
    )

    second = deferred(work, owner="dag/run-2")

    assert second.run_id == first.run_id
    storage._client.delete_object(Bucket=storage.bucket, Key="hold")
    first_result, second_result = (asyncio.run(event_of(trigger))["return_value"] for trigger in (first, second))
    assert first_result["data_uri"] == second_result["data_uri"]


def test_a_worker_that_is_stopped_before_its_task_is_deferred_stops_the_run(work, glue, storage):
    storage.write_bytes(b"", "hold")
    task = operator(work)
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context())

    task.on_kill()

    wait_until(glue, deferral.value.trigger.job_name, "STOPPED")


def test_tweets_that_cannot_be_used_fail_the_task_once_and_its_retry_without_a_run(work, glue, storage):
    key = Keys("twitter-data", work["hashtag"], "2026-01-05").tweets
    storage.write_bytes(b"7,unknown\n" * 50 + lines(60), f"{key}/part-0.csv")
    with pytest.raises(DataError) as expected:
        prepare_dataset(**work, params=PARAMS, ti=Attempt())

    with pytest.raises(AirflowException) as failed:
        finish(operator(work), context())
    storage.write_bytes(b"", "hold")
    with pytest.raises(DataError) as again:
        operator(work).execute(context(try_number=2))

    assert str(expected.value) in str(failed.value)
    assert str(again.value) == str(expected.value)


def test_a_date_without_rows_is_skipped_in_a_backfill_only(work, glue, storage):
    storage.write_bytes(b"\n\n", f"{Keys('twitter-data', work['hashtag'], '2026-01-05').tweets}/part-0.csv")

    for _ in range(2):  # by the trigger, and then by the worker, which finds the outcome
        with pytest.raises(AirflowSkipException, match="no row in the input"):
            finish(operator(work), context(run_type="backfill"))
    with pytest.raises(NoRows, match="no row in the input"):
        finish(operator(work), context())


def test_a_run_that_crashes_is_started_again_by_a_retry(work, glue, storage):
    storage.write_bytes(b"", "crash")
    with pytest.raises(AirflowException, match=r"ended as FAILED: .*ValueError: no space \(log: /aws-glue/jobs/error"):
        finish(operator(work), context())
    storage._client.delete_object(Bucket=storage.bucket, Key="crash")

    assert finish(operator(work), context(try_number=2))["dates"] == ["2026-01-05"]


def test_the_tasks_own_process_ends_it_so_that_its_assets_have_events(work, glue):
    """And Airflow makes an output of each member of the result, as with one machine."""
    trigger = deferred(work)

    async def first():
        return await anext(trigger.run())

    event = asyncio.run(first())

    assert type(event) is TriggerEvent
    result = operator(work).execute(context(), event=event.payload)
    assert set(result) == {"training_request", "tuning_request", "data_uri", "dates", "warnings"}


def test_what_people_see_of_the_job(work, glue, storage):
    storage.write_bytes(b"", "hold")
    trigger = deferred(work)

    job = glue.get_job(JobName=trigger.job_name)["Job"]
    assert trigger.job_name.startswith(f"prepare-{work['hashtag']}-2026-01-05-")
    assert (job["GlueVersion"], job["WorkerType"], job["NumberOfWorkers"], job["Timeout"]) == ("5.1", "G.1X", 5, 240)
    assert job["ExecutionProperty"]["MaxConcurrentRuns"] == 1
    tags = glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:job/{trigger.job_name}")["Tags"]
    assert (tags["retrain:owner"], tags["retrain:deployment"]) == ("dag/run-1", f"{storage.bucket}/twitter-data")
    trigger.stop()


@pytest.fixture
def company(monkeypatch, tmp_path):
    """The company has these rules."""

    def write(**rules):
        (tmp_path / "company.yaml").write_text(json.dumps(rules))
        monkeypatch.setenv("RETRAIN_COMPANY_RULES", str(tmp_path / "company.yaml"))

    return write


def test_a_companys_tags_and_key_are_those_of_the_job_and_of_all_that_it_writes(work, glue, storage, company):
    company(tags=ALL["tags"], kms_keys=KEYS)
    storage.write_bytes(b"", "hold")
    trigger = deferred(work)
    tags = glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:job/{trigger.job_name}")["Tags"]
    storage._client.delete_object(Bucket=storage.bucket, Key="hold")

    asyncio.run(event_of(trigger))

    assert tags["cost-center"] == "1234"
    s3, below = storage._client, f"twitter-data/marketing-model/{work['hashtag']}/"
    written = [s3.head_object(Bucket=storage.bucket, Key=found.key) for found in storage.list_objects(below)]
    assert len(written) > 5
    assert {(found["ServerSideEncryption"], found["SSEKMSKeyId"]) for found in written} == {("aws:kms", KEYS["s3"])}


def test_a_companys_rules_train_and_tune_nothing_again(work, company):
    """They make no other model, so they are no part of the jobs' names."""
    plain = prepare_dataset(**work, params=PARAMS, ti=Attempt())
    company(**ALL)
    ruled = prepare_dataset(**work, params=PARAMS, ti=Attempt())

    for request, name in (("training_request", "TrainingJobName"), ("tuning_request", "HyperParameterTuningJobName")):
        assert ruled[request][name] == plain[request][name]
        assert ruled[request] != plain[request]
    assert ruled["tuning_request"]["TrainingJobDefinition"]["EnableManagedSpotTraining"] is True
    assert {"Key": "cost-center", "Value": "1234"} in ruled["tuning_request"]["Tags"]
