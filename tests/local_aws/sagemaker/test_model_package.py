"""Model packages and their groups, through boto3."""

import itertools
import json

import pytest

from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import error_of, wait_for_endpoint

_numbers = itertools.count(1)


@pytest.fixture
def group(sagemaker) -> str:
    name = f"registry-{next(_numbers)}"
    sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="Tweets.")
    return name


@pytest.fixture
def register(sagemaker, group, model_uri):
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": model_uri}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }

    def register(**request):
        request = {"ModelPackageGroupName": group, "InferenceSpecification": specification} | request
        return sagemaker.create_model_package(**request)["ModelPackageArn"]

    return register


def test_versions_are_counted_and_a_deleted_ones_number_is_not_given_again(sagemaker, group, register):
    first, second = register(), register()
    assert first.endswith(f":model-package/{group}/1")
    sagemaker.delete_model_package(ModelPackageName=second)

    third = register()

    assert third.endswith(f":model-package/{group}/3")
    description = sagemaker.describe_model_package(ModelPackageName=third)
    assert description["ModelPackageVersion"] == 3
    assert description["ModelPackageStatus"] == "Completed"
    assert description["ModelApprovalStatus"] == "PendingManualApproval"
    assert "ModelPackageName" not in description


def test_a_version_can_be_approved_and_found_by_that(sagemaker, group, register):
    arns = [register(ModelApprovalStatus="Approved"), register(), register()]
    sagemaker.update_model_package(
        ModelPackageArn=arns[1],
        ModelApprovalStatus="Approved",
        ApprovalDescription="Better than the first.",
        CustomerMetadataProperties={"accuracy": "0.9", "gone": "x"},
    )
    sagemaker.update_model_package(ModelPackageArn=arns[1], CustomerMetadataPropertiesToRemove=["gone"])

    approved = sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )["ModelPackageSummaryList"]

    assert [package["ModelPackageArn"] for package in approved] == [arns[1], arns[0]]
    description = sagemaker.describe_model_package(ModelPackageName=arns[1])
    assert description["ApprovalDescription"] == "Better than the first."
    assert description["CustomerMetadataProperties"] == {"accuracy": "0.9"}
    assert description["LastModifiedTime"] >= description["CreationTime"]


def test_an_approved_package_can_be_deployed(sagemaker, runtime, register):
    name = f"packaged-{next(_numbers)}"
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE_ARN, PrimaryContainer={"ModelPackageName": register()})
    variant = {"VariantName": "A", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait_for_endpoint(sagemaker, name)

    body = json.dumps({"instances": ["hello world"]})
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=body)

    assert json.loads(answer["Body"].read())[0]["label"] == ["__label__a"]


def test_a_package_can_have_a_name_instead_of_a_group(sagemaker, register):
    name = f"alone-{next(_numbers)}"
    specification = {
        "Containers": [{"Image": IMAGE}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    sagemaker.create_model_package(ModelPackageName=name, InferenceSpecification=specification)

    assert sagemaker.describe_model_package(ModelPackageName=name)["ModelPackageName"] == name
    listed = sagemaker.list_model_packages(NameContains=name)["ModelPackageSummaryList"]
    assert [package["ModelPackageName"] for package in listed] == [name]
    assert error_of(sagemaker.create_model_package, ModelPackageName=name)[0] == "ConflictException"


def test_groups_are_described_listed_and_deleted_only_when_empty(sagemaker, group, register):
    description = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert description["ModelPackageGroupStatus"] == "Completed"
    assert description["ModelPackageGroupDescription"] == "Tweets."
    listed = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    assert [entry["ModelPackageGroupName"] for entry in listed] == [group]
    arn = register()
    assert error_of(sagemaker.delete_model_package_group, ModelPackageGroupName=group)[0] == "ConflictException"

    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)

    assert error_of(sagemaker.describe_model_package_group, ModelPackageGroupName=group) == (
        "ValidationException",
        f"ModelPackageGroup {description['ModelPackageGroupArn']} does not exist.",
    )


def test_what_is_there_or_is_not_there_is_said_in_sagemakers_words(sagemaker, group, register):
    code, message = error_of(sagemaker.create_model_package_group, ModelPackageGroupName=group)
    assert (code, message.split(": ")[0]) == ("ValidationException", "Model Package Group already exists")
    arn = register()
    missing = arn.removesuffix("1") + "9"
    assert error_of(sagemaker.describe_model_package, ModelPackageName=missing)[1] == (
        f"ModelPackage {missing} does not exist."
    )
    assert "does not exist" in error_of(sagemaker.create_model_package, ModelPackageGroupName="none")[1]
    both = {"ModelPackageGroupName": group, "ModelPackageName": "x"}
    assert "not both" in error_of(sagemaker.create_model_package, **both)[1]
