"""Whatever is sent, SageMaker answers in its own way: an answer, or a refusal, never a fault of the server's."""

import json
from functools import cache
from typing import Any

import pytest
import requests
from botocore.model import Shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
