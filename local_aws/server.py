"""The HTTP server: one address for every service."""

import logging
import re
import socket
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import moto.sagemaker.models
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, OperationNotFoundError
from botocore.session import Session
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import ServiceException
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sagemaker.models import sagemaker_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local_aws.admin import PREFIX, AdminApi
from local_aws.calls import Call, RequestLog, WsgiEnvironment, error_code, identify
from local_aws.cloud import LogStream
from local_aws.faults import CONNECTION_RESET, Fault, Faults
from local_aws.pace import Pace
from local_aws.s3_objects import S3Objects
from local_aws.sagemaker.models import SageMakerBackend, Services
from local_aws.sagemaker_runtime import invoke_endpoint
from local_aws.store import DataDirectoryError, Store

StartResponse = Callable[..., Any]
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
    "NotFound": 404,
    "PreconditionFailed": 412,
}
"""HTTP statuses by error code. Every other code, ThrottlingException among them, has status 400."""
RUNTIME = "sagemaker-runtime"


class _RequestHandler(MotoRequestHandler):
    # Bodies in chunks and Expect: 100-continue are of this version.
    protocol_version = "HTTP/1.1"
    # Headers and body of an answer are two writes, and Nagle's algorithm would hold the second one back.
    disable_nagle_algorithm = True

    def log_request(self, *arguments: Any) -> None:
        """No line per request: pollers would drown everything else."""


