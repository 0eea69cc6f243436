"""What the rounds see of the local AWS, and what they leave there for the product to let alone."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import botocore.waiter
import pytest
import requests
from botocore.exceptions import ClientError

from chaos.clients import PRINCIPAL, Clients
from chaos.plan import Plan
from include.aws.requests import training_request, tuning_request
from include.blazingtext.hyperparameters import to_request
from include.config.ownership import DEADLINE, OWNER, tag_values
from include.samples import DATES
from tests.conftest import IMAGE, ROLE_ARN, TRAIN

PLAN = Plan(4712, "aws", {"date": "2011-06-03", "buckets": 5712}, False, ())


@pytest.fixture
def clients(settings, local_aws):
    return Clients(settings, local_aws.url, airflow_url="http://127.0.0.1:1")


def test_another_teams_endpoint_is_there_without_an_owner_and_can_be_deleted(clients, monkeypatch):
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 20)))
    clients.prepare()
    clients.create_foreign_endpoint("clients-foreign")

    found = clients.resources("clients-foreign")
    assert list(found) == ["endpoint", "endpoint config", "model"]
    assert found["endpoint"]["EndpointStatus"] == "InService"
    assert {clients.deadline_of(resource) for resource in found.values()} == {datetime(2020, 1, 1, tzinfo=UTC)}
    for kind, member in (("endpoint", "EndpointArn"), ("endpoint config", "EndpointConfigArn"), ("model", "ModelArn")):
        tags = tag_values(clients.sagemaker.list_tags(ResourceArn=found[kind][member])["Tags"])
        assert OWNER not in tags
    uploaded = clients.s3.list_objects_v2(Bucket=clients.settings.bucket, Prefix=f"{clients.settings.prefix}/hashtags/")
    assert any(DATES[-1] in one["Key"] for one in uploaded["Contents"])

    clients.sagemaker.delete_endpoint_config(EndpointConfigName="clients-foreign")
    clients.delete("clients-foreign")
    limit = time.monotonic() + 10
    while clients.resources("clients-foreign") and time.monotonic() < limit:
        time.sleep(0.05)
    assert clients.resources("clients-foreign") == {}


def test_what_aws_does_not_tell_does_not_count_as_gone(clients, order_fault):
    order_fault(operation="sagemaker:DescribeEndpointConfig", error="ResourceLimitExceeded")

    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        clients.resources("clients-nobody")


def create_model(client, name, **tags):
    tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
    container = {"Image": IMAGE}
    model = client.create_model(ModelName=name, ExecutionRoleArn=ROLE_ARN, PrimaryContainer=container, Tags=tagged)
    return model["ModelArn"]


@pytest.mark.parametrize(
    ("tags", "deadline"),
    [
        ({DEADLINE: "2026-01-07T12:00:00+01:00"}, datetime(2026, 1, 7, 11, tzinfo=UTC)),
        ({"another": "tag"}, datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_resource_without_a_deadline_is_past_it(clients, tags, deadline):
    create_model(clients.sagemaker, "clients-deadline", **tags)

    assert clients.deadline_of(clients.resources("clients-deadline")["model"]) == deadline
    clients.delete("clients-deadline")


def test_calls_are_found_by_name_and_arn_with_the_one_who_made_them(clients, local_aws):
    for number in ("1", "11"):
        arn = create_model(clients.sagemaker, f"clients-calls-{number}")
    theirs = boto3.client("sagemaker", endpoint_url=local_aws.url)
    theirs.add_tags(ResourceArn=arn.removesuffix("1"), Tags=[{"Key": "whose", "Value": "ours"}])

    calls = clients.calls_for("clients-calls-1")

    assert [(call["operation"], call["principal"] == PRINCIPAL, call["outcome"]) for call in calls] == [
        ("CreateModel", True, "ok"),
        ("AddTags", False, "ok"),
    ]
    assert clients.calls_for("clients-calls-nobody") == []
    for number in ("1", "11"):
        clients.delete(f"clients-calls-{number}")


def test_a_fault_is_withdrawn_by_its_address_and_all_of_them_at_once(clients, local_aws):
    first, second, _ = [
        clients.order_fault({"operation": "ListModels", "name": f"clients-{number}", "error": "ThrottlingException"})
        for number in (1, 2, 3)
    ]

    def ordered():
        names = [fault["name"] or "" for fault in requests.get(f"{local_aws.url}/_local/faults", timeout=5).json()]
        return [name for name in names if name.startswith("clients-")]

    assert requests.delete(second, timeout=5).ok
    assert ordered() == ["clients-1", "clients-3"]
    clients.withdraw_faults()
    assert ordered() == []
    assert requests.delete(first, timeout=5).status_code == 404
    with pytest.raises(requests.HTTPError):
        clients.order_fault({"operation": "ListModels", "eror": "x"})


def request_of(clients, name, buckets):
    place = f"s3://{clients.settings.bucket}"
    for channel in ("train", "validation"):
        clients.s3.put_object(Bucket=clients.settings.bucket, Key=f"{channel}/{channel}.txt", Body=TRAIN)
    return training_request(
        job_name=name,
        image=IMAGE,
        role_arn=ROLE_ARN,
        train_uri=f"{place}/train/",
        validation_uri=f"{place}/validation/",
        output_uri=place,
        instance_type="ml.c5.xlarge",
        hyperparameters=to_request({"epochs": 5, "buckets": buckets, "early_stopping": False}),
        tags={},
    )


def test_jobs_belong_to_a_round_by_its_fingerprint_and_those_of_a_tuning_only_if_it_tunes(clients):
    own = PLAN.parameters["buckets"]
    for name, buckets in (
        ("retrain-aws-2011-06-03-clients", own),
        ("retrain-aws-2011-06-03-clients-other", own + 1),
        ("retrain-aws-2011-06-04-clients-day", own),
        ("tune-aws-clients-001", own),
    ):
        clients.sagemaker.create_training_job(**request_of(clients, name, buckets))

    def names(plan):
        return [job["TrainingJobName"] for job in clients.training_jobs(plan)]

    assert names(PLAN) == ["retrain-aws-2011-06-03-clients"]
    tuning = replace(PLAN, parameters={**PLAN.parameters, "tune": True})
    assert names(tuning) == ["retrain-aws-2011-06-03-clients", "tune-aws-clients-001"]
    assert names(replace(tuning, hashtag="azure")) == []


def test_tuning_jobs_belong_to_a_round_by_its_fingerprint(clients):
    for name, buckets in (("tune-aws-clients-own", 5712), ("tune-aws-clients-other", 5713)):
        request = tuning_request(
            job_name=name,
            training=request_of(clients, name, buckets),
            metric="validation:accuracy",
            ranges={"IntegerParameterRanges": [{"Name": "epochs", "MinValue": "5", "MaxValue": "9"}]},
            max_jobs=1,
            max_parallel_jobs=1,
            tags={},
        )
        clients.sagemaker.create_hyper_parameter_tuning_job(**request)

    found = clients.tuning_jobs(PLAN)

    assert [job["HyperParameterTuningJobName"] for job in found] == ["tune-aws-clients-own"]


def test_an_object_of_the_deployment_is_read_as_json(clients):
    clients.s3.put_object(Bucket=clients.settings.bucket, Key="clients.json", Body='{"a": ["ü"]}'.encode())

    assert clients.read_json("clients.json") == {"a": ["ü"]}
