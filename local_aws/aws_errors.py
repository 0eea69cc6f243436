"""AWS's error answers: written in the protocol of a call's service, and read from any protocol."""

import re
import warnings
from contextlib import suppress

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, OperationNotFoundError, ServiceModel
from moto.core.exceptions import ServiceException
from moto.core.request import determine_request_protocol
from moto.core.serialize import SERIALIZERS, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from local_aws.calls import Call

NOT_IMPLEMENTED = "NotImplemented"
"""Of what the local AWS does not have. Not ValidationException, which waiters take for "does not exist"."""
STATUSES = {
    "InternalServerError": 500,
    "InternalFailure": 500,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "ServiceUnavailableException": 503,
    "AccessDeniedException": 403,
    "AccessDenied": 403,
    "ExpiredTokenException": 403,
    "NoSuchKey": 404,
    "NoSuchBucket": 404,
    "NoSuchUpload": 404,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "PreconditionFailed": 412,
}
"""HTTP statuses by error code. Every other code, for example ThrottlingException, has the status 400."""

_ERROR_CODE = re.compile(rb'<Code>(\w+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?(\w+)"')

# moto warns about every code that the service's model does not list, for example ThrottlingException.
warnings.filterwarnings("ignore", message=".*does not match an error shape", category=UserWarning)


class UnsupportedOperation(ServiceException):
    """The local AWS does not have what a request asks for; the message names it."""

    code = NOT_IMPLEMENTED


def aws_error(call: Call, content_type: str | None, code: str, message: str) -> Response:
    """An error answer in the protocol of the call's service."""
    error = type(code, (ServiceException,), {"code": code})(message)
    status = STATUSES.get(code, 400)
    try:
        model = get_service_model(call.service)
    except UnknownServiceError:
        return Response(f"{code}: {message}", status=status)
    try:
        operation = model.operation_model(call.operation)
    except OperationNotFoundError:
        operation = OperationModel({}, model)
    protocol = _protocol(model, content_type)
    answer = get_serializer_class(call.service, protocol)(operation_model=operation).serialize(error)
    return Response(answer["body"], status=status, headers=answer["headers"])


def _protocol(model: ServiceModel, content_type: str | None) -> str:
    """The protocol of a request, or one of the service's if the request has none that moto can write."""
    of_service: list[str] = [str(model.metadata["protocol"]), *model.metadata.get("protocols", [])]
    with suppress(NotImplementedError):  # the service has no protocol with this content type
        of_service.insert(0, determine_request_protocol(model, content_type))
    return next(protocol for protocol in of_service if protocol in SERIALIZERS)


def error_code(answer: Response) -> str:
    """The code of an error answer, or its status if it has none."""
    if kind := answer.headers.get("x-amzn-ErrorType"):
        return str(kind).partition(":")[0].rpartition("#")[2]
    match = _ERROR_CODE.search(answer.get_data()[:10_000])
    return (match[1] or match[2]).decode() if match else str(answer.status_code)
