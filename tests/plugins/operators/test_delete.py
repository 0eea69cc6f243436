import asyncio
import itertools

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from include.config.ownership import OWNER
from local_aws.sagemaker.models import SageMakerBackend
from tests.plugins.attempts import CONTEXT, WorkerDied, as_from_the_database, die_around_call, event_of, finish
from tests.plugins.endpoints import delete_operator, deploy_operator


def test_deleting_deletes_all_three_and_nothing_the_second_time(sagemaker, deployed):
    assert finish(delete_operator(deployed, {OWNER: "dag/run"}))["deleted"] == [
        f"endpoint {deployed}",
        f"endpoint config {deployed}",
        f"model {deployed}",
    ]
    assert finish(delete_operator(deployed))["deleted"] == []
    assert sagemaker.list_endpoints(NameContains=deployed)["Endpoints"] == []


def test_an_endpoint_in_creation_is_waited_for_and_then_deleted(sagemaker, model_uri, new_name, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.01)
    name = new_name()
    with pytest.raises(TaskDeferred):
        deploy_operator(name, model_uri).execute(CONTEXT)

    result = finish(delete_operator(name))

    assert f"endpoint {name}" in result["deleted"]


def test_a_deletion_is_waited_for_without_a_trigger(deployed):
    # A trigger that ends a task makes Airflow parse the whole DAG file twice.
    result = delete_operator(deployed).execute(CONTEXT)

    assert f"endpoint {deployed}" in result["deleted"]


def test_a_deletion_that_takes_longer_than_usual_is_left_to_a_trigger(deployed, monkeypatch):
    with monkeypatch.context() as slow:
        slow.setattr(SageMakerBackend.services.pace, "factor", 0.1)
        with pytest.raises(TaskDeferred) as deferral:
            delete_operator(deployed, seconds_before_deferral=0.2).execute(CONTEXT)

    trigger = as_from_the_database(deferral.value.trigger)
    assert f"endpoint {deployed}" in asyncio.run(event_of(trigger))["deleted"]


def test_an_endpoint_that_cannot_be_deleted_is_named_with_its_type_and_age(deployed, order_fault):
    order_fault(operation="DeleteEndpoint", error="AccessDeniedException", times=None)

    with pytest.raises(AirflowException, match=rf"billed: endpoint {deployed}, ml.m5.large, 0.00 h old .*AccessDenied"):
        finish(delete_operator(deployed))


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_a_worker_dies_a_retry_deletes_what_is_left(model_uri, sagemaker, monkeypatch, when):
    # One poll of the trigger, not several to die in.
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.0001)
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
