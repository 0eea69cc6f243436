"""InvokeEndpoint, over HTTP and through boto3."""

import asyncio
import datetime
import itertools
import json
import threading

import aiohttp
import pytest
import requests
from botocore.exceptions import ClientError

from local_aws.pace import AWS_SECONDS
from local_aws.sagemaker.models import SageMakerBackend
from local_aws.sagemaker_runtime import MAX_BODY_BYTES
from tests.local_aws.conftest import deploy, error_of, wait_for_endpoint

_numbers = itertools.count(1)
QUESTION = json.dumps({"instances": ["hello world"]})


@pytest.fixture
def endpoint(sagemaker, model_uri) -> str:
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)
    return name


def ask(runtime, endpoint, body=QUESTION, content_type="application/json", **arguments):
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type, **arguments)
    return answer["Body"].read(), answer["ContentType"]


def test_both_content_types_and_the_one_that_is_accepted(runtime, endpoint):
    lines = b'{"source": "hello world"}\n{"source": "good bye", "k": 2}\n'
    answer, content_type = ask(runtime, endpoint, lines, "application/jsonlines")
    assert content_type == "application/jsonlines"
    assert [json.loads(line)["label"][0] for line in answer.splitlines()] == ["__label__a", "__label__b"]

    answer, content_type = ask(runtime, endpoint, lines, "application/jsonlines", Accept="application/json")
    assert content_type == "application/json"
    assert [entry["label"][0] for entry in json.loads(answer)] == ["__label__a", "__label__b"]

    answer, content_type = ask(runtime, endpoint, Accept="text/csv, application/jsonlines;q=0.5")
    assert (content_type, json.loads(answer)["label"]) == ("application/jsonlines", ["__label__a"])
    for accept in ("*/*", "application/*", "application/json"):
        assert ask(runtime, endpoint, Accept=accept)[1] == "application/json"


@pytest.mark.parametrize(
    ("body", "arguments", "status", "message"),
    [
        (QUESTION, {"content_type": "application/octet-stream"}, 415, "content-type application/octet-stream not supp"),
        (QUESTION, {"Accept": "text/csv"}, 406, "accept type text/csv not supported"),
        (b"\xff\xfe\x00", {}, 400, "the body is not JSON"),
        (b"[" * 100_000, {}, 400, "the body is not JSON"),
        (b'{"instances": ["\\ud800"]}', {}, 400, "cannot be encoded as UTF-8"),
        (b'{"instances": ["x"], "configuration": {"k": 99999999999}}', {}, 400, "k must be an integer"),
        (b"", {}, 400, "the body is not JSON"),
    ],
)
def test_what_the_container_refuses_is_a_model_error(runtime, endpoint, body, arguments, status, message):
    with pytest.raises(ClientError) as error:
        ask(runtime, endpoint, body, **arguments)

    response = error.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert message in response["OriginalMessage"]
    assert f"Received client error ({status}) from model with message" in response["Error"]["Message"]
    assert response["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{endpoint}")