class Application:
    """
    The WSGI application. Every call passes here: a fault may hit it, its effect on S3 is stored, and it is logged, all
    of it before it is answered.
    """

    def __init__(self, faults: Faults, requests: RequestLog, s3_objects: S3Objects):
        self._faults, self._requests, self._s3_objects = faults, requests, s3_objects
        self._admin = AdminApi(faults, requests)
        self.closing = False
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environment: WsgiEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environment.get("PATH_INFO", "")
        if reason := _refusal(environment, path):
            return self._send(Response(f"{reason}\n", status=403), environment, start_response)
        if path.startswith(PREFIX) or path == PREFIX.rstrip("/"):
            return self._send(self._admin.answer(Request(environment)), environment, start_response)
        started = time.perf_counter()
        try:
            call = identify(environment)
        except ValueError as error:  # of a length that is no number, for one
            return self._send(Response(f"Bad request: {error}\n", status=400), environment, start_response)
        fault = self._faults.of_call(call.service, call.operation, call.name)
        if fault is not None:
            time.sleep(fault.delay_seconds)
        answer = self._answer(call, environment, fault)
        if self.closing:  # what it did may not have been stored any more
            raise ConnectionResetError("the local AWS is closing")
        body = answer.get_data() if answer.status_code >= 400 else b""
        headers = list(answer.headers.items())
        outcome = "ok" if answer.status_code < 400 else error_code(answer.status_code, headers, body)
        self._requests.write(call, outcome, answer.status_code, time.perf_counter() - started)
        return self._send(answer, environment, start_response)

    def _send(self, answer: Response, environment: WsgiEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body: Iterable[bytes] = answer(environment, start_response)
        return body

    def _answer(self, call: Call, environment: WsgiEnvironment, fault: Fault | None) -> Response:
        try:
            return self._fail(fault, call, environment) if fault and fault.error else self._serve(call, environment)
        except ConnectionResetError:
            raise
        except NotImplementedError:
            # The SDK asks whether its role may do what it is about to do; this code lets it go on without an answer.
            code = "AccessDenied" if call.operation == "SimulatePrincipalPolicy" else "NotImplemented"
            text = f"The local AWS does not support {call.service}'s {call.operation}."
            return aws_error(call, environment, code, text)
        except Exception as error:
            traceback.print_exc()
            return aws_error(call, environment, "InternalFailure", f"A fault of the local AWS itself: {error!r}")

    def _serve(self, call: Call, environment: WsgiEnvironment) -> Response:
        if call.service in {"sagemaker", RUNTIME} and call.region not in _regions():
            return aws_error(call, environment, "UnrecognizedClientException", f"There is no region {call.region}.")
        if call.service == "sagemaker" and call.operation == "Unknown":
            return aws_error(call, environment, "ValidationException", "The local AWS does not support this request.")
        if call.service == RUNTIME and call.operation == "InvokeEndpoint":
            return invoke_endpoint(call.name, call.region, Request(environment))
        if call.service == RUNTIME:
            return aws_error(call, environment, "ValidationError", f"The local AWS does not support {call.operation}.")
        if (
            call.service != "s3"
            and environment.get("HTTP_X_AMZ_TARGET")
            and not _is_utf8(environment["wsgi.input"].getvalue())
        ):
            return aws_error(call, environment, "SerializationException", "The request's body is not UTF-8.")
        if call.operation == "AssumeRole" and _role_account(environment) != DEFAULT_ACCOUNT_ID:
            return aws_error(call, environment, "AccessDenied", f"There is one account here: {DEFAULT_ACCOUNT_ID}.")
        answer = Response.from_app(self._moto, environment)
        if call.service == "s3" and environment["REQUEST_METHOD"] in {"PUT", "POST", "DELETE"} and call.name:
            bucket, _, key = call.name.partition("/")
            self._s3_objects.save_bucket(bucket, key)
        return answer

    def _fail(self, fault: Fault, call: Call, environment: WsgiEnvironment) -> Response:
        if fault.error == CONNECTION_RESET:
            self._requests.write(call, CONNECTION_RESET, 0, fault.delay_seconds)
            Request(environment).get_data()  # else it would be taken for the next request
            connection: socket.socket = environment["werkzeug.socket"]
            connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("a fault was ordered")
        code = fault.error or ""
        return aws_error(call, environment, code, fault.message or f"Fault {fault.id} was ordered for this call.")


@cache
def _regions() -> frozenset[str]:
    session = Session()
    partitions = ("aws", "aws-cn", "aws-us-gov")
    return frozenset().union(*(session.get_available_regions("sagemaker", partition) for partition in partitions))


def _refusal(environment: WsgiEnvironment, path: str) -> str:
    """Why a request is not answered at all: it comes from another site's page, or from a name that leads here."""
    host = environment.get("HTTP_HOST", "")
    origin = environment.get("HTTP_ORIGIN")
    if origin is not None and urlsplit(origin).netloc != host:
        return f"The local AWS does not answer pages of {origin}."
    name = str(urlsplit(f"//{host}").hostname or "")
    if path.startswith(PREFIX) and "." in name and not re.fullmatch(r"[0-9.]+", name):
        return f"{PREFIX} is there under an IP address, localhost, or a name without a dot, not under {name}."
    return "There is no moto-api here." if path.startswith("/moto-api") else ""


def _role_account(environment: WsgiEnvironment) -> str:
    form: bytes = environment["wsgi.input"].getvalue()
    arn = parse_qs(form.decode(errors="replace")).get("RoleArn", [""])[0]
    return arn.split(":")[4] if arn.count(":") >= 5 else DEFAULT_ACCOUNT_ID


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def aws_error(call: Call, environment: WsgiEnvironment, code: str, message: str) -> Response:
    """An error in the protocol of the call's service."""
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
    try:
        protocol = determine_request_protocol(model, environment.get("CONTENT_TYPE"))
    except NotImplementedError:  # a content type that is none of the service's
        protocol = str(model.metadata["protocol"])
    answer = get_serializer_class(call.service, protocol)(operation_model=operation).serialize(error)
    return Response(answer["body"], status=status, headers=answer["headers"])


# moto warns of each error that the service model does not name, ThrottlingException for one.
warnings.filterwarnings("ignore", message=".*does not match an error shape", category=UserWarning)


class LocalAws:
    """
    A local AWS as a context manager; it serves from construction on. A process has one.

    :param port: 0 takes a free one
    :param data_directory: where state is kept, and taken from; None: in memory only
    :raises OSError: the port is taken
    :raises DataDirectoryError: the directory cannot be used
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, pace: Pace | None = None, data_directory: Path | None = None
    ):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        # Bound here, because werkzeug answers a taken port with sys.exit; and before anything is restored.
        with socket.create_server((host, port), backlog=4096) as listener:
            self._store = Store(data_directory)
            self._requests = RequestLog(data_directory / "requests.jsonl" if data_directory else None)
            faults, s3_objects = Faults(), S3Objects(self._store)
            SageMakerBackend.services = Services(pace or Pace(), self._store, faults, s3_objects)
            # moto has no plug-in mechanism, but looks its backend class up at the first call for an account and region.
            moto.sagemaker.models.sagemaker_backends.backend = SageMakerBackend
            try:
                _restore(self._store)
            except Exception as error:
                raise DataDirectoryError(f"{data_directory} cannot be restored: {error!r}") from error
            self._serving = Application(faults, self._requests, s3_objects)
            self._server = make_server(
                host,
                listener.getsockname()[1],
                self._serving,
                threaded=True,
                request_handler=_RequestHandler,
                fd=listener.fileno(),
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="local-aws")
        self._thread.start()

    @property
    def application(self) -> Any:
        """The WSGI application; another one can be put in its place, or around it."""
        return self._server.app

    @application.setter
    def application(self, application: Any) -> None:
        self._server.app = application

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop serving, and every training that still runs."""
        self._serving.closing = True
        self._server.shutdown()
        self._server.server_close()
        self._store.close()  # first: what still ran is to be found as running, and so as failed, at the next start
        SageMakerBackend.stop_all()
        self._requests.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _restore(store: Store) -> None:
    for account, region, group, stream, milliseconds, line in store.log_lines():
        LogStream(account, region, group, stream, store).append([(milliseconds, line)])
    for region in store.regions():
        sagemaker_backends[DEFAULT_ACCOUNT_ID][region]  # made, and its state restored, by being looked up
