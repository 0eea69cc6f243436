"""Requests that S3 refuses, and that moto fails at, at once or later."""

import json
import re
from functools import cache
from urllib.parse import parse_qs
from xml.parsers.expat import ExpatError

from local_aws.calls import UNKNOWN, Call, WsgiEnvironment, read_body
from local_aws.s3_objects import s3_backend
from local_aws.service_models import service_model

Refusal = tuple[str, str]
"""Code and message of an error."""
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MALFORMED = (
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
)
_NO_KEY = (
    "InvalidArgument",
    "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
)
_NO_UPLOAD = (
    "NoSuchUpload",
    "The specified upload does not exist. "
    "The upload ID may be invalid, or the upload may have been aborted or completed.",
)


def s3_refusal(call: Call, environment: WsgiEnvironment) -> Refusal | None:
    """The refusal of a request before it is carried out."""
    if call.operation in {"GetObject", "HeadObject"}:
        return _header_refusal(environment)
    if call.operation == "PutBucketPolicy":
        return _policy_refusal(read_body(environment))
    if call.operation == UNKNOWN and environment["REQUEST_METHOD"] == "POST":
        return _form_refusal(call, environment)
    return None


def _header_refusal(environment: WsgiEnvironment) -> Refusal | None:
    """Of the headers that a client wants in the answer."""
    for name, values in parse_qs(environment.get("QUERY_STRING", "")).items():
        if name not in _headers_on_demand():
            continue
        if any(map(_NOT_IN_HEADERS.search, values)):
            return "InvalidArgument", f"The value of {name} cannot be that of a header."
        if max(map(ord, "".join(values)), default=0) > 255:
            return "InvalidArgument", "Header value cannot be represented using ISO-8859-1."
    return None


def _form_refusal(call: Call, environment: WsgiEnvironment) -> Refusal | None:
    """Of a POST that is none of S3's operations: only a form that uploads an object is one, to a bucket."""
    bucket, _, key = call.name.partition("/")
    if key or not bucket:
        return "MethodNotAllowed", "The specified method is not allowed against this resource."
    if bucket not in s3_backend().buckets:
        return "NoSuchBucket", "The specified bucket does not exist"
    if not environment.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data"):
        return "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data"
    return None


def _policy_refusal(body: bytes) -> Refusal | None:
    """Of a bucket's policy: with one that cannot be evaluated, every request for an object would fail."""
    try:
        policy = json.loads(body)
    except (ValueError, RecursionError):
        policy = None
    if not isinstance(policy, dict):
        return "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"
    statements = policy.get("Statement") or None
    flaws = map(_flaw_of_statement, statements if isinstance(statements, list) else [statements])
    return next((("MalformedPolicy", flaw) for flaw in flaws if flaw), None)


def _flaw_of_statement(statement: object) -> str:
    """What a bucket policy's statement lacks; empty if it lacks nothing."""
    if not isinstance(statement, dict):
        return "Missing required field Statement"
    if statement.get("Effect") not in ("Allow", "Deny"):
        return f"Invalid effect: {statement.get('Effect')}"
    needed = ("Principal", "Action", "Resource")
    missing = [name for name in needed if not (statement.get(name) or statement.get(f"Not{name}"))]
    return f"Missing required field {missing[0]}" if missing else ""


def s3_explanation(call: Call, environment: WsgiEnvironment, error: Exception) -> Refusal | None:
    """The refusal of a request at which moto failed; None if the failure tells nothing of the request."""
    if isinstance(error, ExpatError):
        return _MALFORMED
    if not isinstance(error, KeyError):
        return None
    if call.operation == UNKNOWN:
        return _NO_KEY if error.args == ("key",) else None
    if [*error.args] == parse_qs(environment.get("QUERY_STRING", "")).get("uploadId"):
        return _NO_UPLOAD
    return _MALFORMED if error.args == (_root(call.operation),) else None


@cache
def _headers_on_demand() -> set[str]:
    """The parameters that set headers of an answer."""
    members = service_model("s3").operation_model("GetObject").input_shape.members.values()
    names = {member.serialization.get("name", "") for member in members}
    return {name for name in names if name.startswith("response-")}


def _root(operation: str) -> str | None:
    """The name of the element that is an operation's XML; None if it has none."""
    shape = service_model("s3").operation_model(operation).input_shape
    payload = shape.serialization.get("payload")
    found: str | None = shape.members[payload].serialization.get("name") if payload else None
    return found
