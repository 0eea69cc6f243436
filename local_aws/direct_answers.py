"""Answers of moto's response classes without moto's Flask applications, which take a fifth of an answer's time."""

from moto.core.request import Request
from moto.core.responses import BaseResponse
from werkzeug.wrappers import Response

from local_aws.calls import WsgiEnvironment


class _Request(Request):
    from_wsgi_server = True  # so that the server says the date


def answer_directly(responses: type[BaseResponse], environment: WsgiEnvironment) -> Response:
    """Carry out a call of a service whose operations are all at the path ``/``."""
    request = _Request(environment)
    status, headers, body = responses.dispatch(request, request.url, request.headers)
    return Response(body, status=status, headers=headers)
