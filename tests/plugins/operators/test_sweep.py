import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from hashtag_retrain.operators.sweep import SageMakerSweepEndpointsOperator
from include.aws.requests import endpoint_request
from include.config.ownership import DEADLINE, DEPLOYMENT, as_tags, ownership_tags
from local_aws.sagemaker.models import SageMakerBackend
from tests.aws.test_notify import remember, told
from tests.conftest import IMAGE, ROLE_ARN
from tests.plugins.attempts import CONTEXT, event_of, finish
from tests.plugins.endpoints import arns_of, delete_operator, deploy_operator, half_deployed
from tests.plugins.jobs import tune_operator, wait_until_stopped


@pytest.fixture
def sweep(local_aws, prefix) -> Callable[..., list[dict[str, Any]]]:
    """
    Looks at this test's endpoints alone.

    :param running: whether Airflow says that runs which own something are still running
    """

    def run(running: bool = True, **arguments: Any) -> list[dict[str, Any]]:
        runs = SimpleNamespace(
            get_dr_count=lambda dag_id, run_ids, states: int(running), log_url="http://airflow/sweep"
        )
        operator = SageMakerSweepEndpointsOperator(
            task_id="sweep", name_contains=prefix, deployment="tests", **arguments
        )
        return operator.execute({"ti": runs})

    return run


def names_of(found: list[dict[str, Any]]) -> list[str]:
    return [left["name"] for left in found]


def test_the_sweep_deletes_what_is_overdue_and_nothing_else_and_tells_somebody(
    sweep, sagemaker, deployed, model_uri, new_name, monkeypatch
):
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")
    told.clear()
    overdue, bystander = (new_name() for _ in range(2))
    finish(deploy_operator(overdue, model_uri, minutes=-1))
    untagged = endpoint_request(
        name=bystander, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    sagemaker.create_model(**untagged["Model"], Tags=[{"Key": DEADLINE, "Value": "2020-01-01T00:00:00+00:00"}])

    # Configuration and model are in use until the endpoint is being deleted.
    assert names_of(sweep(dry_run_only="True")).count(overdue) == 1
    assert arns_of(sagemaker, overdue)
    assert told == []
    assert names_of(sweep(running=False)).count(overdue) == 3
    ((subject, message),) = told
    assert re.fullmatch(r"SageMaker: \d+ left behind by runs, removed by the sweep", subject)
    assert message.count(overdue) == 3
    assert " hours of ml.m5.large." in message
    assert message.endswith("http://airflow/sweep")

    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=overdue, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    assert overdue not in names_of(sweep())
    assert arns_of(sagemaker, deployed)
    assert sagemaker.describe_model(ModelName=bystander)


def test_the_sweep_leaves_configuration_and_model_of_an_endpoint_whose_deadline_was_moved(
    sweep, sagemaker, model_uri, new_name
):
    name = new_name()
    finish(deploy_operator(name, model_uri, minutes=-1))
    tags = [{"Key": DEADLINE, "Value": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}]
    sagemaker.add_tags(ResourceArn=arns_of(sagemaker, name)[-1], Tags=tags)

    assert name not in names_of(sweep())
    assert arns_of(sagemaker, name)


@pytest.mark.parametrize("deadline", ["2020-01-01T00:00:00", "soon"])
def test_a_deadline_written_by_hand_does_not_stop_the_sweep(sweep, sagemaker, model_uri, new_name, deadline):
    odd, overdue = (new_name() for _ in range(2))
    finish(deploy_operator(odd, model_uri))
    finish(deploy_operator(overdue, model_uri, minutes=-1))
    for arn in arns_of(sagemaker, odd):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline}])

    if deadline == "soon":
        with pytest.raises(AirflowException, match=f"{odd} .its tag retrain:deadline is not a time: 'soon'"):
            sweep()
        finish(delete_operator(odd))
    else:
        assert odd in names_of(sweep())
    assert sagemaker.list_endpoints(NameContains=overdue, StatusEquals="InService")["Endpoints"] == []


