"""The admin API below ``/_local/``: health, state, faults, the request log, and a page that shows them."""

import base64
import hashlib
import json
import re
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, UnsupportedMediaType
from werkzeug.routing import BaseConverter, Map, Rule, Submount
from werkzeug.wrappers import Request, Response

from local_aws import ADMIN_PATH
from local_aws.calls import DEFAULT_REGION
from local_aws.faults import Fault, FaultError, Faults
from local_aws.request_log import RequestLog
from local_aws.s3_objects import current_object, s3_backend
from local_aws.state import state

PAGE = Path(__file__).parent / "page.html"
FILTERS = ("service", "operation", "principal", "region", "name", "outcome", "status")
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
# The page and the objects show what clients have sent: none of it may run, or be sent to another server.
PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-{script}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OBJECT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'"


class _KeyConverter(BaseConverter):
    """The key of an object, which may begin or end with a slash."""

    regex = ".*"
    part_isolating = False


class AdminApi:
    """The admin API. Changes must be sent as JSON, which a browser does not send for a page of another site."""

    def __init__(self, faults: Faults, requests: RequestLog, airflow_url: str | None = None):
        self._faults, self._requests = faults, requests
        rules = [
            Rule("/", methods=["GET"], endpoint=lambda _: _page()),
            Rule("/health", methods=["GET"], endpoint=lambda _: _json({"status": "ready"})),
            Rule("/state", methods=["GET"], endpoint=lambda _: _json(state(airflow_url))),
            Rule("/logs", methods=["GET"], endpoint=_logs),
            Rule("/requests", methods=["GET"], endpoint=self._list_requests),
            Rule("/faults", methods=["GET"], endpoint=lambda _: _json(self._faults.list())),
            Rule("/faults", methods=["POST"], endpoint=self._add_fault),
            Rule("/faults", methods=["DELETE"], endpoint=lambda _: _json({"removed": self._faults.remove()})),
            Rule("/faults/<int:fault_id>", methods=["DELETE"], endpoint=self._remove_fault),
            Rule("/objects/<bucket>/<key:key>", methods=["GET"], endpoint=_object),
        ]
        self.routes = Map(
            [Submount(ADMIN_PATH, rules)], strict_slashes=False, merge_slashes=False, converters={"key": _KeyConverter}
        )
        """Every path and method that there is."""

    def answer(self, request: Request) -> Response:
        try:
            response = self._route(request)
        except HTTPException as error:
            response = error.get_response()  # with the Allow header, if the method is not allowed
            response.content_type = "application/json"
            response.set_data(json.dumps({"error": error.description}))
        response.headers.update(HEADERS)
        return response

    def _route(self, request: Request) -> Response:
        try:
            endpoint, arguments = self.routes.bind("").match(request.path, request.method)
        except HTTPException as error:
            rules = self.routes.iter_rules()
            known = sorted(f"{method} {rule.rule}" for rule in rules for method in rule.methods - {"HEAD"})
            error.description = f"no {request.method} {request.path} here; there is: {', '.join(known)}"
            raise
        return endpoint(request, **arguments)

    def _add_fault(self, request: Request) -> Response:
        if request.mimetype != "application/json":
            raise UnsupportedMediaType("the Content-Type must be application/json")
        try:
            fault = Fault.from_json(request.get_data())
            self._faults.add(fault)
        except FaultError as error:
            raise BadRequest(str(error)) from None
        return _json(fault.model_dump(), 201)

    def _remove_fault(self, _: Request, fault_id: int) -> Response:
        if not self._faults.remove(fault_id):
            raise NotFound(f"there is no fault {fault_id}")
        return _json({"removed": 1})

    def _list_requests(self, request: Request) -> Response:
        """The entries whose members fit the patterns; with ``limit``, the newest of them."""
        filters = request.args.to_dict()
        limit = filters.pop("limit", "")
        if unknown := sorted(set(filters) - set(FILTERS)):
            raise BadRequest(f"there is no filter {', '.join(unknown)}; there is: {', '.join(FILTERS)}, limit")
        if not re.fullmatch("[0-9]{0,9}", limit):
            raise BadRequest(f"limit must be a whole number from 0 on, not {limit!r}")
        entries = deque(self._requests.entries(filters), maxlen=int(limit) if limit else None)
        return Response("".join(f"{json.dumps(entry)}\n" for entry in entries), content_type="application/jsonl")


def _object(_: Request, bucket: str, key: str) -> Response:
    """An object of S3 for a browser, which signs no requests."""
    found = s3_backend().buckets.get(bucket)
    stored = current_object(found, key) if found is not None else None
    if stored is None:
        raise NotFound(f"there is no object s3://{bucket}/{key}")
    headers = {"Content-Security-Policy": OBJECT_POLICY}
    return Response(stored.value, content_type=stored.metadata.get("content-type"), headers=headers)


def _logs(request: Request) -> Response:
    """The lines of a log group, oldest first; with ``prefix``, only of streams whose names begin with it."""
    region, group = request.args.get("region", DEFAULT_REGION), request.args.get("group", "")
    known = logs_backends[DEFAULT_ACCOUNT_ID]
    found = known[region].groups.get(group) if region in known.regions else None
    if found is None:
        raise NotFound(f"there is no log group {group} in {region}")
    prefix = request.args.get("prefix", "")
    streams = [stream for name, stream in list(found.streams.items()) if name.startswith(prefix)]
    events = sorted((event for stream in streams for event in list(stream.events)), key=lambda event: event.timestamp)
    text = "".join(
        f"{datetime.fromtimestamp(event.timestamp / 1000, UTC):%FT%T}Z {event.message}\n" for event in events
    )
    return Response(text, content_type="text/plain; charset=utf-8")


def _page() -> Response:
    html = PAGE.read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[1].encode() if script else b"").digest()).decode()
    headers = {"Content-Security-Policy": PAGE_POLICY.format(script=digest)}
    return Response(html, content_type="text/html; charset=utf-8", headers=headers)


def _json(value: Any, status: int = 200) -> Response:
    body = json.dumps(value, default=lambda time: time.isoformat(), indent=1)
    return Response(body, status=status, content_type="application/json")
