"""The operators one by one, as Airflow calls them, against the local AWS."""

import asyncio
import itertools
import json
import re
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRuntimeError,
    AirflowSkipException,
    ErrorType,
    TaskDeferred,
)
from airflow.sdk.execution_time import hitl
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.triggers.base import BaseTaskEndEvent, TaskFailedEvent
from botocore.exceptions import ClientError

from hashtag_retrain.operators import hold
from hashtag_retrain.operators.delete import SageMakerDeleteEndpointOperator
from hashtag_retrain.operators.deploy import SageMakerOwnedEndpointOperator
from hashtag_retrain.operators.hold import ASKED_ABOUT, SageMakerHoldEndpointOperator
from hashtag_retrain.operators.invoke import MAX_BODY_BYTES, SageMakerInvokeEndpointOperator
from hashtag_retrain.operators.sweep import SageMakerSweepEndpointsOperator
from hashtag_retrain.operators.train import SageMakerTrainOnceOperator
from hashtag_retrain.operators.tune import SageMakerTuneOnceOperator
from hashtag_retrain.resources import Kind
from hashtag_retrain.triggers import endpoint, job
from hashtag_retrain.triggers.endpoint import DELETE, KEEP, DeadlineTrigger, DeletionTrigger, DeploymentTrigger
from hashtag_retrain.triggers.job import TrainingJobTrigger, TuningJobTrigger
from hashtag_retrain.triggers.polling import ended
from hashtag_retrain.triggers.tweets import TweetsTrigger
from include.blazingtext.hyperparameters import to_request, tuning_ranges
from include.blazingtext.requests import as_tags, endpoint_request, training_request, tuning_request
from include.config.ownership import DEADLINE, DEPLOYMENT, OWNER, PURPOSE, ownership_tags
from include.report.failures import ATTEMPTS, FAILURE
from local_aws.blazingtext.inference import Predictor
from local_aws.sagemaker.models import SageMakerBackend
from tests.aws.test_notify import remember, told
from tests.conftest import ROLE_ARN

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
TRAIN = b"__label__a hello world again\n__label__b good bye then\n" * 40
_numbers = itertools.count(1)


class Attempt(SimpleNamespace):
    """A task instance: by default in its first try of three."""

    def __init__(self, try_number: int = 1, **members: Any):
        super().__init__(**{"id": TASK_INSTANCE, "try_number": try_number, "max_tries": 0, "xcoms": {}, **members})

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


TASK_INSTANCE = str(uuid4())
CONTEXT: Any = {"ti": Attempt()}
RETRY: Any = {"ti": Attempt(try_number=2)}


@pytest.fixture
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture
def request_of(client, settings):
    """CreateTrainingJob requests under one name for the same changes."""
    number = next(_numbers)
    for channel in ("train", "validation"):
        client("s3").put_object(Bucket=settings.bucket, Key=f"{channel}/{channel}.txt", Body=TRAIN)

    def request(**changes: Any) -> dict[str, Any]:
        hyperparameters = to_request({"epochs": 6, "buckets": 100, **changes})
        return training_request(
            job_name=f"operators-{number}",
            image=IMAGE,
            role_arn=ROLE_ARN,
            train_uri=f"s3://{settings.bucket}/train/",
            validation_uri=f"s3://{settings.bucket}/validation/",
            output_uri=f"s3://{settings.bucket}/models",
            instance_type="ml.c5.xlarge",
            hyperparameters=hyperparameters,
            tags={"team": "tweets"},
        )

    return request


async def event_of(trigger: Any) -> Any:
    """
    The first event's payload: of one that ends the task, the result.

    :raises AirflowException: the trigger fails the attempt
    """
    event = await anext(trigger.run())
    if not isinstance(event, BaseTaskEndEvent):
        return event.payload
    return ended(event.payload, CONTEXT)


def finish(operator: Any, context: Any = None) -> Any:
    """Execute, and where the task defers let the trigger end it, as the triggerer does."""
    try:
        return operator.execute(context or CONTEXT)
    except TaskDeferred as deferral:
        trigger = as_from_the_database(deferral.trigger)
        if isinstance(operator, AwsBaseOperator):
            trigger.client = operator.hook.get_conn()  # so that a test can meddle with the trigger's calls, too
        return asyncio.run(event_of(trigger))


def as_from_the_database(trigger: Any) -> Any:
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, fromlist=[name]), name)(**json.loads(json.dumps(arguments)))


def train_operator(request: dict[str, Any]) -> SageMakerTrainOnceOperator:
    return SageMakerTrainOnceOperator(task_id="train", config=request, check_interval=0.05)


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


