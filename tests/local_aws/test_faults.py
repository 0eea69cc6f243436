"""Faults on demand, through the admin API and its command."""

import time

import pytest
import requests
from botocore.exceptions import ClientError, ConnectionClosedError, WaiterError
from hypothesis import given
from hypothesis import strategies as st

from local_aws.faults import CONNECTION_RESET, Fault, Faults
from tests.local_aws.conftest import deploy, error_of, train, wait_for_endpoint


def test_the_next_calls_of_an_operation_fail_and_those_after_it_do_not(order_fault, once):
    sagemaker = once("sagemaker")
    order_fault(operation="ListModels", error="ThrottlingException", message="Rate exceeded", times=2)

    assert error_of(sagemaker.list_models) == ("ThrottlingException", "Rate exceeded")
    sagemaker.list_endpoints()
    assert error_of(sagemaker.list_models)[0] == "ThrottlingException"
    sagemaker.list_models()


@pytest.mark.parametrize(
    ("service", "operation", "call", "code", "status"),
    [
        ("sagemaker", "ListModels", "list_models", "InternalServerError", 500),
        ("s3", "ListBuckets", "list_buckets", "SlowDown", 503),
        ("logs", "DescribeLogGroups", "describe_log_groups", "ThrottlingException", 400),
        ("sts", "GetCallerIdentity", "get_caller_identity", "ExpiredTokenException", 403),
        ("iam", "ListRoles", "list_roles", "ServiceUnavailable", 503),
        ("cloudwatch", "ListMetrics", "list_metrics", "InternalFailure", 500),
    ],
)
def test_every_services_client_understands_the_error(order_fault, once, service, operation, call, code, status):
    order_fault(operation=f"{service}:{operation}", error=code)

    with pytest.raises(ClientError) as error:
        getattr(once(service), call)()

    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_an_invocation_can_fail(order_fault, once):
    order_fault(operation="InvokeEndpoint", name="some-*", error="InternalFailure")

    code, message = error_of(once("sagemaker-runtime").invoke_endpoint, EndpointName="some-endpoint", Body=b"x")

    assert code == "InternalFailure"
    assert "was ordered for this call" in message


def test_an_alarms_name_is_known(order_fault, once):
    order_fault(operation="SetAlarmState", name="guard-*", error="ThrottlingException")
    state = {"StateValue": "OK", "StateReason": "x"}

    assert error_of(once("cloudwatch").set_alarm_state, AlarmName="other", **state)[0] == "ResourceNotFound"
    assert error_of(once("cloudwatch").set_alarm_state, AlarmName="guard-1", **state)[0] == "ThrottlingException"


def test_a_connection_can_be_lost(order_fault, once):
    order_fault(operation="ListModels", error=CONNECTION_RESET)

    with pytest.raises(ConnectionClosedError):
        once("sagemaker").list_models()
    once("sagemaker").list_models()


def test_botocores_own_retries_get_over_throttling_and_a_lost_connection(order_fault, client):
    order_fault(operation="ListModels", error=CONNECTION_RESET)
    order_fault(operation="ListModels", error="ThrottlingException")

    client("sagemaker").list_models()


def test_an_answer_can_be_late(order_fault, once):
    order_fault(operation="ListModels", delay_seconds=0.5)
    started = time.monotonic()

    once("sagemaker").list_models()

    assert time.monotonic() - started >= 0.5


def test_a_fault_hits_the_names_that_its_pattern_fits(order_fault, once, settings):
    s3 = once("s3")
    order_fault(operation="s3:PutObject", name=f"{settings.bucket}/models/*", error="InternalError", times=None)

    s3.put_object(Bucket=settings.bucket, Key="data/x", Body=b"")
    assert error_of(s3.put_object, Bucket=settings.bucket, Key="models/x", Body=b"")[0] == "InternalError"


