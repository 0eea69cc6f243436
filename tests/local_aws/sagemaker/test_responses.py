"""What is refused; lists: filtered, then sorted, then cut into pages; and every waiter of boto3's."""

import datetime
import itertools

import pytest
import requests
from botocore.exceptions import WaiterError

from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import deploy, error_of, train, wait_for_endpoint

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


def test_what_is_not_supported_is_refused_by_name(sagemaker):
    assert error_of(sagemaker.list_pipelines) == (
        "NotImplemented",
        "The local AWS does not support SageMaker's ListPipelines.",
    )


@pytest.mark.parametrize(
    "body", ['{"NextToken": "abc"}', '{"NextToken": "-5"}', '{"NameContains": 5}', "[1]", "nonsense"]
)
def test_hostile_requests_are_answered_as_aws_answers_errors(local_aws, body):
    headers = {
        "X-Amz-Target": "SageMaker.ListEndpoints",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
    }

    response = requests.post(local_aws.url, data=body, headers=headers, timeout=10)

    assert response.status_code == 400, response.text
    assert "Exception" in response.json()["__type"]


def test_lists_are_filtered_then_sorted_then_paged(sagemaker, model_uri):
    names = [deploy(sagemaker, model_uri) for _ in range(3)]
    for name in names:
        wait_for_endpoint(sagemaker, name)

    pages = sagemaker.get_paginator("list_endpoints").paginate(
        NameContains="endpoint-", StatusEquals="InService", SortBy="Name", SortOrder="Ascending", MaxResults=2
    )

    found = [entry["EndpointName"] for page in pages for entry in page["Endpoints"]]
    assert found == sorted(found)
    assert set(names) <= set(found)
    assert sagemaker.list_endpoints(NameContains="no-such")["Endpoints"] == []


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
        pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains="job-", **arguments)
        return [entry["TrainingJobName"] for page in pages for entry in page["TrainingJobSummaries"]]

    assert bad in names(StatusEquals="Failed")
    assert not {*good} & {*names(StatusEquals="Failed")}
    assert {*good} <= {*names(StatusEquals="Completed")}
    in_order = [name for name in names() if name in {*good, bad}]
    assert in_order == [*good, bad]  # the oldest first, unlike endpoints
    reverse = [name for name in names(SortOrder="Descending") if name in {*good, bad}]
    assert reverse == in_order[::-1]
    by_status = [name for name in names(SortBy="Status") if name in {*good, bad}]
    assert by_status[-1] == bad


def test_the_waiters_of_what_is_here(sagemaker, model_uri, request_of, settings):
    known = {
        "endpoint_in_service",
        "endpoint_deleted",
        "training_job_completed_or_stopped",
        "transform_job_completed_or_stopped",
    }
    assert set(sagemaker.waiter_names) == known | WAITERS_OF_OTHERS
    quick = {"Delay": 0.05, "MaxAttempts": 200}
    name = deploy(sagemaker, model_uri)
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

    with pytest.raises(WaiterError) as error:
        sagemaker.get_waiter(waiter).wait(**arguments, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
    assert f"The local AWS does not support SageMaker's {operation}." in str(error.value.last_response)
