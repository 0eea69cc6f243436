"""Lists: filtered, then sorted, then cut into pages; and every waiter of boto3's."""

import datetime
import itertools
import time

import pytest
from botocore.exceptions import WaiterError

from local_aws.sagemaker.validation import violations
from local_aws.service_models import service_model
from tests.conftest import ROLE_ARN
from tests.local_aws.conftest import IMAGE, deploy, error_of, train, wait_for_endpoint

_numbers = itertools.count(1)
WAITERS_OF_OTHERS = {
    "image_created",
    "image_deleted",
    "image_updated",
    "image_version_created",
    "image_version_deleted",
    "notebook_instance_deleted",
    "notebook_instance_in_service",
    "notebook_instance_stopped",
    "processing_job_completed_or_stopped",
}


@pytest.fixture
def models(sagemaker) -> list[str]:
    """Seven models with a prefix of their own, in the order of their creation."""
    prefix = f"listed-{next(_numbers)}"
    names = [f"{prefix}-{letter}" for letter in "cabgdfe"]
    for name in names:
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE_ARN)
    return names


def listed(sagemaker, models, **arguments):
    prefix = models[0].rpartition("-")[0]
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=f"{prefix}-", **arguments)
    return [[entry["ModelName"] for entry in page["Models"]] for page in pages]


def test_pages_are_cut_after_filtering_and_sorting(sagemaker, models):
    (newest_first,) = listed(sagemaker, models)
    assert newest_first == models[::-1]
    by_name = listed(sagemaker, models, SortBy="Name", SortOrder="Ascending", MaxResults=3)
    assert by_name == [sorted(models)[:3], sorted(models)[3:6], sorted(models)[6:]]
    assert [len(page) for page in listed(sagemaker, models, MaxResults=7)] == [7]


def test_filters_by_time(sagemaker, models):
    times = {
        entry["ModelName"]: entry["CreationTime"]
        for entry in sagemaker.list_models(NameContains=models[0][:-2], MaxResults=100)["Models"]
    }
    middle = times[models[3]]

    (after,) = listed(sagemaker, models, CreationTimeAfter=middle + datetime.timedelta(milliseconds=1))
    (before,) = listed(sagemaker, models, CreationTimeBefore=middle)

    assert set(after) | set(before) | {models[3]} == set(models)
    assert models[3] not in after + before
    assert listed(sagemaker, models, CreationTimeAfter=datetime.datetime(2100, 1, 1)) == [[]]  # noqa: DTZ001


def test_training_jobs_by_status_and_in_their_own_order(sagemaker, request_of):
    good = [train(sagemaker, request_of())["TrainingJobName"] for _ in range(2)]
    bad = train(sagemaker, request_of(epochs="abc"))["TrainingJobName"]

    def names(**arguments):
        summaries = sagemaker.list_training_jobs(NameContains="job-", MaxResults=100, **arguments)
        return [entry["TrainingJobName"] for entry in summaries["TrainingJobSummaries"]]

    assert bad in names(StatusEquals="Failed")
    assert not {*good} & {*names(StatusEquals="Failed")}
    assert {*good} <= {*names(StatusEquals="Completed")}
    in_order = [name for name in names() if name in {*good, bad}]
    assert in_order == [*good, bad]  # the oldest first, unlike endpoints
    reverse = [name for name in names(SortOrder="Descending") if name in {*good, bad}]
    assert reverse == in_order[::-1]
    by_status = [name for name in names(SortBy="Status") if name in {*good, bad}]
    assert by_status[-1] == bad


def test_a_finished_training_job_can_be_deleted(sagemaker, request_of):
    name = train(sagemaker, request_of())["TrainingJobName"]

    sagemaker.delete_training_job(TrainingJobName=name)

    assert error_of(sagemaker.describe_training_job, TrainingJobName=name)[1] == "Requested resource not found."
    running = request_of(epochs="1000000", early_stopping="False")
    sagemaker.create_training_job(**running)
    code, message = error_of(sagemaker.delete_training_job, TrainingJobName=running["TrainingJobName"])
    assert (code, "is in status InProgress" in message) == ("ValidationException", True)
    sagemaker.stop_training_job(TrainingJobName=running["TrainingJobName"])


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