@pytest.mark.parametrize("phase", ["Starting", "Downloading", "Training", "Uploading"])
def test_a_training_job_fails_in_the_phase_that_is_named(order_fault, sagemaker, request_of, phase):
    request = request_of()
    order_fault(phase=phase, name=request["TrainingJobName"], message="AlgorithmError: as ordered")

    job = train(sagemaker, request)

    assert (job["TrainingJobStatus"], job["FailureReason"]) == ("Failed", "AlgorithmError: as ordered")
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]][-2:] == [phase, "Failed"]
    assert train(sagemaker, request_of())["TrainingJobStatus"] == "Completed"


def test_an_endpoint_fails_in_the_phase_that_is_named(order_fault, sagemaker, model_uri):
    order_fault(phase="Creating")
    name = deploy(sagemaker, model_uri)
    with pytest.raises(WaiterError):
        wait_for_endpoint(sagemaker, name)
    assert "was ordered for phase Creating" in sagemaker.describe_endpoint(EndpointName=name)["FailureReason"]

    other = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, other)
    order_fault(phase="Updating", name=other)
    sagemaker.update_endpoint(EndpointName=other, EndpointConfigName=name)
    wait_for_endpoint(sagemaker, other)
    assert sagemaker.describe_endpoint(EndpointName=other)["EndpointConfigName"] == other


@given(st.integers(), st.floats(0.05, 0.95))
def test_the_same_seed_hits_the_same_calls(seed, probability):
    def hits():
        faults = Faults()
        faults.add(Fault(error="X", times=None, probability=probability, seed=seed))
        return [faults.of_call("s3", "GetObject", "") is not None for _ in range(50)]

    assert hits() == hits()


def test_a_probability_hits_about_as_often_as_it_says():
    faults = Faults()
    faults.add(Fault(error="X", times=None, probability=0.3, seed=1))

    assert 240 < sum(faults.of_call("s3", "GetObject", "") is not None for _ in range(1000)) < 360


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ([], "a fault is a JSON object"),
        ({"operation": "ListModels"}, "needs an error, a delay_seconds above 0, or a phase"),
        ({"error": "X", "opeartion": "x"}, "unknown member opeartion; known are operation, name"),
        ({"error": 5}, "error must be an error's code, e.g. ThrottlingException or ConnectionReset, not 5"),
        ({"error": ""}, "error must be an error's code"),
        ({"error": "X", "operation": "CreateEndpont"}, "operation 'CreateEndpont' fits no operation"),
        ({"error": "X", "message": "a\0b"}, "message must be a string of characters that XML can contain"),
        ({"error": "X", "message": "\uffff"}, "message must be a string of characters that XML can contain"),
        ({"error": "X", "times": 0}, "times must be an integer of at least 1, or null for no limit, not 0"),
        ({"error": "X", "times": True}, "times must be an integer of at least 1, or null for no limit, not True"),
        ({"error": "X", "probability": 2}, "probability must be above 0 and at most 1, not 2"),
        ({"error": "X", "delay_seconds": -1}, "delay_seconds must be between 0 and 600, not -1"),
        ({"phase": "Training", "error": "X"}, "a phase fails with a message"),
        ({"phase": "Thinking"}, "phase must be one of Creating, Downloading"),
        ({"model": "m"}, "needs an error, a delay_seconds above 0, or a phase"),
        ({"model": "m", "phase": "Updating"}, "a fault is of a model or of a phase, not of both"),
        ({"model": "m", "error": "200"}, "a model's error is a status from 400 to 599, Unhealthy or NoAnswer"),
        ({"model": "m", "error": "Throttling"}, "a model's error is a status from 400 to 599"),
        ({"error": "X", "id": 1}, "unknown member id; known are operation, name"),
        ({"times": 0, "seed": "x"}, "not 0; seed must be an integer or null, not 'x'"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_the_reason(local_aws, fault, message):
    response = requests.post(f"{local_aws.url}/_local/faults", json=fault, timeout=5)

    assert response.status_code == 400
    assert message in response.json()["error"]


def test_an_order_that_is_not_json_is_refused(local_aws):
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"\xff", b"[" * 10_000):
        response = requests.post(f"{local_aws.url}/_local/faults", data=body, headers=headers, timeout=5)
        assert response.status_code == 400
        assert "the body is not JSON: " in response.json()["error"]
