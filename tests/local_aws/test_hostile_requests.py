"""Whatever is sent, SageMaker and the admin API answer, or refuse it in their way: never a fault of the server's."""

import json
import re
import socket
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from botocore.model import Shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_aws.admin import AdminApi
from local_aws.faults import FaultRequest, Faults
from local_aws.request_log import RequestLog
from local_aws.sagemaker.responses import OPERATIONS
from local_aws.service_models import service_model

HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
NAMES = st.sampled_from(
    ["a", "fuzz-1", "fuzz-2", "-", "", "x" * 64, "é", "arn:aws:sagemaker:us-east-1:123456789012:model/a"]
)


@cache
def values_of(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that are of a shape, or nearly, or not at all."""
    return st.one_of(_proper(shape, depth), _proper(shape, depth), _proper(shape, depth), JUNK)


def _proper(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    if shape.type_name == "structure":
        members = (
            {}
            if depth > 4
            else {name: st.deferred(lambda m=m: values_of(m, depth + 1)) for name, m in shape.members.items()}
        )
        required = {name: members.pop(name) for name in shape.required_members if name in members}
        few = dict(list(members.items())[:6])
        return st.fixed_dictionaries(required, optional=few)
    if shape.type_name == "list":
        return st.lists(values_of(shape.member, depth + 1), max_size=2) if depth < 5 else st.just([])
    if shape.type_name == "map":
        return st.dictionaries(st.text(max_size=5), values_of(shape.value, depth + 1), max_size=2)
    if shape.type_name == "string":
        return st.sampled_from(shape.enum) if getattr(shape, "enum", None) else st.one_of(NAMES, st.text(max_size=10))
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "timestamp":
        return st.one_of(st.floats(-1e20, 1e20), st.text(max_size=10))
    return st.one_of(st.integers(-5, 200), st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_requests_of_nearly_the_right_shape(local_aws, operation):
    shape = service_model().operation_model(operation).input_shape
    url = local_aws.url
    session = requests.Session()

    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(values_of(shape))
    def answer(request: Any) -> None:
        headers = {**HEADERS, "X-Amz-Target": f"SageMaker.{operation}"}
        response = session.post(url, data=json.dumps(request).encode(), headers=headers, timeout=10)
        assert response.status_code in {200, 400}, (request, response.text)
        if response.status_code == 400:
            assert response.json()["__type"]

    answer()


@pytest.mark.parametrize(
    ("service", "signed_as", "prefix", "operation"),
    [
        ("cloudwatch", "monitoring", "GraniteServiceVersion20100801", "GetMetricData"),
        ("cloudwatch", "monitoring", "GraniteServiceVersion20100801", "GetMetricStatistics"),
        ("logs", "logs", "Logs_20140328", "FilterLogEvents"),
    ],
)
def test_requests_to_cloudwatch_of_nearly_the_right_shape(local_aws, service, signed_as, prefix, operation):
    url = local_aws.url
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": HEADERS["Authorization"].replace("sagemaker", signed_as),
        "X-Amz-Target": f"{prefix}.{operation}",
    }
    session = requests.Session()

    @settings(max_examples=50, suppress_health_check=list(HealthCheck))
    @given(values_of(service_model(service).operation_model(operation).input_shape))
    def answer(request: Any) -> None:
        response = session.post(url, data=json.dumps(request).encode(), headers=headers, timeout=10)
        assert response.status_code in {200, 400}, (request, response.text)

    answer()


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200), st.sampled_from(["POST", "GET", "PUT", "DELETE"]))
def test_bodies_that_are_anything(local_aws, body, method):
    headers = {**HEADERS, "X-Amz-Target": "SageMaker.ListModels"}

    response = requests.request(method, local_aws.url, data=body, headers=headers, timeout=10)

    assert response.status_code in {200, 400, 404, 405}, response.text


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30), st.binary(max_size=100))
def test_invocations_of_anything(local_aws, name, body):
    url = f"{local_aws.url}/endpoints/{requests.utils.quote(name, safe='')}/invocations"

    response = requests.post(url, data=body, headers={**HEADERS, "Content-Type": "application/json"}, timeout=10)

    assert response.status_code in {400, 404}, response.text


RULES = sorted(AdminApi(Faults(), RequestLog()).routes.iter_rules(), key=str)
"""A route that is added is driven, too."""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X")
TEXTS = st.text(max_size=8) | st.sampled_from(["..", "%00", "/", "[", "*" * 30 + "b", "9" * 5000, "-1", "é", "\ud800"])
FAULT_VALUES = JUNK | st.sampled_from(
    [float("nan"), 1e400, 10**30, "[", "*a" * 20, "\ud800", "ConnectionReset", "Training"]
)
FAULTS = st.dictionaries(st.sampled_from([*FaultRequest.model_fields, "x"]), FAULT_VALUES, max_size=4)
BODIES = st.one_of(st.binary(max_size=60), FAULTS.map(json.dumps).map(str.encode), st.just(b"[" * 50_000))
HEADER_NAMES = (
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
    "Transfer-Encoding",
    "Origin",
    "Host",
    "Range",
    "Accept",
    "Expect",
)
HEADER_NAMES += (
    "Authorization",
    "X-Amz-Target",
    "If-None-Match",
    "Connection",
    "Content-Encoding",
    "X-HTTP-Method-Override",
)
HEADER_VALUES = st.one_of(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=12),
    st.sampled_from(
        ["application/json", "application/json; charset=x", "chunked", "-5", "70000", "1", "bytes=9-", "[::1"]
    ),
)
MORE_HEADERS = st.dictionaries(st.sampled_from(HEADER_NAMES), HEADER_VALUES, max_size=2)


def quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="/%")


def exchange(url: str, head: str, body: bytes) -> bytes:
    """Send bytes as they are; then nothing more comes, so that no answer may wait for more."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):  # the server does not read a body that it refuses
            while block := connection.recv(65536):
                answer += block
    return answer


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_admin_api_answers_whatever_is_sent(local_aws, client, rule):
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def answer(data: st.DataObject) -> None:
        path = re.sub("<[^>]*>", lambda _: quoted(data.draw(TEXTS)), rule.rule)
        query = data.draw(
            st.just("")
            | st.dictionaries(TEXTS, TEXTS, max_size=2).map(lambda found: "?" + urlencode(found, errors="replace"))
        )
        method = data.draw(st.sampled_from(sorted(rule.methods)) | st.sampled_from(METHODS))
        body = data.draw(BODIES)
        headers = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **data.draw(MORE_HEADERS)}.items())
        found = exchange(local_aws.url, f"{method} {path}{query} HTTP/1.1\r\n{lines}\r\n", body)
        status = found.split(b" ", 2)[1:2]
        assert status, "no answer"
        assert 200 <= int(status[0]) < 500, found[:500]

    try:
        answer()
        assert requests.get(f"{local_aws.url}/_local/state", timeout=10).ok
    finally:
        assert requests.delete(f"{local_aws.url}/_local/faults", timeout=10).ok
    assert client("s3").list_buckets()["Buckets"] is not None


@pytest.mark.parametrize("chunked", [False, True])
def test_an_order_that_is_too_long_is_refused_in_words(local_aws, chunked):
    body = b" " * 70_000
    headers = {"Content-Type": "application/json"}

    answer = requests.post(
        f"{local_aws.url}/_local/faults", data=iter([body]) if chunked else body, headers=headers, timeout=10
    )

    assert (answer.status_code, answer.json()) == (413, {"error": "the body has more than 65,536 bytes"})


def test_the_number_of_faults_is_bounded(local_aws, order_fault, monkeypatch):
    monkeypatch.setattr("local_aws.faults.MAX_FAULTS", 2)
    for _ in range(2):
        order_fault(error="X")

    answer = requests.post(f"{local_aws.url}/_local/faults", json={"error": "X"}, timeout=10)

    assert (answer.status_code, answer.json()["error"]) == (400, "there are 2 faults already; withdraw some first")
