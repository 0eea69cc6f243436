"""Requests that S3 refuses, and that moto fails at."""

import re
from urllib.parse import parse_qs

from local_aws.calls import UNKNOWN, Call, WsgiEnvironment

Refusal = tuple[str, str]
"""Code and message of an error."""
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def s3_refusal(call: Call, environment: WsgiEnvironment) -> Refusal | None:
    """The refusal of a request before it is carried out."""
    if call.operation in {"GetObject", "HeadObject"}:
        return _header_refusal(environment)
    if call.operation == UNKNOWN and environment["REQUEST_METHOD"] == "POST":
        return _form_refusal(call, environment)
    return None


def _header_refusal(environment: WsgiEnvironment) -> Refusal | None:
    """Of the headers that a client wants in the answer."""
    for name, values in parse_qs(environment.get("QUERY_STRING", "")).items():
        if name.startswith("response-") and any(map(_NOT_IN_HEADERS.search, values)):
            return "InvalidArgument", f"The value of {name} cannot be that of a header."
        if name.startswith("response-") and max(map(ord, "".join(values)), default=0) > 255:
            return "InvalidArgument", "Header value cannot be represented using ISO-8859-1."
    return None


def _form_refusal(call: Call, environment: WsgiEnvironment) -> Refusal | None:
    """Of a POST that is none of S3's operations: only a form that uploads an object is one, to a bucket."""
    if "/" in call.name.rstrip("/"):
        return "MethodNotAllowed", "The specified method is not allowed against this resource."
    if not environment.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
        return "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data"
    return None


def s3_explanation(call: Call, error: Exception) -> Refusal | None:
    """The refusal of a form that moto could not read."""
    if call.operation == UNKNOWN and isinstance(error, KeyError) and error.args == ("key",):
        return "InvalidArgument", (
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        )
    return None