def test_the_jobs_own_log_is_shown_in_the_tasks_log(request_of, monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(
        TrainingJobTrigger, "log", SimpleNamespace(info=lambda text, *values: shown.append(text % values))
    )

    finish(train_operator(request_of()))

    assert any("#validation_accuracy: 1.0000" in line for line in shown)


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


def stop_job(sagemaker: Any, request: dict[str, Any]) -> None:
    sagemaker.create_training_job(**request)
    sagemaker.stop_training_job(TrainingJobName=request["TrainingJobName"])
    wait_until_stopped(sagemaker, request["TrainingJobName"])


def test_a_job_that_somebody_stopped_is_trained_again_by_a_person_and_not_by_a_retry(request_of, sagemaker):
    request = request_of(epochs=300_000, early_stopping=False)
    stop_job(sagemaker, request)

    with pytest.raises(
        AirflowFailException, match=r"Somebody stopped it.*To train the same once more, clear this task"
    ):
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
    with pytest.raises(AirflowException, match="ran out of its time"):
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

    with pytest.raises(AirflowFailException, match=r"number 9 of the same data.*To try once more, clear this task"):
        train_operator(request_of()).execute(RETRY)
    result = finish(train_operator(request_of()))

    assert result["training_job_name"].endswith("-a10")
    assert len(result[ATTEMPTS]) == 9


def test_a_completed_job_whose_artifact_is_gone_is_trained_again(request_of, client, settings):
    first = finish(train_operator(request_of()))
    client("s3").delete_object(Bucket=settings.bucket, Key=first["model_uri"].split("/", 3)[3])

    assert finish(train_operator(request_of()))["training_job_name"] == f"{first['training_job_name']}-a2"


def test_stopping_a_run_leaves_a_job_alone_that_another_run_has_made(request_of, sagemaker):
    sagemaker.create_training_job(**request_of(epochs=300_000, early_stopping=False))
    name = request_of()["TrainingJobName"]
    joined = train_operator({**request_of(), "Tags": as_tags({"team": "others"})})
    with pytest.raises(TaskDeferred) as deferral:
        joined.execute(CONTEXT)

    asyncio.run(deferral.value.trigger.on_kill())

    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName=name)


def test_a_job_that_fails_for_its_requests_sake_is_not_tried_again(request_of, sagemaker):
    request = request_of(min_count=1000)
    with pytest.raises(AirflowException, match="AlgorithmError: Empty vocabulary"):
        finish(train_operator(request))

    with pytest.raises(AirflowFailException, match="AlgorithmError: Empty vocabulary"):
        train_operator(request).execute(RETRY)
    assert len(sagemaker.list_training_jobs(NameContains=request["TrainingJobName"])["TrainingJobSummaries"]) == 1


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


def tune_operator(request: dict[str, Any], jobs: int = 3) -> SageMakerTuneOnceOperator:
    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    config = tuning_request(
        job_name=request["TrainingJobName"].replace("operators", "tune"),
        training=request,
        ranges=tuning_ranges(),
        max_jobs=jobs,
        max_parallel_jobs=2,
        tags=tags,
    )
    return SageMakerTuneOnceOperator(task_id="tune", config=config, check_interval=0.05)


def test_tuning_finds_the_best_job_once_and_training_takes_it(request_of, sagemaker):
    tuned = finish(tune_operator(request_of()))
    again = finish(tune_operator(request_of()))
    trained = finish(SageMakerTrainOnceOperator(task_id="train", config=request_of(), tuned=tuned))

    assert again == tuned
    assert tuned["training_jobs"] == 3
    assert tuned["reused"] is False
    jobs = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuned["tuning_job_name"]
    )["TrainingJobSummaries"]
    accuracies = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs]
    assert tuned["validation_accuracy"] == max(accuracies)
    billable = [
        sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])["BillableTimeInSeconds"] for job in jobs
    ]
    assert tuned["billable_seconds"] == sum(billable) > 0
    assert trained["training_job_name"] == tuned["training_job_name"]
    assert trained["hyperparameters"].items() >= tuned["hyperparameters"].items()
    assert trained["model_uri"].endswith(f"{tuned['training_job_name']}/output/model.tar.gz")


def test_stopping_a_run_stops_its_tuning_and_all_its_training_jobs(request_of, sagemaker, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)  # so that it is still running
    operator = tune_operator(request_of(), jobs=50)
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)

    asyncio.run(deferral.value.trigger.on_kill())

    name = deferral.value.trigger.name
    with pytest.raises(AirflowException, match="ended as Stopped"):
        asyncio.run(event_of(deferral.value.trigger))
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0


def test_openlineage_learns_the_jobs_channels_and_artifact(request_of, settings, monkeypatch):
    base = SimpleNamespace(OperatorLineage=lambda inputs, outputs: (inputs, outputs))
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", SimpleNamespace(extractors=base))
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", base)
    operator = train_operator(request_of())
    datasets: list[str] = []
    monkeypatch.setattr(operator, "path_to_s3_dataset", datasets.append)

    operator.get_openlineage_facets_on_complete(None)

    where = f"s3://{settings.bucket}"
    name = request_of()["TrainingJobName"]
    assert datasets == [f"{where}/train/", f"{where}/validation/", f"{where}/models/{name}/output/model.tar.gz"]


