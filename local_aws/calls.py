"""Identify the AWS call that an HTTP request makes: service, operation, caller, region and name of the resource."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl

from botocore.model import OperationModel

from local_aws.service_models import RUNTIME, service_model

DEFAULT_REGION = "us-east-1"
ANONYMOUS = "anonymous"
UNKNOWN = "Unknown"
"""The operation of a request that no protocol explains."""

_CREDENTIAL = re.compile(r"([^/,]+)/\d{8}/([^/]+)/([^/]+)/")
_SERVICES = {"monitoring": "cloudwatch"}
"""botocore's name of a service, where the name in signatures differs."""
_BUCKET_HOST = re.compile(r"(.+)\.(?:s3[.-].+|localhost)")
_RPC_PATH = re.compile(r"/service/[^/]+/operation/(\w+)")
_RUNTIME_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-[\w-]+)")
_RUNTIME_OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}

WsgiEnvironment = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS service."""

    service: str
    """botocore's name of the service."""
    operation: str
    principal: str
    """The access key that signed the call."""
    region: str
    name: str
    """The name of the resource, ``bucket/key`` for an object; empty if the call names none."""


class _Target(NamedTuple):
    """What a request itself says of its call, without the signature."""

    service: str
    operation: str
    name: str = ""


def identify(environment: WsgiEnvironment) -> Call:
    """
    Identify the call that a WSGI request makes. What is read of its body is put back.

    :raises HTTPException: the body cannot be read
    """
    principal, region, service = _signature(environment)
    protocols = _PROTOCOLS
    if service == "s3" and principal != ANONYMOUS:  # an object's key may look like a path of another service
        protocols = (_s3,)
    targets = (protocol(environment, service) for protocol in protocols)
    service, operation, name = next(filter(None, targets), _Target(service, UNKNOWN))
    return Call(service, operation, principal, region, name)


def _invocation(environment: WsgiEnvironment, _: str) -> _Target | None:
    """SageMaker Runtime: the path names the endpoint."""
    match = _RUNTIME_PATH.fullmatch(_path(environment))
    return _Target(RUNTIME, _RUNTIME_OPERATIONS.get(match[2], match[2]), match[1]) if match else None


def _json(environment: WsgiEnvironment, service: str) -> _Target | None:
    """JSON: a header names the operation."""
    target = environment.get("HTTP_X_AMZ_TARGET")
    if not target:
        return None
    operation = target.rpartition(".")[2]
    return _Target(service, operation, _json_name(service, operation, read_body(environment)))


def _rpc(environment: WsgiEnvironment, service: str) -> _Target | None:
    """Smithy RPC: the path names the operation."""
    match = _RPC_PATH.fullmatch(_path(environment))
    return _Target(service, match[1]) if match else None


def _query(environment: WsgiEnvironment, service: str) -> _Target | None:
    """Query: a form names the operation."""
    is_form = environment.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if _path(environment) != "/" or not is_form:
        return None
    form = dict(parse_qsl(read_body(environment).decode(errors="replace")))
    name = next((value for key, value in form.items() if key.endswith("Name")), "")
    return _Target(service, form.get("Action", UNKNOWN), name)


def _s3(environment: WsgiEnvironment, service: str) -> _Target | None:
    """S3's REST: method, path, query and headers tell the operation."""
    return _Target(service, s3_operation(environment), _s3_name(environment)) if service == "s3" else None


_PROTOCOLS: tuple[Callable[[WsgiEnvironment, str], _Target | None], ...] = (_invocation, _json, _rpc, _query, _s3)


def s3_operation(environment: WsgiEnvironment) -> str:
    """S3's operation: of those with the same method and kind of path, the one with the most required parts present."""
    bucket, _, key = _s3_name(environment).partition("/")
    level = bool(bucket) + bool(key)  # 0: all buckets, 1: a bucket, 2: an object
    query = set(parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True))
    headers = {name[5:].replace("_", "-").lower() for name in environment if name.startswith("HTTP_")}
    fitting = [
        (len(needed_query) + len(needed_headers), name)
        for name, needed_query, needed_headers in _s3_routes().get((environment["REQUEST_METHOD"], level), [])
        if needed_query <= query and needed_headers <= headers
    ]
    # With the same number of parts the shortest name wins: ListBuckets, not ListDirectoryBuckets.
    return max(fitting, key=lambda entry: (entry[0], -len(entry[1])), default=(0, UNKNOWN))[1]


def _path(environment: WsgiEnvironment) -> str:
    """The path as UTF-8. WSGI decodes its bytes as Latin-1."""
    return str(environment.get("PATH_INFO", "/")).encode("latin-1").decode("utf-8", "replace")


def _s3_name(environment: WsgiEnvironment) -> str:
    """``bucket/key``; the bucket may be in the path or in the host name."""
    path = _path(environment).removeprefix("/")
    host = _BUCKET_HOST.fullmatch(environment.get("HTTP_HOST", "").partition(":")[0])
    return f"{host[1]}/{path}" if host else path


@cache
def _s3_routes() -> dict[tuple[str, int], list[tuple[str, set[str], set[str]]]]:
    """S3's operations with the query parameters and headers that they require, by method and level of the path."""
    routes: dict[tuple[str, int], list[tuple[str, set[str], set[str]]]] = {}
    model = service_model("s3")
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        level = ("{Bucket}" in path) + ("{Key+}" in path)
        parameters = set(parse_qs(query, keep_blank_values=True)) | _required(operation, "querystring")
        headers = {header.lower() for header in _required(operation, "header")}
        routes.setdefault((operation.http["method"], level), []).append((name, parameters, headers))
    return routes


def _required(operation: OperationModel, location: str) -> set[str]:
    """The names of the required members that a request has in a location."""
    shape = operation.input_shape
    members = [shape.members[name].serialization for name in shape.required_members] if shape else []
    return {member["name"] for member in members if member.get("location") == location}


def _signature(environment: WsgiEnvironment) -> tuple[str, str, str]:
    """Access key, region and service, from the header of a signed request or the query of a presigned URL."""
    query = parse_qs(environment.get("QUERY_STRING", ""))
    _, _, header = environment.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    match = _CREDENTIAL.search(header) or _CREDENTIAL.search(query.get("X-Amz-Credential", [""])[0])
    if match is None:
        return query.get("AWSAccessKeyId", [ANONYMOUS])[0], DEFAULT_REGION, "s3"  # of a URL of signature version 2
    return match[1], match[2], _SERVICES.get(match[3], match[3])


def _json_name(service: str, operation: str, body: bytes) -> str:
    """The first member of a JSON request whose name ends in Name or Arn."""
    try:
        parameters = json.loads(body or b"{}")
        members = service_model(service).operation_model(operation).input_shape.members
    except Exception:  # not JSON, or unknown to botocore: the code that answers the call refuses it
        return ""
    if not isinstance(parameters, dict):
        return ""
    names = (parameters.get(member) for member in members if member.endswith(("Name", "Arn")))
    return next((name for name in names if isinstance(name, str)), "")


def read_body(environment: WsgiEnvironment) -> bytes:
    stream = environment["wsgi.input"]
    if length := environment.get("CONTENT_LENGTH"):
        body: bytes = stream.read(int(length))
    else:  # a body in chunks has an end, but no length
        body = stream.read() if environment.get("wsgi.input_terminated") else b""
    environment["wsgi.input"] = io.BytesIO(body)
    return body
