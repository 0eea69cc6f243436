import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from hashtag_retrain.triggers import polling
from hashtag_retrain.triggers.endpoint import DeadlineTrigger
from include.aws.resources import ENDPOINT, Kind
from include.config.ownership import DEADLINE, OWNER, as_tags, ownership_tags
from include.results import CURRENT_DEADLINE
from local_aws.sagemaker.models import SageMakerBackend
from tests.plugins.attempts import CONTEXT, as_from_the_database, event_of, finish
from tests.plugins.endpoints import delete_operator, deploy_operator


def test_a_deployment_that_polls_once_more_after_the_deletion_creates_nothing(
    sagemaker, model_uri, new_name, monkeypatch
):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.01)
    name = new_name()
    with pytest.raises(TaskDeferred) as deferral:
        deploy_operator(name, model_uri).execute(CONTEXT)
    finish(delete_operator(name))

    with pytest.raises(AirflowException, match=f"Endpoint {name} does not exist any more: somebody has deleted it"):
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


@pytest.fixture
def stored(monkeypatch) -> list[Any]:
    """The XComs that a trigger has stored. There is no triggerer here, whose supervisor would send them to Airflow."""
    found: list[Any] = []
    monkeypatch.setattr(polling.XCom, "set", lambda key, value, **where: found.append((key, value, where["task_id"])))
    return found


@pytest.fixture
def waiting(deployed) -> DeadlineTrigger:
    """For the deployed endpoint, as a triggerer runs it."""
    trigger = DeadlineTrigger(deployed, 0.1, {"aws_conn_id": "aws_default"})
    trigger.task_instance = SimpleNamespace(dag_id="dag", task_id="hold_endpoint", run_id="run", map_index=-1)
    return trigger


def test_a_deadline_that_somebody_moves_is_stored_once(sagemaker, deployed, waiting, stored):
    for deadline in ("2099-01-01T00:00:00+00:00", "2099-01-02T00:00:00"):
        arn = ENDPOINT.describe(sagemaker, deployed)["EndpointArn"]
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline}])
        assert waiting.poll() is None
        assert waiting.poll() is None

    assert stored == [
        (CURRENT_DEADLINE, "2099-01-01T00:00:00+00:00", "hold_endpoint"),
        (CURRENT_DEADLINE, "2099-01-02T00:00:00+00:00", "hold_endpoint"),
    ]


def test_an_endpoint_is_kept_even_if_its_deadline_cannot_be_stored(waiting, stored, monkeypatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("Airflow does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(polling.XCom, "set", refuse)
        assert waiting.poll() is None
    assert stored == []

    assert waiting.poll() is None

    assert len(stored) == 1, "at the next poll"