def test_without_a_request_tuning_is_skipped():
    pushed = {}
    context = {"ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))}

    with pytest.raises(AirflowSkipException, match="tune is off"):
        SageMakerTuneOnceOperator(task_id="tune", config={}).execute(context)
    assert pushed == {"return_value": {}}


HOOK = {"aws_conn_id": "aws_default", "region_name": None}


@pytest.mark.parametrize(
    "trigger",
    [
        TrainingJobTrigger("name", {"a": "b"}, 60, 5, HOOK, [{"name": "x"}]),
        TuningJobTrigger("name", {}, 60, 5, HOOK),
        DeploymentTrigger({"Endpoint": {}}, [{"Key": "a", "Value": "b"}], "2026-01-07T00:00:00Z", 5, HOOK),
        DeadlineTrigger("name", 5, HOOK, asked=TASK_INSTANCE),
        DeletionTrigger({"endpoint": "name"}, {"a": "b"}, "2026-01-07T00:00:00Z", 5, HOOK, ["x"], 1),
        TweetsTrigger("bucket", "folder", True, "2026-01-07T00:00:00Z", 5, HOOK),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_triggers_survive_the_database(trigger):
    path, arguments = trigger.serialize()

    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    assert type(trigger)(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


@pytest.fixture
def model_uri(request_of) -> str:
    return finish(train_operator(request_of()))["model_uri"]


def deploy_operator(name: str, model_uri: str, owner: str = "dag/run", minutes: float = 5, **arguments: Any) -> Any:
    config = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    return SageMakerOwnedEndpointOperator(
        task_id="deploy",
        config=config,
        owner_tag=owner,
        deployment="tests",
        keep_minutes=str(minutes),
        check_interval=0.05,
        **arguments,
    )


@pytest.fixture
def deployed(model_uri) -> str:
    """The name of an endpoint in service, owned by dag/run."""
    name = f"retrain-operators-{next(_numbers)}"
    finish(deploy_operator(name, model_uri))
    return name


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def arns_of(sagemaker: Any, name: str) -> list[str]:
    return [
        sagemaker.describe_model(ModelName=name)["ModelArn"],
        sagemaker.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"],
        sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"],
    ]


def test_all_three_resources_carry_owner_and_deadline(sagemaker, deployed):
    for arn in arns_of(sagemaker, deployed):
        tags = tags_of(sagemaker, arn)
        assert tags[OWNER] == "dag/run"
        assert datetime.fromisoformat(tags[DEADLINE]) > datetime.now(UTC)


def test_deploying_again_uses_what_is_there_and_keeps_its_deadline(sagemaker, deployed, model_uri):
    before = tags_of(sagemaker, arns_of(sagemaker, deployed)[-1])

    result = finish(deploy_operator(deployed, model_uri, minutes=500))

    assert datetime.fromisoformat(result["deadline"]) == datetime.fromisoformat(before[DEADLINE])


def test_half_a_deployment_is_completed(sagemaker, model_uri):
    name = f"retrain-operators-{next(_numbers)}"
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    sagemaker.create_model(**request["Model"], Tags=as_tags(ownership_tags("dag/run", "tests", "test")))

    assert finish(deploy_operator(name, model_uri))["endpoint_name"] == name


def test_a_failed_endpoint_of_an_earlier_attempt_is_made_again(sagemaker, model_uri, client, settings):
    name = f"retrain-operators-{next(_numbers)}"
    s3, key = client("s3"), model_uri.split("/", 3)[3]
    artifact = s3.get_object(Bucket=settings.bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=settings.bucket, Key=key, Body=b"damaged")
    with pytest.raises(AirflowException, match="is Failed: Failed to extract model data archive"):
        finish(deploy_operator(name, model_uri))
    s3.put_object(Bucket=settings.bucket, Key=key, Body=artifact)

    assert finish(deploy_operator(name, model_uri))["endpoint_name"] == name


def test_what_belongs_to_somebody_else_is_neither_used_nor_deleted(sagemaker, deployed, model_uri):
    with pytest.raises(AirflowFailException, match="exists and belongs to dag/run"):
        finish(deploy_operator(deployed, model_uri, owner="other/run"))

    result = finish(delete_operator(deployed, {OWNER: "other/run"}))

    assert result["deleted"] == []
    assert len(result["left_alone"]) == 3
    assert arns_of(sagemaker, deployed)


def test_a_refused_model_is_skipped_with_the_reason(model_uri):
    with pytest.raises(AirflowSkipException, match="not good enough"):
        deploy_operator("x", model_uri, decision={"deploy": False, "reason": "not good enough"}).execute(CONTEXT)


def delete_operator(name: str, required_tags: dict[str, str] | None = None) -> SageMakerDeleteEndpointOperator:
    return SageMakerDeleteEndpointOperator(
        task_id="delete", endpoint_name=name, required_tags=required_tags, check_interval=0.05
    )


def test_deleting_deletes_all_three_and_nothing_the_second_time(sagemaker, deployed):
    assert finish(delete_operator(deployed, {OWNER: "dag/run"}))["deleted"] == [
        f"endpoint {deployed}",
        f"endpoint config {deployed}",
        f"model {deployed}",
    ]
    assert finish(delete_operator(deployed))["deleted"] == []
    assert sagemaker.list_endpoints(NameContains=deployed)["Endpoints"] == []


def test_an_endpoint_in_creation_is_waited_for_and_then_deleted(sagemaker, model_uri, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.01)
    name = f"retrain-operators-{next(_numbers)}"
    with pytest.raises(TaskDeferred):
        deploy_operator(name, model_uri).execute(CONTEXT)

    result = finish(delete_operator(name))

    assert f"endpoint {name}" in result["deleted"]


def test_a_deployment_that_polls_once_more_after_the_deletion_creates_nothing(sagemaker, model_uri, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.01)
    name = f"retrain-operators-{next(_numbers)}"
    with pytest.raises(TaskDeferred) as deferral:
        deploy_operator(name, model_uri).execute(CONTEXT)
    finish(delete_operator(name))

    with pytest.raises(AirflowException, match=f"Endpoint {name} is gone: somebody has deleted it"):
        asyncio.run(event_of(as_from_the_database(deferral.value.trigger)))

    assert sagemaker.list_models(NameContains=name)["Models"] == []


def test_an_endpoint_that_is_created_while_its_configuration_is_deleted_is_deleted_as_well(
    sagemaker, deployed, monkeypatch
):
    """By a worker that is dying, whose request was under way."""
    delete, config = Kind.delete, {"EndpointName": deployed, "EndpointConfigName": deployed}
    tags = as_tags(ownership_tags("dag/run", "tests", "test", datetime.now(UTC) + timedelta(hours=1)))

    def create_first(kind: Kind, client: Any, name: str) -> None:
        if kind.noun == "endpoint config" and not sagemaker.list_endpoints(NameContains=name)["Endpoints"]:
            sagemaker.create_endpoint(**config, Tags=tags)
        delete(kind, client, name)

    monkeypatch.setattr(Kind, "delete", create_first)

    finish(delete_operator(deployed, {OWNER: "dag/run"}))

    assert sagemaker.list_endpoints(NameContains=deployed)["Endpoints"] == []


def test_an_endpoint_that_stays_failed_is_not_deleted_for_ever(sagemaker, deployed, monkeypatch):
    """As an endpoint does whose deletion fails."""
    calls = []
    monkeypatch.setattr(Kind, "delete", lambda kind, client, name: calls.append(name))

    with pytest.raises(
        AirflowException, match=rf"Not deleted, and billed: endpoint {deployed}, ml.m5.large, 0.00 h old"
    ):
        finish(delete_operator(deployed))

    assert calls == [deployed] * 3


def test_an_endpoint_that_cannot_be_deleted_is_named_with_its_type_and_age(deployed, order_fault):
    order_fault(operation="DeleteEndpoint", error="AccessDeniedException", times=None)

    with pytest.raises(AirflowException, match=rf"billed: endpoint {deployed}, ml.m5.large, 0.00 h old .*AccessDenied"):
        finish(delete_operator(deployed))


def hold_operator(name: str, **arguments: Any) -> SageMakerHoldEndpointOperator:
    return SageMakerHoldEndpointOperator(
        task_id="hold", endpoint_name=name, max_minutes=90, check_interval=0.05, **arguments
    )


@pytest.fixture
def asked(monkeypatch) -> list[dict[str, Any]]:
    """What hold_endpoint offers to people; without an Airflow to offer it, so that nobody has answered."""
    questions: list[dict[str, Any]] = []
    monkeypatch.setattr(hold, "upsert_hitl_detail", lambda **question: questions.append(question))
    monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", lambda task_instance: question())
    monkeypatch.setattr(hitl, "update_hitl_detail_response", lambda *answer: closed.append(answer))
    closed.clear()
    return questions


closed: list[Any] = []
"""Questions that the trigger has closed, when the wait was over."""


def question(**answered: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"response_received": bool(answered), "responded_by_user": None, **answered})


class StateStore(dict[str, Any]):
    """As Airflow gives it to a task: what is stored lasts from try to try."""

    set = dict.__setitem__

    def delete(self, key: str) -> None:
        self.pop(key, None)


def running_task(try_number: int = 1, store: StateStore | None = None) -> Any:
    store = StateStore() if store is None else store
    return {"ti": Attempt(try_number), "task_state_store": store}


def move_deadline(sagemaker: Any, name: str, seconds: float) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    tags = [{"Key": DEADLINE, "Value": deadline.isoformat()}]
    sagemaker.add_tags(ResourceArn=arns_of(sagemaker, name)[-1], Tags=tags)


def deadline_of(sagemaker: Any, name: str) -> datetime:
    return datetime.fromisoformat(tags_of(sagemaker, arns_of(sagemaker, name)[-1])[DEADLINE])


def test_holding_lasts_until_the_deadline_that_the_endpoint_carries(sagemaker, deployed, asked):
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(deployed).execute(running_task())
    (question,) = asked
    assert deployed in question["subject"]

    waiting = threading.Timer(0.5, move_deadline, [sagemaker, deployed, -1])
    waiting.start()
    assert asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 30))
    ((asked_of, options, _),) = closed  # nobody can answer a question about an endpoint that is being deleted
    assert (str(asked_of), options) == (TASK_INSTANCE, [DELETE])


def test_what_counts_is_sagemakers_clock_and_not_a_workers_or_a_triggerers(sagemaker, model_uri, asked, monkeypatch):
    def nine_hours_ahead(self, timestamp=None):
        return formatdate(time.time() + 9 * 3600, usegmt=True)

    monkeypatch.setattr("local_aws.server._RequestHandler.date_time_string", nine_hours_ahead)
    name = f"retrain-operators-{next(_numbers)}"
    finish(deploy_operator(name, model_uri, minutes=5))

    assert timedelta(hours=9) < deadline_of(sagemaker, name) - datetime.now(UTC) < timedelta(hours=9, minutes=6)
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(name).execute(running_task())
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 1))
    move_deadline(sagemaker, name, 8 * 3600)
    assert asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 10))
    assert hold_operator(name).execute(running_task())


