"""Requests at which moto fails get the errors of S3."""

import json

import pytest
import requests
from botocore.exceptions import ClientError
from botocore.serialize import RestXMLSerializer

from local_aws.s3_refusals import _is_malformed, _payload
from local_aws.service_models import service_model

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, Signature=0"}


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("value", ["a\nb", "a\0b", 'attachment; filename="日本.txt"'])
def test_a_header_that_is_asked_for_and_cannot_be_one(client, settings, value):
    client("s3").put_object(Bucket=settings.bucket, Key="key", Body=b"x")
    parameters = {"Bucket": settings.bucket, "Key": "key", "ResponseContentDisposition": value}
    url = client("s3").generate_presigned_url("get_object", Params=parameters)

    assert code(requests.get(url, timeout=10)) == (400, "InvalidArgument")


@pytest.mark.parametrize("value", ['attachment; filename="a\u00a0b.csv"', "a\tb"])
def test_a_header_that_can_be_one(client, settings, value):
    client("s3").put_object(Bucket=settings.bucket, Key="key", Body=b"x")
    parameters = {"Bucket": settings.bucket, "Key": "key", "ResponseContentDisposition": value}

    answer = requests.get(client("s3").generate_presigned_url("get_object", Params=parameters), timeout=10)

    assert (answer.status_code, answer.headers["Content-Disposition"]) == (200, value)


@pytest.mark.parametrize(
    ("path", "headers", "body", "expected"),
    [
        ("/key", {}, b"", (405, "MethodNotAllowed")),
        ("/key", FORM, b"--x--", (405, "MethodNotAllowed")),
        ("//", FORM, b"--x--", (405, "MethodNotAllowed")),
        ("-none", FORM, b"--x--", (404, "NoSuchBucket")),
        ("/key?uploadId=none", {}, b"<CompleteMultipartUpload/>", (404, "NoSuchUpload")),
        ("/key?restore", {}, b"", (400, "MalformedXML")),
        ("?delete", {}, b"no xml", (400, "MalformedXML")),
        ("?delete", {}, b"<Other/>", (400, "MalformedXML")),
        ("?delete", {}, b"<Delete/>", (400, "MalformedXML")),
        ("?delete", {}, b"<Delete><Object/></Delete>", (400, "MalformedXML")),
        ("?delete", {}, b"<Delete><Object><VersionId>x</VersionId></Object></Delete>", (400, "MalformedXML")),
        ("", {}, b"abc", (412, "PreconditionFailed")),
        ("", FORM, b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--x--', (400, "InvalidArgument")),
    ],
)
def test_a_post_that_is_none(local_aws, settings, path, headers, body, expected):
    url = f"{local_aws.url}/{settings.bucket}{path}"

    assert code(requests.post(url, data=body, headers=SIGNED | headers, timeout=10)) == expected


@pytest.mark.parametrize("path", ["?tagging", "?lifecycle"])
@pytest.mark.parametrize("body", [b"no xml", b"<Other/>"])
def test_a_setting_that_is_no_xml(local_aws, settings, path, body):
    answer = requests.put(f"{local_aws.url}/{settings.bucket}{path}", data=body, headers=SIGNED, timeout=10)

    assert code(answer) == (400, "MalformedXML")


def test_a_part_that_is_empty(local_aws, client, settings):
    upload = client("s3").create_multipart_upload(Bucket=settings.bucket, Key="key")["UploadId"]
    url = f"{local_aws.url}/{settings.bucket}/key?uploadId={upload}"
    xml = "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>"

    assert code(requests.post(url, data=xml, headers=SIGNED, timeout=10)) == (400, "MalformedXML")


@pytest.mark.parametrize("query", ["max-keys=x", "list-type=2&max-keys=1.5", "versions&max-keys="])
def test_a_number_that_is_none(local_aws, settings, query):
    answer = requests.get(f"{local_aws.url}/{settings.bucket}?{query}", headers=SIGNED, timeout=10)

    assert code(answer) == (400, "InvalidArgument")


def test_a_part_whose_number_is_none(local_aws, client, settings):
    upload = client("s3").create_multipart_upload(Bucket=settings.bucket, Key="key")["UploadId"]
    url = f"{local_aws.url}/{settings.bucket}/key?partNumber=x&uploadId={upload}"

    assert code(requests.put(url, data=b"x", headers=SIGNED, timeout=10)) == (400, "InvalidArgument")


def test_a_part_of_no_upload(local_aws, settings):
    url = f"{local_aws.url}/{settings.bucket}/key?partNumber=1&uploadId=none"

    assert code(requests.put(url, data=b"x", headers=SIGNED, timeout=10)) == (404, "NoSuchUpload")


def test_a_post_to_no_bucket(local_aws):
    assert code(requests.post(local_aws.url, headers=SIGNED | FORM, timeout=10)) == (405, "MethodNotAllowed")


def test_a_form_uploads_an_object(local_aws, client, settings):
    answer = requests.post(
        f"{local_aws.url}/{settings.bucket}",
        data={"key": "key"},
        files={"file": b"content"},
        headers=SIGNED,
        timeout=10,
    )

    assert answer.ok
    assert client("s3").get_object(Bucket=settings.bucket, Key="key")["Body"].read() == b"content"


def test_a_completion_that_is_sent_again_succeeds_again(client, settings):
    """As a client does that has lost the answer."""
    s3, name = client("s3"), {"Bucket": settings.bucket, "Key": "key"}
    upload = s3.create_multipart_upload(**name)["UploadId"]
    part = s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=b"content")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}

    for _ in range(2):
        s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload=parts)

    assert s3.get_object(**name)["Body"].read() == b"content"


STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}


@pytest.mark.parametrize(
    "policy",
    [
        "no json",
        "[]",
        "{}",
        {"Statement": []},
        {"Statement": ["x"]},
        {"Statement": STATEMENT | {"Effect": "Maybe"}},
        {"Statement": [STATEMENT, {**STATEMENT, "Principal": None}]},
        {"Statement": {**STATEMENT, "Action": []}},
        {"Statement": {**STATEMENT, "Resource": ""}},
    ],
)
def test_a_bucket_policy_that_is_none_is_refused_and_the_bucket_stays_usable(client, settings, policy):
    s3 = client("s3")

    with pytest.raises(ClientError, match="MalformedPolicy"):
        s3.put_bucket_policy(Bucket=settings.bucket, Policy=policy if isinstance(policy, str) else json.dumps(policy))

    s3.put_object(Bucket=settings.bucket, Key="key", Body=b"x")
    assert s3.get_object(Bucket=settings.bucket, Key="key")["Body"].read() == b"x"


@pytest.mark.parametrize("statement", [STATEMENT, [STATEMENT]])
def test_a_bucket_policy_with_one_statement_or_a_list_is_taken(client, settings, statement):
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})

    client("s3").put_bucket_policy(Bucket=settings.bucket, Policy=policy)

    assert client("s3").get_bucket_policy(Bucket=settings.bucket)["Policy"] == policy


OPERATIONS = [name for name in service_model("s3").operation_names if _payload(name)]


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_xml_that_a_client_makes_counts_as_malformed(name):
    operation = service_model("s3").operation_model(name)
    values = {member: value_of(shape) for member, shape in operation.input_shape.members.items()}

    body = RestXMLSerializer().serialize_to_request(values, operation)["body"]

    assert not _is_malformed(body, _payload(name))


def value_of(shape):
    """A value with everything that there can be in it."""
    if shape.type_name == "structure":
        return {name: value_of(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [value_of(shape.member)] * 2
    return {"blob": b"x", "boolean": True, "string": "x"}.get(shape.type_name, 1)
