"""Which call a request is."""

import json
from contextlib import suppress

import boto3
import pytest
import requests
from botocore.exceptions import ClientError


def newest(local_aws, **filters):
    text = requests.get(f"{local_aws.url}/_local/requests", params={"limit": "1", **filters}, timeout=5).text
    entry = json.loads(text)
    return entry["service"], entry["operation"], entry["name"], entry["outcome"]


def test_s3s_calls_are_named_as_boto3_names_them(settings, local_aws):
    s3, bucket = boto3.client("s3", endpoint_url=local_aws.url), settings.bucket
    made = []

    def note(model, **_):
        made.append(model.name)

    s3.meta.events.register("before-call.s3", note)
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"x")
    s3.get_object(Bucket=bucket, Key="a/b")
    s3.head_object(Bucket=bucket, Key="a/b")
    s3.head_bucket(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)
    s3.list_objects(Bucket=bucket)
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a/b"})
    s3.put_object_tagging(Bucket=bucket, Key="c", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.get_object_tagging(Bucket=bucket, Key="c")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="d")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="d", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="d", UploadId=upload, MultipartUpload=parts)
    s3.delete_object(Bucket=bucket, Key="d")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}]})
    s3.get_bucket_location(Bucket=bucket)
    s3.list_buckets()

    text = requests.get(f"{local_aws.url}/_local/requests", params={"service": "s3"}, timeout=5).text
    logged = [json.loads(line)["operation"] for line in text.splitlines()][-len(made) :]
    assert logged == made


def test_a_presigned_url_is_a_call_of_who_signed_it(client, settings, local_aws):
    client("s3").put_object(Bucket=settings.bucket, Key="x y", Body=b"x")
    url = client("s3").generate_presigned_url("get_object", Params={"Bucket": settings.bucket, "Key": "x y"})

    assert requests.get(url, timeout=5).content == b"x"
    assert newest(local_aws, name=f"{settings.bucket}/x y", operation="GetObject")[2] == f"{settings.bucket}/x y"


@pytest.mark.parametrize(
    ("service", "call", "arguments", "operation", "name"),
    [
        ("sagemaker", "list_models", {"NameContains": "x"}, "ListModels", ""),
        ("sts", "get_caller_identity", {}, "GetCallerIdentity", ""),
        ("iam", "list_role_tags", {"RoleName": "none"}, "ListRoleTags", "none"),
        ("logs", "describe_log_streams", {"logGroupName": "none"}, "DescribeLogStreams", "none"),
        ("cloudwatch", "list_metrics", {}, "ListMetrics", ""),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "none", "Body": b""}, "InvokeEndpoint", "none"),
    ],
)
def test_calls_of_every_protocol_are_known(client, local_aws, service, call, arguments, operation, name):
    with suppress(ClientError):
        getattr(client(service), call)(**arguments)

    assert newest(local_aws, service=service)[:3] == (service, operation, name)


def test_the_log_is_filtered_by_patterns_of_its_members(client, local_aws):
    client("sagemaker").list_models()
    assert newest(local_aws, operation="List*", service="sagemaker")[1] == "ListModels"
    error = requests.get(f"{local_aws.url}/_local/requests", params={"operaton": "x"}, timeout=5)
    assert (error.status_code, "there is no filter operaton" in error.text) == (400, True)


@pytest.mark.parametrize("target", ["SageMaker.Nope", "Foo", ""])
def test_an_operation_that_nobody_knows_is_refused(local_aws, target):
    headers = {
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
    }

    answer = requests.post(local_aws.url, data="{}", headers=headers, timeout=5)

    assert answer.status_code == 400
    assert "does not support" in answer.text


def test_a_region_that_nobody_knows_is_refused(local_aws):
    elsewhere = boto3.client("sagemaker", endpoint_url=local_aws.url, region_name="nowhere-1")

    with pytest.raises(ClientError, match="There is no region nowhere-1"):
        elsewhere.list_models()


def test_what_a_service_does_not_have_is_refused_by_name(client):
    with pytest.raises(ClientError) as error:
        client("logs").get_log_anomaly_detector(anomalyDetectorArn="arn:aws:logs:x")
    assert "The local AWS does not support logs's GetLogAnomalyDetector." in str(error.value)
