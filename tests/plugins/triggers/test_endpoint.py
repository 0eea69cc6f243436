import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from hashtag_retrain.resources import Kind
from include.blazingtext.requests import as_tags
from include.config.ownership import OWNER, ownership_tags
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
