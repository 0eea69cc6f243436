"""Batch transform, through boto3."""

import gzip
import itertools
import json
import time

import pytest
from botocore.exceptions import WaiterError

from local_aws.sagemaker.models import SageMakerBackend
from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import deploy, error_of, wait_for_endpoint

LINES = [{"source": "hello world"}, {"source": "good bye", "k": 2}, {"source": "hello"}]
_numbers = itertools.count(1)


@pytest.fixture
def model(sagemaker, model_uri) -> str:
    name = f"transform-model-{next(_numbers)}"
    container = {"Image": IMAGE, "ModelDataUrl": model_uri}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE_ARN)
    return name


@pytest.fixture
def request_for(model, settings, client):
    """A CreateTransformJob request for an object's content."""

    def request(content: bytes, key="in/day/lines.jsonl", **source):
        client("s3").put_object(Bucket=settings.bucket, Key=key, Body=content)
        return {
            "TransformJobName": f"transform-{next(_numbers)}",
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{settings.bucket}/in/"}},
                "ContentType": "application/jsonlines",
                "SplitType": "Line",
                **source,
            },
            "TransformOutput": {"S3OutputPath": f"s3://{settings.bucket}/out", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }

    return request


@pytest.fixture
def output(client, settings):
    return lambda key="out/day/lines.jsonl.out": client("s3").get_object(Bucket=settings.bucket, Key=key)["Body"].read()


def as_lines(entries) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def transform(sagemaker, request):
    sagemaker.create_transform_job(**request)
    name = request["TransformJobName"]
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    try:
        waiter.wait(TransformJobName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    except WaiterError as error:
        assert "terminal failure" in str(error)
    return sagemaker.describe_transform_job(TransformJobName=name)


def test_every_line_is_answered_below_the_output_path(sagemaker, request_for, output):
    job = transform(sagemaker, request_for(as_lines(LINES)))

    assert job["TransformJobStatus"] == "Completed"
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    answers = [json.loads(line) for line in output().splitlines()]
    assert [answer["label"] for answer in answers] == [["__label__a"], ["__label__b", "__label__a"], ["__label__a"]]


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
@pytest.mark.parametrize("assemble", ["Line", "None"])
def test_the_lines_answers_do_not_depend_on_how_they_are_put_together(
    sagemaker, request_for, output, runtime, model_uri, strategy, assemble
):
    request = request_for(as_lines(LINES)) | {"BatchStrategy": strategy}
    request["TransformOutput"]["AssembleWith"] = assemble
    transform(sagemaker, request)
    endpoint = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, endpoint)

    asked = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/jsonlines", Body=as_lines(LINES))

    assert output().replace(b"\n", b"") == asked["Body"].read().replace(b"\n", b"")


def test_compressed_objects_and_several_of_them(sagemaker, request_for, output):
    content = gzip.compress(as_lines(LINES))
    request_for(content, key="in/other.jsonl")
    job = transform(sagemaker, request_for(content, CompressionType="Gzip"))

    assert job["TransformJobStatus"] == "Completed"
    assert len(output().splitlines()) == len(output("out/other.jsonl.out").splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (b'{"source": "x"}\nnonsense\n', {}),
        (as_lines([{"text": "x"}]), {}),
        (b"\xff\xfe\n", {}),
        (as_lines([{"source": "x" * 1_100_000}]), {"MaxPayloadInMB": 1}),
    ],
    ids=["no JSON", "no source", "no UTF-8", "too large"],
)
def test_what_the_container_refuses_fails_the_job_and_nothing_is_written(
    sagemaker, request_for, client, settings, content, changes
):
    job = transform(sagemaker, request_for(content) | changes)

    assert (job["TransformJobStatus"], job["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    assert client("s3").list_objects_v2(Bucket=settings.bucket, Prefix="out/")["KeyCount"] == 0
    logs = client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{job['TransformJobName']}/"
    )
    assert any("in/day/lines.jsonl" in event["message"] for event in logs["events"])


@pytest.mark.parametrize("content_type", ["text/csv", "application/json", None])
def test_content_types_that_blazingtext_does_not_take_fail_in_the_job(sagemaker, request_for, client, content_type):
    request = request_for(b"hello world\n")
    del request["TransformInput"]["ContentType"]
    request["TransformInput"] |= {"ContentType": content_type} if content_type else {}

    job = transform(sagemaker, request)

    assert job["FailureReason"] == "ClientError: See job logs for more information"
    logs = client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{job['TransformJobName']}/"
    )
    assert f"content-type {content_type} not supported" in logs["events"][-1]["message"]


def test_a_bad_file_does_not_keep_the_others_from_being_transformed(sagemaker, request_for, output):
    request_for(b"nonsense", key="in/bad.jsonl")

    job = transform(sagemaker, request_for(as_lines(LINES)))

    assert job["TransformJobStatus"] == "Failed"
    assert len(output().splitlines()) == 3
    no_gzip = transform(sagemaker, request_for(as_lines(LINES), CompressionType="Gzip"))
    assert no_gzip["FailureReason"] == "ClientError: See job logs for more information"


def test_an_artifact_that_is_gone_fails_the_job(sagemaker, request_for, client, settings, model_uri):
    key = model_uri.split("/", 3)[3]
    client("s3").delete_object(Bucket=settings.bucket, Key=key)

    assert "Failed to download model data" in transform(sagemaker, request_for(as_lines(LINES)))["FailureReason"]


def test_a_job_can_be_stopped_once(sagemaker, request_for, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)
    request = request_for(as_lines(LINES))
    name = request["TransformJobName"]
    sagemaker.create_transform_job(**request)

    sagemaker.stop_transform_job(TransformJobName=name)

    assert sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] in {"Stopping", "Stopped"}
    while sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == "Stopping":
        time.sleep(0.02)
    assert error_of(sagemaker.stop_transform_job, TransformJobName=name) == (
        "ValidationException",
        "The request was rejected because the transform job is in status Stopped.",
    )


def test_requests_that_cannot_work_are_refused(sagemaker, request_for, settings):
    def refusal(**changes):
        return error_of(sagemaker.create_transform_job, **{**request_for(as_lines(LINES)), **changes})

    assert refusal(ModelName="none")[1].startswith('Could not find model "arn:aws:sagemaker:')
    assert "does not support DataProcessing" in refusal(DataProcessing={"InputFilter": "$.source"})[1]
    nowhere = request_for(b"x")["TransformInput"]
    nowhere["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{settings.bucket}/nothing"
    assert refusal(TransformInput=nowhere)[1].startswith("No S3 objects found under S3 URL")
    taken = request_for(as_lines(LINES))
    transform(sagemaker, taken)
    assert error_of(sagemaker.create_transform_job, **taken)[0] == "ResourceInUse"


def test_a_job_is_described_as_on_aws(sagemaker, request_for):
    """With the members that requests need not have. A DataProcessing that changes nothing is one of them."""
    unchanged = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    request = {**request_for(as_lines(LINES)), "DataProcessing": unchanged}
    del request["TransformInput"]["SplitType"], request["TransformOutput"]["AssembleWith"]
    sagemaker.create_transform_job(**request)

    job = sagemaker.describe_transform_job(TransformJobName=request["TransformJobName"])

    assert (job["TransformInput"]["SplitType"], job["TransformInput"]["CompressionType"]) == ("None", "None")
    assert (job["TransformOutput"]["AssembleWith"], job["TransformOutput"]["KmsKeyId"]) == ("None", "")
    assert job["DataProcessing"] == unchanged
