"""The HTTP server: one address for every service."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

import moto.sagemaker.models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from include.local_aws.pace import Pace
from include.local_aws.sagemaker.models import SageMakerBackend
from include.local_aws.sagemaker_runtime import invoke_endpoint, invoked_endpoint_name

WsgiEnvironment = dict[str, Any]


class _RequestHandler(MotoRequestHandler):
    # Clients keep their connections; without this each call costs a new one.
    protocol_version = "HTTP/1.1"

    def log_request(self, *arguments: Any) -> None:
        """No line per request: pollers would drown everything else."""


class Application:
    """The WSGI application: this package's own paths first, everything else is moto's."""

    def __init__(self) -> None:
        # moto has no plug-in mechanism, but looks its backend class up at the first call for an account and region.
        moto.sagemaker.models.sagemaker_backends.backend = SageMakerBackend
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environment: WsgiEnvironment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if path == "/_local/health":
            body = json.dumps({"status": "ready"})
            application: Any = Response(body, content_type="application/json")
        elif name := invoked_endpoint_name(path):
            application = invoke_endpoint(name, Request(environment))
        else:
            application = self._moto
        answer: Iterable[bytes] = application(environment, start_response)
        return answer


class LocalAws:
    """
    A local AWS as a context manager; it serves from construction on.

    :param port: 0 takes a free one
    :raises OSError: the port is taken
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, pace: Pace | None = None):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        SageMakerBackend.pace = pace or Pace()
        # Bound here, because werkzeug answers a taken port with sys.exit.
        listener = socket.create_server((host, port), backlog=1024)
        self._server = make_server(
            host, listener.getsockname()[1], Application(), threaded=True, request_handler=_RequestHandler,
            fd=listener.fileno(),
        )  # fmt: skip
        listener.close()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="local-aws")
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop serving, and every training that still runs."""
        self._server.shutdown()
        self._server.server_close()
        SageMakerBackend.stop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
