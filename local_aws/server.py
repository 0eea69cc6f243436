"""The HTTP server: all services on one address."""

import errno
import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import moto.cloudwatch.urls
import moto.core.responses
import moto.core.utils
import moto.glue.models
import moto.logs.urls
import moto.sagemaker.models
from botocore.session import Session
from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from moto.sagemaker.models import sagemaker_backends
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from include import __version__
from local_aws import ADMIN_PATH, HOST
from local_aws.access import Access
from local_aws.admin import AdminApi
from local_aws.alarms import Alarms
from local_aws.aws_errors import NOT_IMPLEMENTED, aws_error, error_code
from local_aws.bodies import bound_body
from local_aws.bucket_policies import permission
from local_aws.calls import UNKNOWN, Call, WsgiEnvironment, identify
from local_aws.cloud import LogStream
from local_aws.cloudformation.responses import CloudFormationResponse, Stacks
from local_aws.cloudwatch_logs import Logs
from local_aws.cloudwatch_metrics import Metrics
from local_aws.direct_answers import answer_directly
from local_aws.faults import CONNECTION_RESET, Fault, Faults
from local_aws.glue.job_run import Machine
from local_aws.glue.models import GlueBackend
from local_aws.glue.spark import Spark
from local_aws.http_server import Server
from local_aws.iam.enforcement import Enforcement
from local_aws.iam.policy import Permission
from local_aws.pace import Pace
from local_aws.quotas import Quotas
from local_aws.request_log import RequestLog
from local_aws.s3_objects import S3Objects
from local_aws.s3_refusals import s3_explanation, s3_refusal
from local_aws.sagemaker.models import SageMakerBackend, Services
from local_aws.sagemaker.responses import SageMakerResponse
from local_aws.sagemaker_runtime import invoke_endpoint
from local_aws.service_models import CLOUDFORMATION, RUNTIME, SAGEMAKER
from local_aws.store import DataDirectoryError, NotKept, Store
from local_aws.terminal import tell

