import json
from xml.etree import ElementTree

import pytest
from werkzeug.wrappers import Response

from local_aws.aws_errors import aws_error, error_code
from local_aws.calls import Call

JSON, FORM = "application/x-amz-json-1.1", "application/x-www-form-urlencoded"
MESSAGE = 'no <b>"bold"</b> & é'


def error_of(service, operation, content_type, code="ThrottlingException"):
    return aws_error(Call(service, operation, "key", "us-east-1", ""), content_type, code, MESSAGE)


@pytest.mark.parametrize(
    ("service", "operation", "content_type"),
    [
        ("sagemaker", "ListModels", JSON),
        ("sagemaker-runtime", "InvokeEndpoint", "application/json"),
        ("sqs", "SendMessage", "application/x-amz-json-1.0"),
        ("cloudwatch", "PutMetricAlarm", "application/x-amz-json-1.0"),
        ("logs", "Unheard", None),
    ],
)
def test_a_service_of_json_answers_with_json(service, operation, content_type):
    answer = error_of(service, operation, content_type)

    error = json.loads(answer.get_data())
    assert error["__type"].rpartition("#")[2] == "ThrottlingException"
    assert error.get("message", error.get("Message")) == MESSAGE
    assert error_code(answer) == "ThrottlingException"


@pytest.mark.parametrize(
    ("service", "operation", "content_type", "path"),
    [
        ("s3", "GetObject", None, "."),
        ("iam", "GetRole", FORM, "{*}Error"),
        ("cloudwatch", "PutMetricAlarm", FORM, "{*}Error"),
        ("cloudformation", "Unheard", FORM, "{*}Error"),
    ],
)
def test_a_service_of_xml_answers_with_xml_in_which_a_message_is_text(service, operation, content_type, path):
    answer = error_of(service, operation, content_type)

    error = ElementTree.fromstring(answer.get_data()).find(path)
    assert (error.findtext("{*}Code"), error.findtext("{*}Message")) == ("ThrottlingException", MESSAGE)
    assert error_code(answer) == "ThrottlingException"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ValidationException", 400),
        ("ThrottlingException", 400),
        ("AccessDenied", 403),
        ("NoSuchKey", 404),
        ("PreconditionFailed", 412),
        ("InternalFailure", 500),
        ("SlowDown", 503),
    ],
)
def test_clients_decide_by_the_status_whether_to_try_again(code, status):
    assert error_of("s3", "GetObject", None, code).status_code == status


def test_a_service_that_nobody_knows_is_answered_with_text():
    answer = error_of("unheard", "X", None)

    assert (answer.status_code, answer.get_data(as_text=True)) == (400, f"ThrottlingException: {MESSAGE}")


@pytest.mark.parametrize("content_type", ["application/cbor", "text/plain", None])
def test_an_error_of_cloudwatch_is_answered_whatever_the_request_is_of(content_type):
    assert error_of("cloudwatch", "PutMetricAlarm", content_type).status_code == 400


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b'{"__type":"com.amazonaws.sagemaker#ResourceInUse"}', {}, "ResourceInUse"),
        (b"{}", {"x-amzn-ErrorType": "ResourceInUse:http://internal.amazon.com/x/"}, "ResourceInUse"),
        (b"{}", {"x-amzn-ErrorType": "com.amazonaws.sagemaker#ResourceInUse"}, "ResourceInUse"),
        (b"", {}, "404"),
        (b" " * 10_000 + b"<Code>TooLate</Code>", {}, "404"),
    ],
)
def test_an_errors_code_is_read_in_each_form_in_which_aws_writes_it(body, headers, code):
    assert error_code(Response(body, status=404, headers=headers)) == code
