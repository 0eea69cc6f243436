"""HTTP/1.1 for a WSGI application: werkzeug's server, and connections that stay open from one request to the next."""

import socket
import sys
import traceback
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected, InternalServerError
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import LimitedStream

MAX_CONNECTIONS = 10_000
"""At a time, each with a thread. A further one is closed at once."""
IDLE_SECONDS = 60
"""A connection without a request for this time is closed."""
STALLED_SECONDS = 120
"""A client that sends or takes nothing for so long within a request loses its connection, and the server its thread."""
MAX_SKIPPED_BYTES = 2**20
"""If more than this of a request's body is unread when the request is answered, the connection is closed."""
MAX_BYTES_WITH_HEADERS = 2**16
"""Of an answer, in the same write."""
MAX_LINGERING_BYTES = 10 * 2**30
HAS_LEFT = (ConnectionError, TimeoutError, ClientDisconnected)
"""What reading and writing raise if the client has left, or stalls."""
WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class _Chunks(DechunkedInput):
    """A body in chunks."""

    unread_bytes: float = float("inf")
    """0 after the last chunk; before that it is not known."""

    def readinto(self, buffer: Any) -> int:
        size: int = super().readinto(buffer)
        if not size:
            self.unread_bytes = 0
        return size


class _Body(LimitedStream):
    """A body with a Content-Length."""

    @property
    def unread_bytes(self) -> float:
        return float(self.limit - self.tell())


class RequestHandler(MotoRequestHandler):
    """Serves the requests of one connection, one after another."""

    server: "Server"
    # Connections that stay open, bodies in chunks and Expect: 100-continue need HTTP/1.1.
    protocol_version = "HTTP/1.1"
    # A long answer is two writes; Nagle's algorithm would delay the second one.
    disable_nagle_algorithm = True

    def log_request(self, *arguments: Any) -> None:
        """Print nothing: clients that poll would fill the terminal."""

    def handle_one_request(self) -> None:
        self.connection.settimeout(IDLE_SECONDS)
        try:
            waiting = self.rfile.peek(1)
        except TimeoutError:
            waiting = b""
        self.connection.settimeout(STALLED_SECONDS)
        if waiting:
            super().handle_one_request()
        else:
            self.close_connection = True

    def run_wsgi(self) -> None:
        """Answer a request. This replaces werkzeug's method, which closes the connection after every answer."""
        environment = self.make_environ()
        try:
            body = environment["wsgi.input"] = self._body(environment)
        except ValueError:  # where the next request begins is not known
            self.close_connection = True
            self._send(400, Headers({"Content-Type": "text/plain"}), b"Bad request: Content-Length is not a number.\n")
            self._linger()
            return
        try:
            status, headers, answer = self._call_application(environment)
        except HAS_LEFT:  # or it is to be left without an answer
            self.close_connection = True
            return
        if body.unread_bytes > MAX_SKIPPED_BYTES:
            self.close_connection = True
        try:
            self._send(status, headers, answer)
            if not self.close_connection:
                body.read()  # what is left of it would be taken for the next request
        except HAS_LEFT:
            self.close_connection = True
            return
        if self.close_connection:
            self._linger()

    def _body(self, environment: dict[str, Any]) -> _Body | _Chunks:
        """
        :raises ValueError: the Content-Length is not a number
        """
        if environment.get("wsgi.input_terminated"):
            return _Chunks(self.rfile)
        length = environment.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal():
            raise ValueError(length)
        return _Body(self.rfile, int(length))

    def _call_application(self, environment: dict[str, Any]) -> tuple[int, Headers, bytes]:
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, environment, buffered=True)
        except HAS_LEFT:
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            chunks, status, headers = run_wsgi_app(InternalServerError(), environment, buffered=True)
        return int(status.split()[0]), headers, b"".join(chunks)

    def _send(self, status: int, headers: Headers, answer: bytes) -> None:
        """Send an answer: in one write if it is short, because two would wake the client twice."""
        if self.command == "HEAD" or status in WITHOUT_BODY:
            answer = b""
        else:
            headers["Content-Length"] = str(len(answer))
        headers["Connection"] = "close" if self.close_connection else "keep-alive"
        headers.setdefault("Server", self.version_string())
        headers.setdefault("Date", self.date_time_string())
        phrase, *_ = self.responses.get(status, ("",))
        lines = [
            f"{self.protocol_version} {status} {phrase}",
            *(f"{key}: {text}" for key, text in headers),
        ]
        head = "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1", "replace")
        self.wfile.write(head + answer[:MAX_BYTES_WITH_HEADERS])
        if len(answer) > MAX_BYTES_WITH_HEADERS:
            self.wfile.write(memoryview(answer)[MAX_BYTES_WITH_HEADERS:])

    def _linger(self) -> None:
        """Read what the client still sends: a connection that is closed before would be reset, and the answer lost."""
        self.connection.settimeout(1)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            left = MAX_LINGERING_BYTES
            while left > 0 and (data := self.rfile.read1(2**20)):
                left -= len(data)


class Server(ThreadedWSGIServer):
    """
    A server with a thread for each connection.

    :param listener: the socket on which it accepts connections
    """

    def __init__(self, host: str, listener: socket.socket, application: Any):
        self._connections: set[Any] = set()
        super().__init__(host, listener.getsockname()[1], application, RequestHandler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            self.shutdown_request(request)
            return
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close every connection, also of a request that is not answered yet."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
