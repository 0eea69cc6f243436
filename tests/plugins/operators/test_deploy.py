import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from include.aws.requests import endpoint_request
from include.config.ownership import DEADLINE, OWNER, PURPOSE, as_tags, ownership_tags
from local_aws.sagemaker.models import SageMakerBackend
from tests.conftest import IMAGE, ROLE_ARN
from tests.plugins.attempts import CONTEXT, WorkerDied, die_around_call, finish
from tests.plugins.endpoints import arns_of, delete_operator, deploy_operator, half_deployed, tags_of


def test_all_three_resources_carry_owner_and_deadline(sagemaker, deployed):
    for arn in arns_of(sagemaker, deployed):
        tags = tags_of(sagemaker, arn)
        assert tags[OWNER] == "dag/run"
        assert datetime.fromisoformat(tags[DEADLINE]) > datetime.now(UTC)


def test_deploying_again_uses_what_is_there_and_keeps_its_deadline(sagemaker, deployed, model_uri):
    before = tags_of(sagemaker, arns_of(sagemaker, deployed)[-1])

    result = finish(deploy_operator(deployed, model_uri, minutes=500))

    assert datetime.fromisoformat(result["deadline"]) == datetime.fromisoformat(before[DEADLINE])


def test_half_a_deployment_is_completed(sagemaker, model_uri, new_name):
    name = new_name()
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    sagemaker.create_model(**request["Model"], Tags=as_tags(ownership_tags("dag/run", "tests", "test")))

    assert finish(deploy_operator(name, model_uri))["endpoint_name"] == name


def test_a_failed_endpoint_of_an_earlier_attempt_is_made_again(sagemaker, model_uri, new_name, client, settings):
    name = new_name()
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


class RunWithStates:
    """A task instance of a run whose tasks have states."""

    dag_id, run_id = "dag", "run"

    def __init__(self, **states):
        self.states = states

    def get_task_states(self, dag_id, task_ids, run_ids):
        assert (dag_id, run_ids) == (self.dag_id, [self.run_id])
        return {self.run_id: {task_id: self.states[task_id] for task_id in task_ids if task_id in self.states}}

    def xcom_push(self, **_):
        """Nobody reads it."""


@pytest.mark.parametrize("state", ["success", "failed", "skipped"])
def test_without_a_task_that_will_delete_it_no_endpoint_is_created(sagemaker, model_uri, new_name, state):
    operator = deploy_operator(new_name(), model_uri, deleted_by="delete")

    words = rf"delete of this run has already ended \({state}\), .+ Clear deploy with its downstream tasks"
    with pytest.raises(AirflowFailException, match=words):
        operator.execute({"ti": RunWithStates(delete=state)})
    assert sagemaker.list_endpoints(NameContains=operator.config["Endpoint"]["EndpointName"])["Endpoints"] == []


@pytest.mark.parametrize("states", [{}, {"delete": None}])
def test_with_a_task_that_has_yet_to_delete_it_an_endpoint_is_created(model_uri, new_name, states):
    operator = deploy_operator(name := new_name(), model_uri, deleted_by="delete")

    assert finish(operator, {"ti": RunWithStates(**states)})["endpoint_name"] == name


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


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_a_worker_dies_a_retry_leads_to_the_same_deployment(model_uri, sagemaker, monkeypatch, when):
    # One poll of the trigger, not several to die in.
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.0001)
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


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "Endpoint"])
def test_a_creation_whose_answer_was_lost_is_no_error(sagemaker, model_uri, new_name, kind):
    """botocore sends the request again, and finds there what its first try has made."""
    name = new_name()
    operator = deploy_operator(name, model_uri)
    tags = as_tags(ownership_tags("dag/run", "tests", "test", datetime.now(UTC) + timedelta(hours=1)))

    def serve_first(**_: Any) -> None:
        method = {"Model": "create_model", "EndpointConfig": "create_endpoint_config", "Endpoint": "create_endpoint"}
        getattr(sagemaker, method[kind])(**operator.config[kind], Tags=tags)

    operator.hook.get_conn().meta.events.register(f"before-call.sagemaker.Create{kind}", serve_first)

    assert finish(operator)["endpoint_name"] == name


def test_what_is_used_again_for_a_new_endpoint_gets_its_deadline(sagemaker, model_uri, new_name):
    name = half_deployed(sagemaker, new_name(), model_uri)
    arns = [
        sagemaker.describe_model(ModelName=name)["ModelArn"],
        sagemaker.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"],
    ]
    for arn in arns:
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": "2020-01-01T00:00:00+00:00"}])

    deadline = finish(deploy_operator(name, model_uri))["deadline"]

    assert {tags_of(sagemaker, arn)[DEADLINE] for arn in arns} == {deadline}
