import itertools

import pytest

from include.aws.requests import endpoint_request
from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import deploy, error_of

_numbers = itertools.count(1)


def test_arns_of_endpoints_are_lower_case(sagemaker, model_uri):
    container = {"Image": IMAGE, "ModelDataUrl": model_uri}
    arn = sagemaker.create_model(ModelName="UPPER", PrimaryContainer=container, ExecutionRoleArn=ROLE_ARN)["ModelArn"]

    assert arn.endswith(":model/upper")


def test_names_that_differ_by_case_only_are_one_name(sagemaker, model_uri):
    model = {"PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": model_uri}, "ExecutionRoleArn": ROLE_ARN}
    sagemaker.create_model(ModelName="One-Name", **model)

    _, message = error_of(sagemaker.create_model, ModelName="one-name", **model)

    assert message.startswith('Cannot create already existing model "arn:aws:sagemaker:')
    assert message.endswith(':model/one-name".')


def test_a_jobs_name_is_taken_for_ever(sagemaker, request_of, trained):
    request = {**request_of(), "TrainingJobName": trained["TrainingJobName"]}

    code, message = error_of(sagemaker.create_training_job, **request)

    assert code == "ResourceInUse"
    assert message.startswith("Training job names must be unique within an AWS account and region")


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("describe_training_job", {"TrainingJobName": "none"}, "Requested resource not found."),
        ("stop_training_job", {"TrainingJobName": "none"}, "Requested resource not found."),
        ("describe_endpoint", {"EndpointName": "none"}, 'Could not find endpoint "arn:aws:sagemaker:'),
        ("delete_endpoint", {"EndpointName": "none"}, 'Could not find endpoint "arn:aws:sagemaker:'),
        ("describe_model", {"ModelName": "none"}, 'Could not find model "arn:aws:sagemaker:'),
        ("delete_endpoint_config", {"EndpointConfigName": "none"}, 'Could not find endpoint configuration "arn:aws'),
    ],
)
def test_what_is_not_there(sagemaker, operation, arguments, message):
    code, text = error_of(getattr(sagemaker, operation), **arguments)

    assert code == "ValidationException"
    assert text.startswith(message)


@pytest.mark.parametrize("kind", ["model", "endpoint_config", "endpoint"])
def test_names_of_what_exists_are_refused(sagemaker, model_uri, kind):
    name = deploy(sagemaker, model_uri)
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri="s3://bucket/m", instance_type="ml.m5.large"
    )
    part = {"model": "Model", "endpoint_config": "EndpointConfig", "endpoint": "Endpoint"}[kind]

    code, message = error_of(getattr(sagemaker, f"create_{kind}"), **request[part])

    noun = {"endpoint_config": "endpoint configuration"}.get(kind, kind)
    assert (code, message.split(' "')[0]) == ("ValidationException", f"Cannot create already existing {noun}")


def test_tags_are_there_from_creation_on_and_can_be_changed(sagemaker, model_uri):
    arn = sagemaker.describe_endpoint(EndpointName=deploy(sagemaker, model_uri))["EndpointArn"]

    def tags():
        return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    assert tags() == {"a": "b"}
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "c"}, {"Key": "d", "Value": "e"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert tags() == {"d": "e"}


def test_tags_on_every_kind_of_resource(sagemaker, trained, request_of):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    group = sagemaker.create_model_package_group(ModelPackageGroupName=f"tagged-{next(_numbers)}")
    arns = [
        trained["TrainingJobArn"],
        sagemaker.describe_model(ModelName=name)["ModelArn"],
        sagemaker.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"],
        sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"],
        group["ModelPackageGroupArn"],
    ]
    for arn in arns:
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v é"}])
        assert {"Key": "k", "Value": "v é"} in sagemaker.list_tags(ResourceArn=arn)["Tags"]
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["k"])
        assert "k" not in {tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(30)]
    sagemaker.add_tags(ResourceArn=arns[3], Tags=many)
    assert (
        error_of(
            sagemaker.add_tags,
            ResourceArn=arns[3],
            Tags=[{"Key": f"other{number}", "Value": "v"} for number in range(30)],
        )[0]
        == "ResourceLimitExceeded"
    )
    assert len(sagemaker.list_tags(ResourceArn=arns[3])["Tags"]) == 31