def answer(option: str, **parameters: Any) -> dict[str, Any]:
    return {"chosen_options": [option], "params_input": parameters, "responded_by_user": {"id": "1", "name": "Ada"}}


def test_a_person_keeps_an_endpoint_longer(sagemaker, deployed, held):
    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))

    left = deadline_of(sagemaker, deployed) - datetime.now(UTC)
    assert timedelta(minutes=79) < left < timedelta(minutes=81)


@pytest.mark.parametrize("minutes", [91, -1, "x", None])
def test_a_person_cannot_keep_an_endpoint_for_ever(sagemaker, deployed, held, minutes):
    before = deadline_of(sagemaker, deployed)

    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=minutes))

    assert deadline_of(sagemaker, deployed) == before


def test_a_person_has_an_endpoint_deleted_at_once_and_a_retry_obeys_too(deployed, held):
    event = answer(DELETE, keep_endpoint_minutes=60)
    assert hold_operator(deployed).execute(running_task(store=held), event=event)

    assert hold_operator(deployed).execute(running_task(try_number=2, store=held))


@pytest.fixture
def held(deployed, asked) -> StateStore:
    """The state of a task whose question has been put."""
    store = StateStore()
    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=store))
    return store


def test_an_answer_that_could_not_be_obeyed_at_once_is_obeyed_by_the_retry(deployed, held, order_fault, answered):
    order_fault(operation="AddTags", error="ThrottlingException")
    impatient = hold_operator(deployed, botocore_config={"retries": {"total_max_attempts": 1}})
    with pytest.raises(ClientError):
        impatient.execute(running_task(store=held), event=answer(DELETE))

    answered(chosen_options=[DELETE], params_input={})
    assert retried(deployed, held)


