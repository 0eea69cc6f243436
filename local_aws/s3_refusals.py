"""Requests that S3 refuses, and that moto fails at."""

import re
from urllib.parse import parse_qs
from xml.parsers.expat import ExpatError

from local_aws.calls import UNKNOWN, Call, WsgiEnvironment
from local_aws.s3_objects import s3_backend
from local_aws.service_models import service_model

Refusal = tuple[str, str]
"""Code and message of an error."""
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def s3_refusal(call: Call, environment: WsgiEnvironment) -> Refusal | None:
    """The refusal of a request before it is carried out."""
    query = parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True)
    bucket, _, key = call.name.partition("/")
    for name, values in query.items():
        if name.startswith("response-") and any(map(_NOT_IN_HEADERS.search, values)):
            return "InvalidArgument", f"The value of {name} cannot be that of a header."
    if environment["REQUEST_METHOD"] == "POST" and key and call.operation == UNKNOWN:
        return "MethodNotAllowed", "The specified method is not allowed against this resource."
    if bucket in s3_backend().buckets and set(query.get("uploadId", ())) - set(s3_backend().buckets[bucket].multiparts):
        return "NoSuchUpload", (
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
            "completed."
        )
    return None


def s3_explanation(call: Call, error: Exception) -> Refusal | None:
    """The refusal of a request that moto could not read."""
    if not isinstance(error, (ExpatError, KeyError)):
        return None
    if call.operation == UNKNOWN:  # a form, the only request that is no operation
        return "InvalidArgument", (
            f"Bucket POST must contain a field named {error}.  "
            "If it is specified, please check the order of the fields."
        )
    if not _has_xml(call.operation):
        return None
    return "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"


def _has_xml(operation: str) -> bool:
    """Whether the body of an operation's request is XML."""
    shape = service_model("s3").operation_model(operation).input_shape
    payload = shape.serialization.get("payload")
    return payload is not None and shape.members[payload].type_name == "structure"
