"""Answers of moto's response classes without moto's Flask applications, which take a fifth of an answer's time."""

from moto.core.request import Request
from moto.core.responses import BaseResponse
from werkzeug.wrappers import Response

from local_aws.calls import WsgiEnvironment


def answer_directly(responses: type[BaseResponse], environment: WsgiEnvironment) -> Response:
    """Carry out a call of a service whose operations are all at the path ``/``."""
    request = Request(environment)
    status, headers, body = responses.dispatch(request, request.url, request.headers)
    return Response(body, status=status, headers=headers)