def retried(name: str, store: StateStore) -> str | None:
    """What comes of the second try, where the trigger finds the answer."""
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(name).execute(running_task(try_number=2, store=store))
    event = asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 10))
    return hold_operator(name).execute(running_task(try_number=2, store=store), event=event)


@pytest.fixture
def answered(monkeypatch):
    """The question has been answered already when the trigger starts."""

    def answer_before(**members: Any) -> None:
        person = SimpleNamespace(id="1", name="Ada")
        questions = {UUID(TASK_INSTANCE): question(responded_by_user=person, **members)}
        monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", questions.__getitem__)
        monkeypatch.setattr(endpoint, "SECONDS_TO_NOTE_A_DEFERRAL", 0)

    return answer_before


def test_an_answer_whose_event_airflow_has_dropped_is_found_by_the_retry(deployed, held, asked, answered):
    """It drops it, and counts a try, where the answer comes while the scheduler has not yet seen the deferral."""
    answered(chosen_options=[DELETE], params_input={})

    assert retried(deployed, held)

    assert len(asked) == 1  # to ask again would have removed the answer


def test_an_answer_about_an_endpoint_is_none_about_the_next_one_of_its_name(
    sagemaker, deployed, model_uri, held, asked
):
    """Airflow keeps a question and its answer when a person clears the tasks."""
    finish(delete_operator(deployed))
    finish(deploy_operator(deployed, model_uri, minutes=5))
    before = deadline_of(sagemaker, deployed)

    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(try_number=2, store=held), event=answer(DELETE))

    assert deadline_of(sagemaker, deployed) == before
    assert len(asked) == 2  # which has removed the answer


def test_an_answer_that_was_obeyed_is_not_obeyed_again_where_the_task_fails_after_that(
    sagemaker, deployed, held, order_fault
):
    operator = hold_operator(deployed, botocore_config={"retries": {"total_max_attempts": 1}})
    operator.hook.get_conn().meta.events.register(
        "after-call.sagemaker.AddTags",
        lambda **_: order_fault(operation="DescribeEndpoint", error="ThrottlingException"),
    )
    with pytest.raises(ClientError):
        operator.execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))

    assert ASKED_ABOUT not in held  # a retry asks anew


def test_an_answer_is_obeyed_once(sagemaker, deployed, held, asked):
    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))
    assert len(asked) == 2

    move_deadline(sagemaker, deployed, -1)  # from outside, after the answer
    assert hold_operator(deployed).execute(running_task(try_number=2, store=held))


def test_where_aws_refuses_to_move_a_deadline_an_endpoint_that_is_to_be_kept_is_kept_until_then(
    sagemaker, deployed, held, asked, order_fault
):
    order_fault(operation="AddTags", error="AccessDeniedException")
    before = deadline_of(sagemaker, deployed)

    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))

    assert deadline_of(sagemaker, deployed) == before
    assert len(asked) == 2


def test_a_trigger_waits_where_nobody_was_asked(deployed, held, monkeypatch):
    def not_found(task_instance: UUID) -> None:
        detail = {"status_code": 404}
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))

    monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", not_found)
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(deployed).execute(running_task(try_number=2, store=held))

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 0.5))