def test_a_body_of_six_megabytes_is_taken_and_a_larger_one_is_not(runtime, endpoint):
    text = "hello " * ((MAX_BODY_BYTES - 100) // 6)
    question = json.dumps({"instances": [text]})
    padded = question + " " * (MAX_BODY_BYTES - len(question))
    assert json.loads(ask(runtime, endpoint, padded)[0])[0]["label"] == ["__label__a"]

    assert error_of(runtime.invoke_endpoint, EndpointName=endpoint, Body=padded + " ") == (
        "413",
        "HTTP content length exceeded 6291456 bytes.",
    )


def test_an_endpoint_that_is_creating_or_gone_is_not_found(sagemaker, runtime, model_uri, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.5 / AWS_SECONDS["Creating"])
    name = deploy(sagemaker, model_uri)
    not_found = ("ValidationError", f"Endpoint {name} of account 123456789012 not found.")
    assert error_of(runtime.invoke_endpoint, EndpointName=name, Body=QUESTION) == not_found
    wait_for_endpoint(sagemaker, name)
    ask(runtime, name)
    sagemaker.delete_endpoint(EndpointName=name)
    wait_for_endpoint(sagemaker, name, "endpoint_deleted")
    assert error_of(runtime.invoke_endpoint, EndpointName=name, Body=QUESTION) == not_found


def test_requests_are_checked_against_the_service_model(runtime, endpoint):
    def refusal(**arguments):
        return error_of(runtime.invoke_endpoint, **{"EndpointName": endpoint, "Body": QUESTION, **arguments})

    code, message = refusal(EndpointName="-wrong-")
    assert code == "ValidationError"
    assert message.startswith("1 validation error detected: Value '-wrong-' at 'endpointName' failed to satisfy")
    assert "at 'contentType'" in refusal(ContentType="x" * 1025)[1]
    assert "Variant none not found" in refusal(TargetVariant="none")[1]
    assert "does not support TargetModel" in refusal(TargetModel="a.tar.gz")[1]


def test_other_operations_of_the_runtime_are_refused_by_name(runtime, endpoint):
    code, message = error_of(runtime.invoke_endpoint_async, EndpointName=endpoint, InputLocation="s3://bucket/x")

    assert (code, message) == ("ValidationError", "The local AWS does not support InvokeEndpointAsync.")


def test_variants_share_the_requests_by_their_weights_and_can_be_named(sagemaker, runtime, model_uri):
    name = deploy(sagemaker, model_uri)
    variants = [
        {
            "VariantName": variant,
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for variant, weight in (("always", 1.0), ("never", 0.0))
    ]
    both = f"both-{next(_numbers)}"
    sagemaker.create_endpoint_config(EndpointConfigName=both, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName=both, EndpointConfigName=both)
    wait_for_endpoint(sagemaker, both)

    def answered_by(**arguments):
        answer = runtime.invoke_endpoint(EndpointName=both, Body=QUESTION, ContentType="application/json", **arguments)
        return answer["InvokedProductionVariant"]

    assert {answered_by() for _ in range(20)} == {"always"}
    assert answered_by(TargetVariant="never") == "never"


def test_a_thousand_requests_at_a_time_are_answered_and_the_model_is_loaded_once(client, local_aws, endpoint):
    async def ask_all() -> list[tuple[int, bytes]]:
        signature = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x"
        headers = {"Content-Type": "application/json", "Authorization": signature}
        url = f"{local_aws.url}/endpoints/{endpoint}/invocations"
        begin = asyncio.Event()

        async def one(session: aiohttp.ClientSession) -> tuple[int, bytes]:
            await begin.wait()
            async with session.post(url, data=QUESTION, headers=headers) as response:
                return response.status, await response.read()

        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
            tasks = [asyncio.create_task(one(session)) for _ in range(1000)]
            begin.set()
            return await asyncio.gather(*tasks)

    answers = asyncio.run(ask_all())

    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == 1
    events = client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
    assert [event["message"] for event in events].count("Loaded model.bin") == 1


def test_cloudwatch_counts_invocations_and_times_the_model(client, sagemaker, runtime, endpoint):
    for _ in range(5):
        ask(runtime, endpoint)
    with pytest.raises(ClientError):
        ask(runtime, endpoint, b"no JSON")

    config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    variant = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}]

    def statistics(metric, *names, of=()):
        now = datetime.datetime.now(datetime.UTC)
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Statistics=list(names),
            Period=60,
            Dimensions=[*variant, *of],
            StartTime=now - datetime.timedelta(minutes=10),
            EndTime=now + datetime.timedelta(minutes=1),
        )["Datapoints"]
        return [sum(point[name] for point in points) for name in names]

    assert statistics("Invocations", "Sum", "SampleCount") == [6, 6]
    assert statistics("Invocation4XXErrors", "Sum") == [1]
    assert statistics("Invocation5XXErrors", "Sum") == [0]
    assert statistics("Invocations", "Sum", of=[{"Name": "EndpointConfigName", "Value": config}]) == [6]
    for metric in ("ModelLatency", "OverheadLatency"):
        (latency,) = statistics(metric, "Maximum")
        assert 1 < latency < 10_000_000  # microseconds


def test_unsigned_requests_are_answered_as_well(local_aws, endpoint):
    response = requests.post(
        f"{local_aws.url}/endpoints/{endpoint}/invocations",
        data=QUESTION,
        headers={"Content-Type": "application/json"},
        timeout=10,
    )

    assert response.json()[0]["label"] == ["__label__a"]


def test_what_cannot_be_invoked(sagemaker, runtime, model_uri):
    assert error_of(runtime.invoke_endpoint, EndpointName="none", Body=b"{}") == (
        "ValidationError",
        "Endpoint none of account 123456789012 not found.",
    )
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)
    with pytest.raises(ClientError) as error:
        runtime.invoke_endpoint(EndpointName=name, Body=b"{}", ContentType="text/csv")
    assert error.value.response["OriginalStatusCode"] == 415
    assert error.value.response["OriginalMessage"] == "content-type text/csv not supported"
    assert error.value.response["Error"]["Message"].startswith("Received client error (415) from model with message")


def test_many_requests_at_a_time_are_all_answered(sagemaker, runtime, model_uri):
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)
    answers: list[bytes] = []

    def ask():
        body = json.dumps({"instances": ["hello world"]})
        for _ in range(10):
            response = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=body)
            answers.append(response["Body"].read())

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 100
    assert len(set(answers)) == 1