def test_a_run_that_is_a_little_late_is_no_leak(sweep, sagemaker, model_uri, new_name, monkeypatch):
    """It may be about to delete its endpoint; that the sweep was faster harms nothing."""
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")
    told.clear()
    name = new_name()
    finish(deploy_operator(name, model_uri, minutes=-1))

    assert names_of(sweep()).count(name) == 3
    assert told == []


def test_the_sweep_tells_age_and_cost(sweep, sagemaker, model_uri, new_name):
    name = new_name()
    finish(deploy_operator(name, model_uri, minutes=-60))

    endpoint, *others = [left for left in sweep(dry_run_only=True) if left["name"] == name]

    assert endpoint["kind"] == "endpoint"
    assert (endpoint["instance_type"], endpoint["instances"]) == ("ml.m5.large", 1)
    assert 0 <= endpoint["age_hours"] < 0.1
    assert 60 <= endpoint["overdue_minutes"] < 66
    assert others == []
    finish(delete_operator(name))


def test_the_sweep_deletes_configurations_and_models_of_a_run_that_has_ended_without_an_endpoint(
    sweep, sagemaker, model_uri, new_name
):
    name = half_deployed(sagemaker, new_name(), model_uri)

    assert name not in names_of(sweep(running=True))
    found = [left for left in sweep(running=False) if left["name"] == name]

    assert [left["kind"] for left in found] == ["endpoint config", "model"]
    assert {left["why"] for left in found} == {"its run has ended, and it has no endpoint"}
    assert sagemaker.list_models(NameContains=name)["Models"] == []


def test_the_sweep_leaves_an_endpoint_until_its_deadline_although_its_run_has_ended(sweep, sagemaker, deployed):
    assert deployed not in names_of(sweep(running=False))
    assert arns_of(sagemaker, deployed)


def test_what_this_airflow_knows_of_runs_says_nothing_of_another_deployments(sweep, sagemaker, model_uri, new_name):
    name = half_deployed(sagemaker, new_name(), model_uri, deployment="others")

    assert name not in names_of(sweep(running=False))


def owned(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "Tags": as_tags(ownership_tags("dag/run", "tests", "training"))}


def test_the_sweep_stops_a_training_job_whose_run_has_ended(sweep, request_of, new_name, sagemaker):
    request = owned(request_of(epochs=300_000, early_stopping=False))
    bystander = request_of(epochs=300_000, early_stopping=False) | {"TrainingJobName": new_name()}
    sagemaker.create_training_job(**request)
    sagemaker.create_training_job(**bystander)

    assert request["TrainingJobName"] not in names_of(sweep(running=True))
    (found,) = [left for left in sweep(running=False) if left["name"] == request["TrainingJobName"]]

    assert found["why"] == "its run has ended"
    assert found["instance_type"] == "ml.c5.xlarge"
    wait_until_stopped(sagemaker, request["TrainingJobName"])
    untouched = sagemaker.describe_training_job(TrainingJobName=bystander["TrainingJobName"])
    assert untouched["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName=bystander["TrainingJobName"])


def test_the_sweep_stops_a_tuning_job_whose_run_has_ended(sweep, request_of, sagemaker, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)  # so that it is still running
    operator = tune_operator(owned(request_of()), jobs=50)
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)

    assert deferral.value.trigger.name in names_of(sweep(running=False))

    with pytest.raises(AirflowException, match="ended as Stopped"):
        asyncio.run(event_of(deferral.value.trigger))


def test_an_endpoint_that_has_lost_its_deadline_goes_with_its_run(sweep, sagemaker, deployed):
    sagemaker.delete_tags(ResourceArn=arns_of(sagemaker, deployed)[-1], TagKeys=[DEADLINE])

    assert deployed not in names_of(sweep(running=True))
    (endpoint, *_) = [left for left in sweep(running=False) if left["name"] == deployed]
    assert endpoint["why"] == "its run has ended, and it has lost its tag retrain:deadline"


def test_an_endpoint_that_has_lost_its_deadline_and_whose_run_is_not_known_is_told_of(sweep, sagemaker, deployed):
    arn = arns_of(sagemaker, deployed)[-1]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=[DEADLINE])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEPLOYMENT, "Value": "others"}])

    with pytest.raises(AirflowException, match=f"{deployed} .it has lost its tag retrain:deadline"):
        sweep()
    finish(delete_operator(deployed))