def test_there_is_nothing_to_hold_where_the_endpoint_is_gone():
    assert hold_operator("no-such-endpoint").execute(running_task()) is None


def invoke_operator(name: str, **arguments: Any) -> SageMakerInvokeEndpointOperator:
    payload = {"instances": ["hello world"]}
    return SageMakerInvokeEndpointOperator(task_id="invoke", endpoint_name=name, **{"payload": payload, **arguments})


def test_an_endpoint_is_asked_and_its_answer_checked(deployed):
    seen = []

    def check(answer: bytes, expected: str) -> str:
        seen.append((answer, expected))
        return "checked"

    assert "__label__a" in invoke_operator(deployed).execute(CONTEXT)
    checked = invoke_operator(deployed, response_check=check, response_check_arguments={"expected": "x"})
    assert checked.execute(CONTEXT) == "checked"
    assert b"__label__a" in seen[0][0]


def test_an_answer_slower_than_its_limit_fails(deployed, monkeypatch):
    predict = Predictor._predict

    def slow(*arguments: Any) -> Any:
        time.sleep(0.3)
        return predict(*arguments)

    monkeypatch.setattr(Predictor, "_predict", slow)

    with pytest.raises(AirflowException, match=r"to answer; the limit is 0\.2 s"):
        invoke_operator(deployed, max_latency_seconds=0.2).execute(CONTEXT)


def test_a_payload_that_sagemaker_would_refuse_is_not_sent(deployed):
    with pytest.raises(AirflowFailException, match="SageMaker takes 6,291,456 at most"):
        invoke_operator(deployed, payload="x" * (MAX_BODY_BYTES + 1)).execute(CONTEXT)


def sweep(sagemaker: Any, running: bool = True, **arguments: Any) -> list[dict[str, Any]]:
    """
    :param running: whether Airflow says that runs which own something are still running
    """
    runs = SimpleNamespace(get_dr_count=lambda dag_id, run_ids, states: int(running), log_url="http://airflow/sweep")
    operator = SageMakerSweepEndpointsOperator(
        task_id="sweep", name_contains="retrain-operators", deployment="tests", **arguments
    )
    return operator.execute({"ti": runs})


def names_of(found: list[dict[str, Any]]) -> list[str]:
    return [left["name"] for left in found]


def test_the_sweep_deletes_what_is_overdue_and_nothing_else_and_tells_somebody(
    sagemaker, deployed, model_uri, monkeypatch
):
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")
    told.clear()
    overdue, bystander = (f"retrain-operators-{next(_numbers)}" for _ in range(2))
    finish(deploy_operator(overdue, model_uri, minutes=-1))
    untagged = endpoint_request(
        name=bystander, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    sagemaker.create_model(**untagged["Model"], Tags=[{"Key": DEADLINE, "Value": "2020-01-01T00:00:00+00:00"}])

    # Configuration and model are in use until the endpoint is being deleted.
    assert names_of(sweep(sagemaker, dry_run_only="True")).count(overdue) == 1
    assert arns_of(sagemaker, overdue)
    assert told == []
    assert names_of(sweep(sagemaker, running=False)).count(overdue) == 3
    ((subject, message),) = told
    assert re.fullmatch(r"SageMaker: \d+ left behind by runs, removed by the sweep", subject)
    assert message.count(overdue) == 3
    assert " hours of ml.m5.large." in message
    assert message.endswith("http://airflow/sweep")

    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=overdue, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    assert overdue not in names_of(sweep(sagemaker))
    assert arns_of(sagemaker, deployed)
    assert sagemaker.describe_model(ModelName=bystander)


def test_the_sweep_leaves_configuration_and_model_of_an_endpoint_whose_deadline_was_moved(sagemaker, model_uri):
    name = f"retrain-operators-{next(_numbers)}"
    finish(deploy_operator(name, model_uri, minutes=-1))
    tags = [{"Key": DEADLINE, "Value": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}]
    sagemaker.add_tags(ResourceArn=arns_of(sagemaker, name)[-1], Tags=tags)

    assert name not in names_of(sweep(sagemaker))
    assert arns_of(sagemaker, name)


@pytest.mark.parametrize("deadline", ["2020-01-01T00:00:00", "soon"])
def test_a_deadline_written_by_hand_does_not_stop_the_sweep(sagemaker, model_uri, deadline):
    odd, overdue = (f"retrain-operators-{next(_numbers)}" for _ in range(2))
    finish(deploy_operator(odd, model_uri))
    finish(deploy_operator(overdue, model_uri, minutes=-1))
    for arn in arns_of(sagemaker, odd):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline}])

    if deadline == "soon":
        with pytest.raises(AirflowException, match=f"{odd} .its tag retrain:deadline is not a time: 'soon'"):
            sweep(sagemaker)
        finish(delete_operator(odd))
    else:
        assert odd in names_of(sweep(sagemaker))
    assert sagemaker.list_endpoints(NameContains=overdue, StatusEquals="InService")["Endpoints"] == []


