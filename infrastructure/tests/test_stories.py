"""
The policies allow every call of whole stories, and nothing that none of them calls: from the local AWS's request log.
"""

import asyncio
import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import boto3
import pytest
import requests
from airflow.providers.amazon.aws.triggers.sqs import SqsSensorTrigger
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from hashtag_retrain.live import OFF, SERVE
from include.classifier import Classifier
from include.config.errors import ConfigurationError
from include.config.names import live_endpoint_name, model_package_group
from include.config.settings import Settings
from infrastructure.tests.test_denials import run_other_dag
from tests.dags.runs import tweets
from tests.users import FOR_AIRFLOW, User, make_user, permissions_in

DATE, NEXT_DATE = "2026-01-07", "2026-01-08"
BY_AWS_ITSELF = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "cloudwatch:PutMetricData",
    "cloudwatch:DescribeAlarms",
}
"""
What SageMaker does with its role on AWS, and the local AWS as itself:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""


@pytest.fixture
def used(local_aws: Any) -> Any:
    """The permissions that an access key has used since the test began, without those that were refused."""

    def read(principal: str) -> set[str]:
        lines = requests.get(f"{local_aws.url}/_local/requests?principal={principal}", timeout=30).text.splitlines()
        entries = [json.loads(line) for line in lines]
        assert not [entry for entry in entries if entry["outcome"].startswith("AccessDenied")]
        return {permission.split()[0] for entry in entries for permission in entry.get("permissions", ())}

    return read


@pytest.fixture
def topic(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = client("sns").create_topic(Name="retrain-notices")["TopicArn"]
    monkeypatch.setenv("RETRAIN_NOTIFY_TOPIC_ARN", arn)


def test_airflow_may_do_what_its_stories_need_and_nothing_else(
    topic, live, run_dag, upload, order_fault, airflow_user, used, client, settings, storage, local_aws
):
    """Deploy, tune, refuse, fail and clean up, promote, roll back, serve a version, turn off, sweep."""
    upload(tweets(600), DATE, live)
    first = run_dag(DATE, live, tune=True, tuning_jobs=2)
    refused = run_dag(DATE, live, deploy="never", epochs=11)
    upload(tweets(600), NEXT_DATE, live)
    order_fault(model="*-live-v3-*", error="500", message="out of memory", times=None)
    rolled_back = run_dag(NEXT_DATE, live)
    order_fault(operation="CreateEndpoint", error="ValidationException", times=None)
    failed = run_dag(NEXT_DATE, live, deploy="always", epochs=12)

    assert [run.state for run in (first, refused, rolled_back, failed)] == ["success", "success", "success", "failed"]
    assert rolled_back.report["promotion"]["status"] == "rolled back"
    requests.delete(f"{local_aws.url}/_local/faults", timeout=5)
    assert run_other_dag("live_endpoint", airflow_user, hashtag=live, action=SERVE, version=1)[0] == "success"
    assert run_other_dag("live_endpoint", airflow_user, hashtag=live, action=OFF)[0] == "success"
    assert run_other_dag("sweep_endpoints", airflow_user, dry_run=True)[0] == "success"
    receive_tweets(client, airflow_user, settings)
    upload_in_parts_that_fails(airflow_user, storage, order_fault)

    allowed = {action for name in ("airflow", "airflow_live") for action in permissions_in(name)}
    assert used(airflow_user.access_key) == allowed


def receive_tweets(client: Any, user: Any, settings: Settings) -> None:
    """As Airflow's trigger does."""
    queue = client("sqs").create_queue(QueueName=f"retrain-{settings.bucket}")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    with user.signs():
        events = SqsSensorTrigger(queue, max_messages=10, waiter_delay=1).run()
        assert asyncio.run(asyncio.wait_for(anext(events), 20)).payload["message_batch"]


def upload_in_parts_that_fails(user: User, storage: Any, order_fault: Any) -> None:
    order_fault(operation="UploadPart", error="InvalidRequest", times=None)
    s3 = client_of(user, "s3")
    body, parts = BytesIO(bytes(6 * 2**20)), TransferConfig(multipart_threshold=2**20)
    with pytest.raises(ClientError, match="UploadPart"):
        s3.upload_fileobj(body, storage.bucket, "twitter-data/marketing-model/aws/x", Config=parts)


def client_of(user: User, service: str) -> Any:
    return boto3.client(service, aws_access_key_id=user.access_key, aws_secret_access_key=user.secret_key)


def test_with_glue_airflow_may_do_what_it_needs_and_nothing_else(on_glue, run_dag, upload, airflow_user, used):
    upload(tweets(), DATE)

    assert run_dag(DATE, deploy="never").state == "success"

    assert {action for action in used(airflow_user.access_key) if action.startswith("glue:")} == {
        action for action in permissions_in("airflow_glue") if action.startswith("glue:")
    }


def test_sagemaker_people_and_applications_may_do_what_they_need_and_nothing_else(
    live, run_dag, upload, used, client, settings
):
    upload(tweets(600), DATE, live)
    run = run_dag(DATE, live)
    approver = make_user(client("iam"), f"approver-{settings.bucket}", settings, ("approver",))
    application = make_user(client("iam"), f"application-{settings.bucket}", settings, ("application",))

    reject_and_approve(client_of(approver, "sagemaker"), model_package_group(live))
    key = f"twitter-data/marketing-model/{live}/{DATE}/runs/{run.name}/report.html"
    assert client_of(approver, "s3").get_object(Bucket=settings.bucket, Key=key)
    session = boto3.Session(application.access_key, application.secret_key)
    assert next(Classifier.connect(live, session=session).predict(["lambda kernel"]))
    with pytest.raises(ConfigurationError, match="no endpoint of #other is in service"):
        Classifier.connect("other", session=session)

    role = f"arn:aws:sts::123456789012:assumed-role/sagemaker-{settings.bucket}/sagemaker"
    assert used(role) == set(permissions_in("sagemaker_role")) - BY_AWS_ITSELF
    assert used(approver.access_key) == set(permissions_in("approver"))
    assert used(application.access_key) == set(permissions_in("application"))


def reject_and_approve(sagemaker: Any, group: str) -> None:
    """As in docs/operations.md."""
    (found,) = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    arn = found["ModelPackageArn"]
    for status in ("Rejected", "Approved"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"


def test_who_approves_changes_nothing_else_and_who_asks_deletes_nothing(live, run_dag, upload, client, settings):
    """Nobody reaches what has another name, another deployment's tag, or another prefix."""
    upload(tweets(600), DATE, live)
    run_dag(DATE, live)
    approver = make_user(client("iam"), f"approver-{settings.bucket}", settings, ("approver",))
    airflow = make_user(client("iam"), f"other-{settings.bucket}", replace(settings, prefix="other"), FOR_AIRFLOW)
    name = live_endpoint_name(live)

    for refused in (
        lambda: client_of(approver, "sagemaker").delete_endpoint(EndpointName=name),
        lambda: client_of(approver, "s3").get_object(Bucket=settings.bucket, Key="twitter-data/hashtags/x"),
        lambda: client_of(airflow, "sagemaker").delete_endpoint(EndpointName=name),
        lambda: client_of(airflow, "sagemaker").delete_endpoint(EndpointName="somebody-elses"),
        lambda: client_of(airflow, "s3").put_object(Bucket=settings.bucket, Key="twitter-data/marketing-model/x"),
        lambda: client_of(airflow, "s3").list_objects_v2(Bucket=settings.bucket, Prefix="twitter-data/"),
    ):
        with pytest.raises(ClientError, match="is not authorized to perform"):
            refused()
