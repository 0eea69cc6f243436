"""What violates the service model is refused as the service refuses it, before moto sees it."""

import boto3
import pytest
import requests
from botocore.config import Config

from tests.local_aws.conftest import error_of


@pytest.fixture(scope="module")
def unchecked(local_aws):
    """Clients that send whatever they are given."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return lambda service: boto3.client(service, endpoint_url=local_aws.url, config=config)


@pytest.mark.parametrize(
    ("service", "call", "arguments", "code", "member"),
    [
        ("logs", "create_log_group", {"logGroupName": "a b"}, "InvalidParameterException", "'logGroupName'"),
        ("glue", "get_job", {}, "InvalidInputException", "'jobName'"),
        ("cloudwatch", "delete_alarms", {}, "ValidationError", "'alarmNames'"),
        ("cloudformation", "delete_stack", {}, "ValidationError", "'stackName'"),
    ],
)
def test_a_service_refuses_with_a_code_of_its_own_and_names_the_member(
    unchecked, service, call, arguments, code, member
):
    found, message = error_of(getattr(unchecked(service), call), **arguments)

    assert found == code
    assert message.startswith("1 validation error detected: ")
    assert member in message


def test_all_violations_are_counted_and_named(unchecked):
    _, message = error_of(unchecked("logs").put_log_events, logGroupName="x" * 513, logEvents=[])

    assert message.startswith("3 validation errors detected: ")
    assert all(f"'{member}'" in message for member in ("logGroupName", "logStreamName", "logEvents"))


@pytest.mark.parametrize("body", [b'{"logGroupName": ', b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_the_clients_mistake(local_aws, body):
    answer = post(local_aws, "logs", body, "Logs_20140328.CreateLogGroup")

    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidParameterException")
    assert "cannot be read" in answer.text


def test_a_form_that_cannot_be_read_is_the_clients_mistake(local_aws):
    form = "Action=PutMetricAlarm&Version=2010-08-01&Threshold=much"

    answer = post(local_aws, "monitoring", form, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 400
    assert "<Code>ValidationError</Code>" in answer.text


def test_a_request_that_was_refused_has_no_effect(unchecked, client):
    name = "checked-requests-no-effect"

    error_of(unchecked("logs").create_log_group, logGroupName=name, tags={"": "x"})

    assert client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def post(local_aws, service, body, target=None, content_type="application/x-amz-json-1.1"):
    headers = {
        "Content-Type": content_type,
        "Authorization": f"AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, Signature=x",
        **({"X-Amz-Target": target} if target else {}),
    }
    return requests.post(local_aws.url, data=body, headers=headers, timeout=5)