def test_a_run_that_is_a_little_late_is_no_leak(sagemaker, model_uri, monkeypatch):
    """It may be about to delete its endpoint; that the sweep was faster harms nothing."""
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")
    told.clear()
    name = f"retrain-operators-{next(_numbers)}"
    finish(deploy_operator(name, model_uri, minutes=-1))

    assert names_of(sweep(sagemaker)).count(name) == 3
    assert told == []


def test_the_sweep_tells_age_and_cost(sagemaker, model_uri):
    name = f"retrain-operators-{next(_numbers)}"
    finish(deploy_operator(name, model_uri, minutes=-60))

    endpoint, *others = [left for left in sweep(sagemaker, dry_run_only=True) if left["name"] == name]

    assert endpoint["kind"] == "endpoint"
    assert (endpoint["instance_type"], endpoint["instances"]) == ("ml.m5.large", 1)
    assert 0 <= endpoint["age_hours"] < 0.1
    assert 60 <= endpoint["overdue_minutes"] < 66
    assert others == []
    finish(delete_operator(name))


def half_deployed(sagemaker: Any, model_uri: str, deployment: str = "tests") -> str:
    name = f"retrain-operators-{next(_numbers)}"
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    tags = as_tags(ownership_tags("dag/run", deployment, "test", datetime.now(UTC) + timedelta(hours=1)))
    sagemaker.create_model(**request["Model"], Tags=tags)
    sagemaker.create_endpoint_config(**request["EndpointConfig"], Tags=tags)
    return name


def test_the_sweep_deletes_configurations_and_models_of_a_run_that_has_ended_without_an_endpoint(sagemaker, model_uri):
    name = half_deployed(sagemaker, model_uri)

    assert name not in names_of(sweep(sagemaker, running=True))
    found = [left for left in sweep(sagemaker, running=False) if left["name"] == name]

    assert [left["kind"] for left in found] == ["endpoint config", "model"]
    assert {left["why"] for left in found} == {"its run has ended, and it has no endpoint"}
    assert sagemaker.list_models(NameContains=name)["Models"] == []


def test_the_sweep_leaves_an_endpoint_until_its_deadline_although_its_run_has_ended(sagemaker, deployed):
    assert deployed not in names_of(sweep(sagemaker, running=False))
    assert arns_of(sagemaker, deployed)


def test_what_this_airflow_knows_of_runs_says_nothing_of_another_deployments(sagemaker, model_uri):
    name = half_deployed(sagemaker, model_uri, deployment="others")

    assert name not in names_of(sweep(sagemaker, running=False))


def owned(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "Tags": as_tags(ownership_tags("dag/run", "tests", "training"))}


def test_the_sweep_stops_a_training_job_whose_run_has_ended(request_of, sagemaker):
    request = owned(request_of(epochs=300_000, early_stopping=False))
    bystander = request_of(epochs=300_000, early_stopping=False) | {"TrainingJobName": f"b{next(_numbers)}"}
    sagemaker.create_training_job(**request)
    sagemaker.create_training_job(**bystander)

    assert request["TrainingJobName"] not in names_of(sweep(sagemaker, running=True))
    (found,) = [left for left in sweep(sagemaker, running=False) if left["name"] == request["TrainingJobName"]]

    assert found["why"] == "its run has ended"
    assert found["instance_type"] == "ml.c5.xlarge"
    wait_until_stopped(sagemaker, request["TrainingJobName"])
    untouched = sagemaker.describe_training_job(TrainingJobName=bystander["TrainingJobName"])
    assert untouched["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName=bystander["TrainingJobName"])


def test_the_sweep_stops_a_tuning_job_whose_run_has_ended(request_of, sagemaker, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)  # so that it is still running
    operator = tune_operator(owned(request_of()), jobs=50)
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)

    assert deferral.value.trigger.name in names_of(sweep(sagemaker, running=False))

    with pytest.raises(AirflowException, match="ended as Stopped"):
        asyncio.run(event_of(deferral.value.trigger))


def wait_until_stopped(sagemaker: Any, name: str) -> None:
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"


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


def test_a_job_that_takes_too_long_is_stopped(request_of, sagemaker):
    with pytest.raises(TaskDeferred) as deferral:
        train_operator(request_of(epochs=300_000, early_stopping=False)).execute(CONTEXT)
    trigger = deferral.value.trigger
    assert trigger.max_seconds == 2 * 3600  # MaxRuntimeInSeconds and an hour
    trigger.max_seconds = 1

    with pytest.raises(AirflowException, match="has not ended within 0:00:01"):
        asyncio.run(event_of(trigger))

    wait_until_stopped(sagemaker, trigger.name)
    with pytest.raises(AirflowFailException, match=r"because it took too long. To train the same once more, clear"):
        train_operator(request_of()).execute(RETRY)


