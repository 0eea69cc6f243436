"""Requests that S3 refuses, and that moto fails at, at once or later."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from urllib.parse import parse_qs
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from botocore.model import Shape

from local_aws.calls import UNKNOWN, Call, WsgiEnvironment, read_body
from local_aws.s3_objects import s3_backend
from local_aws.service_models import service_model

Refusal = tuple[str, str]
"""Code and message of an error."""
_INTEGER = re.compile(r"-?\d{1,10}")
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
    if _payload(call.operation):
        read_body(environment)  # which keeps it, to explain a failure
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
    query = parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True)
    if call.operation == UNKNOWN:
        return _NO_KEY if isinstance(error, KeyError) and error.args == ("key",) else None
    if isinstance(error, KeyError) and [*error.args] == query.get("uploadId"):
        return _NO_UPLOAD
    if isinstance(error, ValueError) and (name := _wrong_integer(call.operation, query)):
        return "InvalidArgument", f"Provided {name} not an integer or within integer range"
    return _MALFORMED if _has_malformed_xml(call, environment) else None


def _wrong_integer(operation: str, query: Mapping[str, Sequence[str]]) -> str:
    """A parameter of the query that must be an integer, and is none; empty if there is none."""
    shape = _input_shape(operation)
    for member in shape.members.values() if shape else ():
        name: str = member.serialization.get("name", "")
        if member.type_name == "integer" and not all(map(_INTEGER.fullmatch, query.get(name, ()))):
            return name
    return ""


def _has_malformed_xml(call: Call, environment: WsgiEnvironment) -> bool:
    body, payload = environment["wsgi.input"], _payload(call.operation)
    return payload is not None and isinstance(body, BytesIO) and _is_malformed(body.getvalue(), payload)


def _is_malformed(xml: bytes, payload: Shape) -> bool:
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return True
    return _name(root) != payload.serialization["name"] or _lacks_elements(root, payload)


def _lacks_elements(element: Element, shape: Shape) -> bool:
    """Whether a structure, here or below, is empty, or lacks an element that the service model requires."""
    elements, present = _elements_of(shape), {_name(child) for child in element}
    required = {_tag(shape, name) for name in shape.metadata.get("required", ())}
    if (elements and not present) or (required & elements.keys()) - present:
        return True
    return any(_lacks_elements(child, below) for child, below in _children(element, shape))


def _children(element: Element, shape: Shape) -> Iterator[tuple[Element, Shape]]:
    """The known elements below one, and their shapes."""
    if shape.type_name == "list":
        yield from ((item, shape.member) for item in element)
    members = _elements_of(shape)
    for child in element:
        if member := members.get(_name(child)):
            # A flattened list has no element around its items.
            yield child, member.member if member.serialization.get("flattened") else member


def _elements_of(shape: Shape) -> dict[str, Shape]:
    """The members of a structure that are elements, by the elements' names."""
    members = getattr(shape, "members", {}).items()
    return {_tag(shape, name): member for name, member in members if not member.serialization.get("xmlAttribute")}


def _tag(shape: Shape, name: str) -> str:
    """The name of a member's element."""
    tag: str = shape.members[name].serialization.get("name", name)
    return tag


def _name(element: Element) -> str:
    """Without its namespace."""
    return element.tag.rpartition("}")[2]


@cache
def _headers_on_demand() -> set[str]:
    """The parameters that set headers of an answer."""
    members = service_model("s3").operation_model("GetObject").input_shape.members.values()
    names = {member.serialization.get("name", "") for member in members}
    return {name for name in names if name.startswith("response-")}


def _input_shape(operation: str) -> Shape | None:
    """None if it is none of S3's operations, as a client may ask for, or has no input."""
    model = service_model("s3")
    return model.operation_model(operation).input_shape if operation in model.operation_names else None


def _payload(operation: str) -> Shape | None:
    """The shape of an operation's XML; None if it has none."""
    shape = _input_shape(operation)
    payload = shape.serialization.get("payload") if shape else None
    found = shape.members[payload] if shape and payload else None
    return found if found is not None and found.type_name == "structure" else None
