"""Which call a request is: service, operation, principal, name; and a log of all of them."""

import io
import json
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from botocore.model import OperationModel

from local_aws.sagemaker_runtime import invoked_endpoint_name
from local_aws.service_models import service_model

DEFAULT_REGION = "us-east-1"
ANONYMOUS = "anonymous"
KEPT_IN_MEMORY = 100_000

_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d{8}/([^/]+)/([^/]+)/")
_PRESIGNED = re.compile(r"([^/]+)/\d{8}/([^/]+)/([^/]+)/")
_BUCKET_HOST = re.compile(r"(.+)\.(?:s3[.-].+|localhost)")
_RPC_PATH = re.compile(r"/service/[^/]+/operation/(\w+)")
_OTHER_RUNTIME_PATH = re.compile(r"/endpoints/([^/]+)/(async-invocations|invocations-[\w-]+)")
_RUNTIME_OPERATIONS = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
_SERVICES = {"monitoring": "cloudwatch"}
"""botocore's names, where they differ from those in signatures."""
_ERROR_CODE = re.compile(rb'<Code>(\w+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?(\w+)"')

WsgiEnvironment = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an AWS service."""

    service: str
    """botocore's name."""
    operation: str
    principal: str
    """The access key that signed it."""
    region: str
    name: str
    """Of the resource: a job, an endpoint, ``bucket/key``; empty where there is none."""


def identify(environment: WsgiEnvironment) -> Call:
    """The call that a WSGI request is; what is read of its body is put back."""
    path = _path(environment)
    principal, region, service = _signature(environment)
    if service == "s3" and principal != ANONYMOUS:
        return Call(service, s3_operation(environment), principal, region, _s3_name(environment))
    if endpoint := invoked_endpoint_name(path):
        return Call("sagemaker-runtime", "InvokeEndpoint", principal, region, endpoint)
    if target := environment.get("HTTP_X_AMZ_TARGET"):
        operation = target.rpartition(".")[2]
        return Call(service, operation, principal, region, _json_name(service, operation, _read_body(environment)))
    if other := _OTHER_RUNTIME_PATH.fullmatch(path):
        return Call("sagemaker-runtime", _RUNTIME_OPERATIONS.get(other[2], other[2]), principal, region, other[1])
    if rpc := _RPC_PATH.fullmatch(path):
        return Call(service, rpc[1], principal, region, "")
    if path == "/" and environment.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(_read_body(environment).decode(errors="replace")))
        name = next((value for key, value in form.items() if key.endswith("Name")), "")
        return Call(service, form.get("Action", "Unknown"), principal, region, name)
    if service == "s3":
        return Call(service, s3_operation(environment), principal, region, _s3_name(environment))
    return Call(service, "Unknown", principal, region, "")


def error_code(status: int, headers: list[tuple[str, str]], body: bytes) -> str:
    """The error's code in an answer of any of AWS's protocols."""
    for name, value in headers:
        if name.lower() == "x-amzn-errortype":
            return value.partition(":")[0].rpartition("#")[2]
    match = _ERROR_CODE.search(body[:10_000])
    return (match[1] or match[2]).decode() if match else str(status)


def s3_operation(environment: WsgiEnvironment) -> str:
    """S3's operation: the one of the same method and kind of path of which most required parts are there."""
    bucket, _, key = _s3_name(environment).partition("/")
    level = bool(bucket) + bool(key)
    query = set(parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True))
    headers = {name[5:].replace("_", "-").lower() for name in environment if name.startswith("HTTP_")}
    fitting = [
        (len(needed_query) + len(needed_headers), name)
        for name, needed_query, needed_headers in _s3_routes().get((environment["REQUEST_METHOD"], level), [])
        if needed_query <= query and needed_headers <= headers
    ]
    # Of equals the shortest name: ListBuckets rather than ListDirectoryBuckets.
    return max(fitting, key=lambda entry: (entry[0], -len(entry[1])), default=(0, "Unknown"))[1]


