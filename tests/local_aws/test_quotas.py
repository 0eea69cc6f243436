"""There is an end to everything, and an error with AWS's code that says so."""

import pytest

from include.aws.requests import endpoint_request
from local_aws import quotas
from local_aws.cloud import ENDPOINT_LOGS
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.endpoint_config import EndpointConfig, Model
from local_aws.sagemaker.model_package import ModelPackage, ModelPackageGroup
from local_aws.sagemaker.training_job import TrainingJob
from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import deploy, error_of, wait_for_endpoint, wait_for_job


@pytest.fixture
def limit(monkeypatch):
    """Lowers a quota of moto's services."""

    def limit(service: str, operation: str, index: int = 0) -> quotas.Quota:
        found = list(quotas.QUOTAS[service, operation])
        found[index] = found[index]._replace(most=0)
        monkeypatch.setitem(quotas.QUOTAS, (service, operation), tuple(found))
        return found[index]

    return limit


@pytest.mark.parametrize(
    ("service", "operation", "index", "arguments"),
    [
        ("s3", "CreateBucket", 0, {"Bucket": "one-too-many"}),
        ("s3", "PutObject", 0, {"Bucket": "BUCKET", "Key": "k", "Body": b"x"}),
        ("s3", "PutObject", 1, {"Bucket": "BUCKET", "Key": "k", "Body": b"x"}),
        ("s3", "CopyObject", 0, {"Bucket": "BUCKET", "Key": "k", "CopySource": "BUCKET/k"}),
        ("s3", "CreateMultipartUpload", 0, {"Bucket": "BUCKET", "Key": "k"}),
        ("logs", "CreateLogGroup", 0, {"logGroupName": "one-too-many"}),
        ("logs", "CreateLogStream", 0, {"logGroupName": "g", "logStreamName": "s"}),
        (
            "logs",
            "PutLogEvents",
            0,
            {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]},
        ),
        ("cloudwatch", "PutMetricData", 0, {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.0}]}),
        (
            "cloudwatch",
            "PutMetricAlarm",
            0,
            {"AlarmName": "a", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1},
        ),
        ("iam", "CreateRole", 0, {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}),
        ("iam", "CreateUser", 0, {"UserName": "u"}),
        ("sns", "CreateTopic", 0, {"Name": "t"}),
    ],
)
def test_moto_s_services_have_quotas(once, settings, limit, service, operation, index, arguments):
    quota = limit(service, operation, index)
    arguments = {
        key: value.replace("BUCKET", settings.bucket) if isinstance(value, str) else value
        for key, value in arguments.items()
    }
    method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")

    code, message = error_of(getattr(once(service), method), **arguments)

    assert code == quota.code
    assert message == f"The local AWS has 0 {quota.what}, and takes no more. Delete some first."


def test_an_object_that_is_refused_is_not_there(once, settings, limit):
    limit("s3", "PutObject")

    error_of(once("s3").put_object, Bucket=settings.bucket, Key="k", Body=b"x")

    assert "Contents" not in once("s3").list_objects_v2(Bucket=settings.bucket)


def test_any_other_operation_that_adds_something_has_a_number_of_calls(once, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_CALLS", 0)

    name = "above-the-quota"

    code, message = error_of(once("iam").create_group, GroupName=name)

    assert (code, message) == ("LimitExceeded", "The local AWS takes 0 calls of CreateGroup. Start it again.")
    assert name not in [group["GroupName"] for group in once("iam").list_groups()["Groups"]]


@pytest.mark.parametrize("part", [-1, 0, 10_001])
def test_the_number_of_a_part_is_bounded(once, settings, part):
    s3 = once("s3")
    upload = s3.create_multipart_upload(Bucket=settings.bucket, Key="k")["UploadId"]

    code, _ = error_of(s3.upload_part, Bucket=settings.bucket, Key="k", UploadId=upload, PartNumber=part, Body=b"x")

    assert code in {"InvalidArgument", "NoSuchUpload"}  # the second is moto's, for numbers below 1


CREATE = {
    Model: ("create_model", {"ModelName": "q", "PrimaryContainer": {"Image": IMAGE}}),
    ModelPackageGroup: ("create_model_package_group", {"ModelPackageGroupName": "q"}),
}


@pytest.mark.parametrize("kind", CREATE, ids=lambda kind: kind.__name__)
def test_sagemakers_resources_have_quotas(once, monkeypatch, kind):
    monkeypatch.setattr(kind, "MAX_COUNT", 0)
    operation, request = CREATE[kind]

    code, message = error_of(getattr(once("sagemaker"), operation), **request)

    assert code == "ResourceLimitExceeded"
    assert message.startswith("The account-level service limit 'Number of model")
    assert "is 0, with current utilization of" in message


def test_endpoints_and_their_configurations_have_quotas(once, model_uri, monkeypatch):
    sagemaker = once("sagemaker")
    request = endpoint_request(
        name="quota", image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    sagemaker.create_model(**request["Model"])
    with monkeypatch.context() as patch:
        patch.setattr(EndpointConfig, "MAX_COUNT", 0)
        assert error_of(sagemaker.create_endpoint_config, **request["EndpointConfig"])[0] == "ResourceLimitExceeded"
    sagemaker.create_endpoint_config(**request["EndpointConfig"])
    monkeypatch.setattr(Endpoint, "MAX_COUNT", 0)

    assert error_of(sagemaker.create_endpoint, **request["Endpoint"])[0] == "ResourceLimitExceeded"
    assert error_of(sagemaker.describe_endpoint, EndpointName="quota")[0] == "ValidationException"


def test_the_jobs_at_work_have_a_quota(once, request_of, monkeypatch):
    monkeypatch.setattr(TrainingJob, "MAX_IN_PROGRESS", 0)
    request = request_of()

    code, message = error_of(once("sagemaker").create_training_job, **request)

    assert (code, "'Number of training jobs in progress' is 0" in message) == ("ResourceLimitExceeded", True)
    monkeypatch.undo()
    once("sagemaker").create_training_job(**request)
    wait_for_job(once("sagemaker"), request["TrainingJobName"])


def test_a_version_that_is_refused_takes_no_number(once, monkeypatch):
    sagemaker = once("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="numbers")
    with monkeypatch.context() as patch:
        patch.setattr(ModelPackage, "MAX_COUNT", 0)
        assert error_of(sagemaker.create_model_package, ModelPackageGroupName="numbers")[0] == "ResourceLimitExceeded"

    arn = sagemaker.create_model_package(ModelPackageGroupName="numbers")["ModelPackageArn"]

    assert arn.endswith("/numbers/1")
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={f"a{n}": "x" for n in range(50)})
    code, message = error_of(
        sagemaker.update_model_package, ModelPackageArn=arn, CustomerMetadataProperties={"one-more": "x"}
    )
    assert (code, message) == ("ValidationException", "A model package can have 50 CustomerMetadataProperties.")


def test_the_oldest_logs_of_endpoints_go(client, sagemaker, model_uri, monkeypatch):
    first = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, first)
    monkeypatch.setattr("local_aws.cloud.MAX_LOG_STREAMS", 1)
    second = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, second)

    groups = client("logs").describe_log_groups(logGroupNamePrefix=ENDPOINT_LOGS)["logGroups"]

    assert [group["logGroupName"] for group in groups] == [ENDPOINT_LOGS + second]