StartResponse = Callable[..., Any]
BACKENDS = frozenset({"s3", "sagemaker", "glue", "cloudwatch", "logs", "iam", "sts", "sns", "sqs", "budgets"})
"""moto's names of the services of the README, beside those that are not moto's."""
OWN = frozenset({RUNTIME, CLOUDFORMATION})
ANSWERED_DIRECTLY = {SAGEMAKER: SageMakerResponse, CLOUDFORMATION: CloudFormationResponse}
REFUSED = {(SAGEMAKER, UNKNOWN): "The local AWS does not support this request."}
LOCALSTACK_HEALTH = "/_localstack/health"
MAX_OBJECT_BYTES = 5 * 2**30
"""S3's limit for one PUT: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html"""
MAX_PARAMETERS_BYTES = 16 * 2**20
MAX_ORDER_BYTES = 64 * 1024
"""Of a request to the admin API."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
MAX_HOSTS = 1000
"""Hosts of services in regions, which requests name, and for which moto's choice is remembered."""
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class _Dispatcher(DomainDispatcherApplication):
    """
    moto's choice of the service that answers, among the services of the README: others may call out. For each choice
    moto looks at the folders of all its services, which took a quarter of the time of an answer.
    """

    def __init__(self, create_app: Callable[..., Any]):
        super().__init__(create_app)
        self._backend_for_host = lru_cache(MAX_HOSTS)(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        backend = self._backend_for_host(host)
        if host is not None and backend not in BACKENDS:
            raise NotImplementedError(host)
        return backend


class Application:
    """
    The WSGI application. Before it answers a call, it lets faults hit the call, stores the call's effect on S3, and
    writes the call to the request log.
    """

    def __init__(
        self,
        faults: Faults,
        requests: RequestLog,
        s3_objects: S3Objects,
        allowed_hosts: Sequence[str],
        airflow_url: str | None,
        enforcement: Enforcement | None = None,
    ):
        self._faults, self._requests, self._s3_objects = faults, requests, s3_objects
        self._enforcement = enforcement
        self._allowed_hosts = allowed_hosts
        self._admin = AdminApi(faults, requests, airflow_url)
        self._quotas = Quotas()
        self.closing, self.ready = False, False
        self._moto = _Dispatcher(create_backend_app)

    def __call__(self, environment: WsgiEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body: Iterable[bytes] = self._respond(environment)(environment, start_response)
        return body

    def _respond(self, environment: WsgiEnvironment) -> Response:
        path: str = environment.get("PATH_INFO", "")
        if reason := _forbidden(environment, path, self._allowed_hosts):
            return Response(f"{reason}\n", status=403)
        is_admin = path.startswith(ADMIN_PATH) or path == ADMIN_PATH.rstrip("/")
        try:
            bound_body(environment, MAX_ORDER_BYTES if is_admin else _max_body_bytes(environment))
        except HTTPException as error:
            return _unread(error)
        if is_admin:
            return self._answer_admin(path, environment)
        if path == LOCALSTACK_HEALTH:
            return Response(json.dumps(_localstack_health()), content_type="application/json")
        try:
            call = identify(environment)
        except HTTPException as error:
            return _unread(error)
        return self._log_answer(call, environment)

    def _log_answer(self, call: Call, environment: WsgiEnvironment) -> Response:
        started = time.perf_counter()
        permissions = self._enforcement.permissions(call, environment) if self._enforcement else ()
        answer = self._answer(call, environment, permissions)
        if self.closing:  # the store may have been closed before the call's effect was saved
            raise ConnectionResetError("the local AWS is closing")
        outcome = "ok" if answer.status_code < 400 else error_code(answer)
        self._requests.write(call, outcome, answer.status_code, time.perf_counter() - started, [*map(str, permissions)])
        return answer

    def _answer_admin(self, path: str, environment: WsgiEnvironment) -> Response:
        if not self.ready and path == f"{ADMIN_PATH}health":
            return Response(json.dumps({"status": "starting"}), status=503, content_type="application/json")
        return self._admin.answer(Request(environment))

    def _answer(self, call: Call, environment: WsgiEnvironment, permissions: Sequence[Permission]) -> Response:
        fault = self._faults.of_call(call.service, call.operation, call.name)
        if fault is not None:
            time.sleep(fault.delay_seconds)
        try:
            if self._enforcement and (refusal := self._enforcement.refusal(call, environment, permissions)):
                return _error(call, environment, *refusal)
            return self._fail(fault, call, environment) if fault and fault.error else self._serve(call, environment)
        except (ConnectionResetError, TimeoutError):
            raise
        except NotImplementedError:
            # The SageMaker SDK asks whether its role may do what it is about to do. It goes on if it gets this code.
            code = "AccessDenied" if call.operation == "SimulatePrincipalPolicy" else NOT_IMPLEMENTED
            text = f"The local AWS does not support {call.service}'s {call.operation}."
        except Exception as error:
            code, text = _explain(call, environment, error)
        return _error(call, environment, code, text)

    def _serve(self, call: Call, environment: WsgiEnvironment) -> Response:
        if refusal := _refusal(call, environment) or self._quotas.refusal(call):
            return _error(call, environment, *refusal)
        if call.service == RUNTIME:
            return invoke_endpoint(call.name, call.region, Request(environment))
        if call.service in ANSWERED_DIRECTLY and environment["PATH_INFO"] == "/":
            return answer_directly(ANSWERED_DIRECTLY[call.service], environment)
        return self._serve_with_moto(call, environment)

    def _serve_with_moto(self, call: Call, environment: WsgiEnvironment) -> Response:
        answer = Response.from_app(self._moto, environment)
        if answer.status_code == 404 and (concealment := self._concealment(call, environment)):
            return _error(call, environment, *concealment)
        if call.service == "s3" and environment["REQUEST_METHOD"] in {"PUT", "POST", "DELETE"} and call.name:
            bucket, _, key = call.name.partition("/")
            self._s3_objects.save(bucket, key)
        return answer

    def _concealment(self, call: Call, environment: WsgiEnvironment) -> tuple[str, str] | None:
        return self._enforcement.concealment(call, environment) if self._enforcement else None

    def _fail(self, fault: Fault, call: Call, environment: WsgiEnvironment) -> Response:
        if fault.error == CONNECTION_RESET:
            self._requests.write(call, CONNECTION_RESET, 0, fault.delay_seconds)
            Request(environment).get_data()  # a client that still sends would not see that its connection is closed
            raise ConnectionResetError("a fault was ordered")
        code = fault.error or ""
        return _error(call, environment, code, fault.message or f"Fault {fault.id} was ordered for this call.")


BUG = "The local AWS has a bug"
"""So begins the message of an answer that nobody has foreseen."""


def _explain(call: Call, environment: WsgiEnvironment, error: Exception) -> tuple[str, str]:
    """Code and message of an answer to a call that could not be carried out."""
    if isinstance(error, NotKept):
        return "ServiceUnavailable", str(error)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return "ServiceUnavailable", f"The local AWS has no space for this: {error.strerror}."
    if call.service == "s3" and (refusal := s3_explanation(call, environment, error)):
        return refusal
    tell(traceback.format_exc())
    return "InternalFailure", f"{BUG}: {error!r}"


def _localstack_health() -> dict[str, Any]:
    """As tools for LocalStack expect it."""
    services = dict.fromkeys(sorted(BACKENDS | OWN), "running")
    return {"services": services, "edition": "hashtag-retrain", "version": __version__}


def _error(call: Call, environment: WsgiEnvironment, code: str, message: str) -> Response:
    return aws_error(call, environment.get("CONTENT_TYPE"), code, message)


def _forbidden(environment: WsgiEnvironment, path: str, allowed_hosts: Sequence[str]) -> str:
    """Why a request is not answered at all; empty if it is. Web pages of other sites must not reach the server."""
    host = environment.get("HTTP_HOST", "")
    # A site can let its own name resolve to this machine, and so make its page one of the same origin.
    if not is_allowed_host(host, allowed_hosts):
        return f"The local AWS does not answer to the host {host[:100]!r}. Start it with --allow-host to add a host."
    origin = environment.get("HTTP_ORIGIN")
    if origin is not None and origin.partition("://")[2] != host:
        return f"The local AWS does not answer pages of {origin}."
    return "There is no moto-api here." if path.startswith("/moto-api") else ""


def _max_body_bytes(environment: WsgiEnvironment) -> int:
    """How large AWS takes a body: an object, or parameters, which are read as a whole."""
    is_form = environment.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return MAX_PARAMETERS_BYTES if environment.get("HTTP_X_AMZ_TARGET") or is_form else MAX_OBJECT_BYTES


def _unread(error: HTTPException) -> Response:
    """The refusal of a body."""
    message = json.dumps({"error": error.description})
    return Response(message, status=error.code, content_type="application/json")


def is_allowed_host(host: str, allowed_hosts: Sequence[str]) -> bool:
    """
    Whether a Host header names an allowed host, or a virtual host of S3 below one (bucket.localhost).

    :param host: with or without a port
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(name == allowed or name.endswith(f".{allowed}") for allowed in map(str.lower, allowed_hosts))


def _refusal(call: Call, environment: WsgiEnvironment) -> tuple[str, str] | None:
    """Code and message for a call that would otherwise not be answered as AWS answers it."""
    if call.service not in BACKENDS | OWN:
        return NOT_IMPLEMENTED, f"The local AWS does not support {call.service[:50]}."
    if call.service in {SAGEMAKER, RUNTIME, "glue"} and call.region not in _regions():
        return "UnrecognizedClientException", f"There is no region {call.region}."
    if call.service == RUNTIME and call.operation != "InvokeEndpoint":
        return "ValidationError", f"The local AWS does not support {call.operation}."
    if message := REFUSED.get((call.service, call.operation)):
        return NOT_IMPLEMENTED, message
    if call.service == "s3":
        return s3_refusal(call, environment)
    return _body_refusal(call, environment) if call.service != RUNTIME else None


def _body_refusal(call: Call, environment: WsgiEnvironment) -> tuple[str, str] | None:
    if environment.get("HTTP_X_AMZ_TARGET") and not _is_utf8(environment["wsgi.input"].getvalue()):
        return "SerializationException", "The request's body is not UTF-8."
    if (call.service, call.operation) == ("sns", "Subscribe") and _form_value(environment, "Protocol") not in {
        "email",
        "email-json",
    }:
        return NOT_IMPLEMENTED, "The local AWS delivers no messages: it takes subscriptions of e-mail addresses alone."
    if call.operation == "AssumeRole" and _role_account(environment) != DEFAULT_ACCOUNT_ID:
        return "AccessDenied", f"There is one account here: {DEFAULT_ACCOUNT_ID}."
    return None


@cache
def _regions() -> frozenset[str]:
    session = Session()
    partitions = ("aws", "aws-cn", "aws-us-gov")
    return frozenset().union(*(session.get_available_regions(SAGEMAKER, partition) for partition in partitions))


def _form_value(environment: WsgiEnvironment, name: str) -> str:
    form: bytes = environment["wsgi.input"].getvalue()
    return parse_qs(form.decode(errors="replace")).get(name, [""])[0]


def _role_account(environment: WsgiEnvironment) -> str:
    arn = _form_value(environment, "RoleArn")
    return arn.split(":")[4] if arn.count(":") >= 5 else DEFAULT_ACCOUNT_ID


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class LocalAws:
    """
    A local AWS as a context manager. It serves as soon as it is constructed. There can be one in a process.

    :param port: 0 takes a free one
    :param data_directory: where the state is kept, and restored from; None keeps it in memory only
    :param more_hosts: names under which clients reach the server, besides those of the loopback interface
    :param airflow_url: of the Airflow whose runs the page links
    :param spark: how runs of Glue jobs are started
    :param enforces_iam: policies hold for the users and roles that IAM knows
    :raises OSError: the port is in use
    :raises DataDirectoryError: the directory cannot be used
    """

    def __init__(
        self,
        host: str = HOST,
        port: int = 0,
        pace: Pace | None = None,
        data_directory: Path | None = None,
        more_hosts: Sequence[str] = (),
        airflow_url: str | None = None,
        spark: Spark | None = None,
        enforces_iam: bool = False,
    ):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        # The port is taken here, before anything is restored: werkzeug would answer a port in use with sys.exit.
        with socket.create_server((host, port), backlog=4096) as listener:
            self._store = Store(data_directory)
            self._requests = RequestLog(data_directory / "requests.jsonl" if data_directory else None)
            faults, s3_objects = Faults(), S3Objects(self._store)
            pace = pace or Pace()
            enforcement = Enforcement(self._requests) if enforces_iam else None
            services = Services(pace, self._store, faults, s3_objects, enforcement or Access())
            SageMakerBackend.services = GlueBackend.services = services
            GlueBackend.machine = Machine(spark or Spark(), _own_url(listener))
            # moto has no plug-ins, but reads its backend class and its handlers from here at the first call.
            moto.sagemaker.models.sagemaker_backends.backend = SageMakerBackend
            moto.glue.models.glue_backends.backend = GlueBackend
            FakeBucket.get_permission = permission
            moto.cloudwatch.urls.url_paths["{0}/$"] = Metrics.dispatch
            moto.logs.urls.url_paths["{0}/$"] = Logs.dispatch
            # moto looks through the methods of a class of answers for each answer.
            moto.core.responses.method_names_from_class = cache(moto.core.utils.method_names_from_class)
            CloudFormationResponse.stacks = self._stacks = Stacks(self._store, lambda: _own_url(self._server.socket))
            try:
                self._alarms = Metrics.alarms = Alarms(pace, self._store)
                _restore(self._store)
            except Exception as error:
                raise DataDirectoryError(f"{data_directory} cannot be restored: {error!r}") from error
            hosts = (*LOOPBACK_HOSTS, *more_hosts)
            self._serving = Application(faults, self._requests, s3_objects, hosts, airflow_url, enforcement)
            self._server = Server(host, listener, self._serving)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="local-aws")
        self._thread.start()
        self._stacks.restore()
        self._serving.ready = True

    @property
    def application(self) -> Any:
        """The WSGI application. It can be replaced or wrapped."""
        return self._server.app

    @application.setter
    def application(self, application: Any) -> None:
        self._server.app = application

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop serving, and stop every training that is still running."""
        self._serving.closing = True
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._alarms.close()
        # The store is closed first, so that it keeps running jobs as running. The next start reports them as failed.
        self._store.close()
        SageMakerBackend.stop_all()
        GlueBackend.stop_all()
        self._requests.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _restore(store: Store) -> None:
    for (account, region, group, stream), lines in groupby(store.log_lines(), key=lambda line: line[:4]):
        LogStream(account, region, group, stream, store).append(line[4:] for line in lines)
    for service, backends in ((SAGEMAKER, sagemaker_backends), ("glue", glue_backends)):
        for region in store.regions(service):
            backends[DEFAULT_ACCOUNT_ID][region]  # moto creates a backend, which restores its state, on look-up


def _own_url(listener: socket.socket) -> str:
    """The address at which processes of this machine reach the server, also where it listens on every address."""
    host, port = listener.getsockname()[:2]
    return f"http://{HOST if host in {'0.0.0.0', '::'} else host}:{port}"