def _path(environment: WsgiEnvironment) -> str:
    """The path, whose bytes WSGI hands over as Latin-1."""
    return str(environment.get("PATH_INFO", "/")).encode("latin-1").decode("utf-8", "replace")


def _s3_name(environment: WsgiEnvironment) -> str:
    """``bucket/key``, whether the bucket stands in the path or in the host's name."""
    path = _path(environment).removeprefix("/")
    host = _BUCKET_HOST.fullmatch(environment.get("HTTP_HOST", "").partition(":")[0])
    return f"{host[1]}/{path}" if host else path


@cache
def _s3_routes() -> dict[tuple[str, int], list[tuple[str, frozenset[str], frozenset[str]]]]:
    routes: dict[tuple[str, int], list[tuple[str, frozenset[str], frozenset[str]]]] = {}
    model = service_model("s3")
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        level = ("{Bucket}" in path) + ("{Key+}" in path)
        flags = set(parse_qs(query, keep_blank_values=True)) | _required(operation, "querystring")
        route = (name, frozenset(flags), frozenset(_required(operation, "header")))
        routes.setdefault((operation.http["method"], level), []).append(route)
    return routes


def _required(operation: OperationModel, location: str) -> set[str]:
    shape = operation.input_shape
    members = [shape.members[name].serialization for name in shape.required_members] if shape else []
    return {
        member["name"].lower() if location == "header" else member["name"]
        for member in members
        if member.get("location") == location
    }


def _signature(environment: WsgiEnvironment) -> tuple[str, str, str]:
    """Access key, region and service."""
    match = _CREDENTIAL.search(environment.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        query = parse_qs(environment.get("QUERY_STRING", ""))
        match = _PRESIGNED.search(query.get("X-Amz-Credential", [""])[0])
    if match is None:
        return ANONYMOUS, DEFAULT_REGION, "s3"
    return match[1], match[2], _SERVICES.get(match[3], match[3])


def _json_name(service: str, operation: str, body: bytes) -> str:
    try:
        parameters = json.loads(body or b"{}")
        members = service_model(service).operation_model(operation).input_shape.members
    except Exception:  # hostile or unknown: whoever answers the call says what is wrong with it
        return ""
    if not isinstance(parameters, dict):
        return ""
    names = (parameters.get(member) for member in members if member.endswith(("Name", "Arn")))
    return next((name for name in names if isinstance(name, str)), "")


def _read_body(environment: WsgiEnvironment) -> bytes:
    stream = environment["wsgi.input"]
    length = environment.get("CONTENT_LENGTH")
    body: bytes = (
        stream.read(int(length)) if length else stream.read() if environment.get("wsgi.input_terminated") else b""
    )
    environment["wsgi.input"] = io.BytesIO(body)
    return body


class RequestLog:
    """
    All calls: the newest in memory, all of them in a file of JSON lines where there is a directory for it.

    :param file: continued where it exists
    """

    def __init__(self, file: Path | None = None):
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT_IN_MEMORY)
        self._file = None
        if file is not None:
            self._file = file.open("ab+", buffering=0)  # a line is written at once, or not at all
            self._file.seek(0)
            for line in self._file.readall().splitlines():
                with_time = _parse(line)
                if with_time:
                    self._entries.append(with_time)

    def write(self, call: Call, outcome: str, status: int, seconds: float) -> None:
        """
        :param outcome: ``ok``, or the error's code
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": time,
            **asdict(call),
            "outcome": outcome,
            "status": status,
            "milliseconds": round(seconds * 1e3, 1),
        }
        with self._lock:
            self._entries.append(entry)
            if self._file is not None:
                self._file.write(json.dumps(entry).encode() + b"\n")

    def entries(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        """The entries, oldest first, whose members fit the given patterns."""
        with self._lock:
            entries = list(self._entries)
        return (
            entry
            for entry in entries
            if all(fnmatchcase(str(entry.get(name)), pattern) for name, pattern in filters.items())
        )

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