@pytest.mark.parametrize(
    ("team", "words"),
    [
        ("others", "of another run has used the same data, code and settings: {} billable seconds are saved"),
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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"instance_type": "ml.m5.xlarge"},
            r"ProductionVariants\[0\].InstanceType is 'ml.m5.large', not 'ml.m5.xlarge'",
        ),
        ({"model_uri": "s3://other/model.tar.gz"}, "PrimaryContainer.ModelDataUrl is"),
        ({"role_arn": ROLE_ARN + "2"}, "ExecutionRoleArn is"),
    ],
)
def test_what_is_there_with_other_content_is_an_error(deployed, model_uri, change, words):
    operator = deploy_operator(deployed, model_uri)
    request = {
        "name": deployed,
        "image": IMAGE,
        "role_arn": ROLE_ARN,
        "model_uri": model_uri,
        "instance_type": "ml.m5.large",
    }
    operator.config = endpoint_request(**{**request, **change})

    with pytest.raises(AirflowFailException, match=words):
        operator.execute(CONTEXT)


class WorkerDied(BaseException):
    """As a kill -9 would end it, with no chance to clean up."""


def die_around_call(operator: Any, number: int, when: str) -> None:
    """Let the worker die before or after its so-manieth call of SageMaker."""
    calls = itertools.count(1)

    def maybe_die(**_: Any) -> None:
        if next(calls) == number:
            raise WorkerDied

    operator.hook.get_conn().meta.events.register(f"{when}-call.sagemaker", maybe_die)


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_a_worker_dies_a_retry_leads_to_the_same_one_job(request_of, sagemaker, when):
    for number in itertools.count(1):
        request = request_of(epochs=6 + number) | {"TrainingJobName": f"operators-dies-{when}-{number}"}
        operator = train_operator(request)
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


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_a_worker_dies_a_retry_leads_to_the_same_deployment(model_uri, sagemaker, when):
    for number in itertools.count(1):
        name = f"retrain-operators-dies-{when}-{number}"
        operator = deploy_operator(name, model_uri)
        die_around_call(operator, number, when)
        try:
            finish(operator)
        except WorkerDied:
            assert finish(deploy_operator(name, model_uri))["endpoint_name"] == name
        else:
            break
        for arn in arns_of(sagemaker, name):
            assert {OWNER, DEADLINE, PURPOSE} <= set(tags_of(sagemaker, arn))
    assert number > 7


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_a_worker_dies_a_retry_deletes_what_is_left(model_uri, sagemaker, when):
    for number in itertools.count(1):
        name = f"retrain-operators-deletes-{when}-{number}"
        finish(deploy_operator(name, model_uri))
        operator = delete_operator(name, {OWNER: "dag/run"})
        die_around_call(operator, number, when)
        try:
            finish(operator)
        except WorkerDied:
            finish(delete_operator(name, {OWNER: "dag/run"}))
        else:
            break
        assert sagemaker.list_models(NameContains=name)["Models"] == []
        assert sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"] == []
    assert number > 6


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "Endpoint"])
def test_a_creation_whose_answer_was_lost_is_no_error(sagemaker, model_uri, kind):
    """botocore sends the request again, and finds there what its first try has made."""
    name = f"retrain-operators-{next(_numbers)}"
    operator = deploy_operator(name, model_uri)
    tags = as_tags(ownership_tags("dag/run", "tests", "test", datetime.now(UTC) + timedelta(hours=1)))

    def serve_first(**_: Any) -> None:
        method = {"Model": "create_model", "EndpointConfig": "create_endpoint_config", "Endpoint": "create_endpoint"}
        getattr(sagemaker, method[kind])(**operator.config[kind], Tags=tags)

    operator.hook.get_conn().meta.events.register(f"before-call.sagemaker.Create{kind}", serve_first)

    assert finish(operator)["endpoint_name"] == name


def test_what_is_used_again_for_a_new_endpoint_gets_its_deadline(sagemaker, model_uri):
    name = half_deployed(sagemaker, model_uri)
    arns = [
        sagemaker.describe_model(ModelName=name)["ModelArn"],
        sagemaker.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"],
    ]
    for arn in arns:
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": "2020-01-01T00:00:00+00:00"}])

    deadline = finish(deploy_operator(name, model_uri))["deadline"]

    assert {tags_of(sagemaker, arn)[DEADLINE] for arn in arns} == {deadline}


def test_an_endpoint_that_has_lost_its_deadline_goes_with_its_run(sagemaker, deployed):
    sagemaker.delete_tags(ResourceArn=arns_of(sagemaker, deployed)[-1], TagKeys=[DEADLINE])

    assert deployed not in names_of(sweep(sagemaker, running=True))
    (endpoint, *_) = [left for left in sweep(sagemaker, running=False) if left["name"] == deployed]
    assert endpoint["why"] == "its run has ended, and it has lost its tag retrain:deadline"


def test_an_endpoint_that_has_lost_its_deadline_and_whose_run_is_not_known_is_told_of(sagemaker, deployed):
    arn = arns_of(sagemaker, deployed)[-1]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=[DEADLINE])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEPLOYMENT, "Value": "others"}])

    with pytest.raises(AirflowException, match=f"{deployed} .it has lost its tag retrain:deadline"):
        sweep(sagemaker)
    finish(delete_operator(deployed))


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
        job.RuntimeTaskInstance, "get_task_states", lambda **_: {"run": {"train": state}} if state else {}
    )

    asyncio.run(trigger.on_kill())

    if status == "Stopped":
        wait_until_stopped(sagemaker, name)
    else:
        assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
        sagemaker.stop_training_job(TrainingJobName=name)