def test_the_log_can_be_read_page_by_page_while_the_job_runs(sagemaker, client, request_of):
    request = request_of(epochs="200", early_stopping="True", min_epochs="1", patience="1000")
    sagemaker.create_training_job(**request)
    name, logs, group = request["TrainingJobName"], client("logs"), "/aws/sagemaker/TrainingJobs"
    seen, token, streams, while_running = [], None, [], 0
    while True:
        running = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
        if not streams:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
            time.sleep(0.02)
        if streams:
            arguments = {"nextToken": token} if token else {}
            page = logs.get_log_events(
                logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True, limit=5, **arguments
            )
            seen += [event["message"] for event in page["events"]]
            while_running += bool(page["events"]) and running
            if not running and page["nextForwardToken"] == token:
                break
            token = page["nextForwardToken"]

    assert while_running > 1
    epochs = [line for line in seen if "End of epoch" in line]
    assert len(epochs) == len(set(epochs)) == 200
    assert seen[0] == "Arguments: train"
    assert seen[-1] == "Number of validation examples: 80"


def test_the_waiters_of_what_is_here(sagemaker, trained, request_of, settings):
    known = {
        "endpoint_in_service",
        "endpoint_deleted",
        "training_job_completed_or_stopped",
        "transform_job_completed_or_stopped",
    }
    assert set(sagemaker.waiter_names) == known | WAITERS_OF_OTHERS
    quick = {"Delay": 0.05, "MaxAttempts": 200}
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=quick)
    failing = request_of(epochs="abc")
    sagemaker.create_training_job(**failing)
    with pytest.raises(WaiterError, match="terminal failure"):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=failing["TrainingJobName"], WaiterConfig=quick
        )
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName="none", WaiterConfig=quick)


@pytest.mark.parametrize("waiter", sorted(WAITERS_OF_OTHERS))
def test_the_waiters_of_what_is_not_here_fail_with_its_name(sagemaker, waiter):
    operation = {"image_version": "DescribeImageVersion", "image": "DescribeImage"}.get(
        waiter.rpartition("_")[0],
        "DescribeProcessingJob" if waiter.startswith("processing") else "DescribeNotebookInstance",
    )
    arguments = {
        "DescribeImageVersion": {"ImageName": "x", "Version": 1},
        "DescribeImage": {"ImageName": "x"},
        "DescribeProcessingJob": {"ProcessingJobName": "x"},
        "DescribeNotebookInstance": {"NotebookInstanceName": "x"},
    }[operation]

    try:
        sagemaker.get_waiter(waiter).wait(**arguments, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    except WaiterError as error:
        assert f"The local AWS does not support SageMaker's {operation}." in str(error.last_response)
    else:
        assert waiter.endswith("deleted")  # any ValidationException means that to botocore


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "Value null at 'modelName' failed to satisfy constraint: Member must not be null"),
        ({"ModelName": "-x"}, "Value '-x' at 'modelName' failed to satisfy constraint: Member must satisfy regular"),
        ({"ModelName": "x", "Tags": [{"Key": "a"}]}, "Value null at 'tags.1.member.value' failed to satisfy"),
        ({"ModelName": "x", "EnableNetworkIsolation": "yes"}, "at 'enableNetworkIsolation'"),
        (
            {"ModelName": "x", "Containers": [{}] * 16},
            "at 'containers' failed to satisfy constraint: Member must have length less than or equal to 15",
        ),
        (
            {"ModelName": "x", "PrimaryContainer": {"Mode": "Both"}},
            "Value 'Both' at 'primaryContainer.mode' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SingleModel, MultiModel]",
        ),
    ],
)
def test_violations_are_worded_as_awss(value, expected):
    found = violations(service_model().operation_model("CreateModel").input_shape, value)

    assert any(expected in violation for violation in found), found
