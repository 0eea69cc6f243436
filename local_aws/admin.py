"""The paths below ``/_local/``: health, state, faults, the request log, and a page that shows them."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends
from werkzeug.wrappers import Request, Response

from local_aws.calls import RequestLog
from local_aws.faults import Fault, FaultError, Faults
from local_aws.sagemaker.models import SageMakerBackend
from local_aws.sagemaker.resource import Resource, now
from local_aws.sagemaker.transform_job import TransformJob
from local_aws.sagemaker.tuning_job import HyperParameterTuningJob

PREFIX = "/_local/"
PAGE = Path(__file__).parent / "page.html"
OBJECTS_SHOWN = 2000
FILTERS = ("service", "operation", "principal", "region", "name", "outcome", "status")
SECURITY_HEADERS = {
    # What the page shows comes from whoever uses the server: nothing of it may run or be sent anywhere.
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; "
    "script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class AdminApi:
    """The admin API. A browser's other pages cannot use it: what changes something must be JSON."""

    def __init__(self, faults: Faults, requests: RequestLog):
        self._faults, self._requests = faults, requests
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", ""): lambda _: _page(),
            ("GET", "health"): lambda _: _json({"status": "ready"}),
            ("GET", "state"): lambda _: _json(state()),
            ("GET", "requests"): self._list_requests,
            ("GET", "faults"): lambda _: _json(self._faults.list()),
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): lambda _: _json({"removed": self._faults.remove()}),
        }

    def answer(self, request: Request) -> Response:
        name = request.path.removeprefix(PREFIX).rstrip("/")
        if request.method == "DELETE" and name.startswith("faults/"):
            return self._remove_fault(name.removeprefix("faults/"))
        if request.method in {"GET", "HEAD"} and name.startswith("objects/"):
            return _object(request.path.removeprefix(f"{PREFIX}objects/"))
        route = self._routes.get(("GET" if request.method == "HEAD" else request.method, name))
        if route is None:
            paths = sorted(f"{method} {PREFIX}{path}" for method, path in self._routes)
            known = ", ".join([*paths, f"GET {PREFIX}objects/BUCKET/KEY"])
            return _json({"error": f"no {request.method} {request.path} here; there is: {known}"}, 404)
        return route(request)

    def _add_fault(self, request: Request) -> Response:
        if request.mimetype != "application/json":
            return _json({"error": "the Content-Type must be application/json"}, 415)
        try:
            fault = Fault.from_request(json.loads(request.get_data()))
        except FaultError as error:
            return _json({"error": str(error)}, 400)
        except ValueError as error:
            return _json({"error": f"the body is not JSON: {error}"}, 400)
        self._faults.add(fault)
        return _json(fault.describe(), 201)

    def _remove_fault(self, fault_id: str) -> Response:
        removed = self._faults.remove(int(fault_id)) if re.fullmatch("[0-9]{1,9}", fault_id) else 0
        if not removed:
            return _json({"removed": 0, "error": f"there is no fault {fault_id!r}"}, 404)
        return _json({"removed": removed})

    def _list_requests(self, request: Request) -> Response:
        """Filtered by patterns of the entries' members; ``limit``: the newest so many."""
        filters = {name: value for name, value in request.args.items() if name != "limit"}
        if unknown := sorted(set(filters) - set(FILTERS)):
            known = ", ".join((*FILTERS, "limit"))
            return _json({"error": f"there is no filter {', '.join(unknown)}; there is: {known}"}, 400)
        entries = list(self._requests.entries(filters))
        limit = request.args.get("limit", "")
        if limit:
            if not re.fullmatch("[0-9]{1,9}", limit):
                return _json({"error": f"limit must be a whole number from 0 on, not {limit!r}"}, 400)
            entries = entries[len(entries) - min(int(limit), len(entries)) :]
        lines = "".join(f"{json.dumps(entry)}\n" for entry in entries)
        return Response(lines, content_type="application/jsonl", headers={"X-Content-Type-Options": "nosniff"})


def state() -> dict[str, Any]:
    """What the page shows."""
    backends = list(SageMakerBackend.instances)
    return {
        "time": now(),
        "training_jobs": [
            _common(job)
            | {
                "phase": job.secondary_status,
                "failure_reason": job.failure_reason,
                "metrics": job.metrics,
                "validation_accuracies": job.validation_accuracies,
                "billable_seconds": job.facts().get("BillableTimeInSeconds"),
            }
            for backend in backends
            for job in list(backend.training_jobs.values())
        ],
        "other_jobs": [
            _common(job) | {"failure_reason": job.failure_reason}
            for backend in backends
            for job in _other_jobs(backend)
        ],
        "endpoints": [
            _common(endpoint)
            | {
                "age_seconds": (now() - endpoint.created).total_seconds(),
                "request_count": endpoint.request_count,
                "failure_reason": endpoint.failure_reason,
            }
            for backend in backends
            for endpoint in list(backend.endpoints.values())
        ],
        "buckets": _buckets(),
    }


def _other_jobs(backend: SageMakerBackend) -> list[TransformJob | HyperParameterTuningJob]:
    return [*backend.transform_jobs.values(), *backend.tuning_jobs.values()]


def _common(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "kind": resource.KIND,
        "status": resource.status,
        "created": resource.created,
        "region": resource.cloud.region,
        "tags": {tag["Key"]: tag["Value"] for tag in resource.tags},
    }


def _buckets() -> list[dict[str, Any]]:
    buckets = []
    for name, bucket in list(s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.items()):
        keys = sorted(bucket.keys)
        found = [(key, bucket.keys.get(key)) for key in keys[:OBJECTS_SHOWN]]
        objects = [{"key": key, "size": found_key.size} for key, found_key in found if hasattr(found_key, "size")]
        buckets.append({"name": name, "objects": objects, "more": max(0, len(keys) - OBJECTS_SHOWN)})
    return buckets


def _object(path: str) -> Response:
    """An object of S3, for a person's browser, which signs no requests. It may show itself, and do nothing else."""
    bucket_name, _, key = path.partition("/")
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket_name)
    found = bucket.keys.get(key) if bucket is not None else None
    if not isinstance(found, FakeKey):
        return _json({"error": f"there is no object s3://{path}"}, 404)
    headers = {
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(found.value, content_type=found.metadata.get("content-type"), headers=headers)


def _page() -> Response:
    html = PAGE.read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[1].encode() if script else b"").digest()).decode()
    headers = {name: value.format(script=digest) for name, value in SECURITY_HEADERS.items()}
    return Response(html, content_type="text/html; charset=utf-8", headers=headers)


def _json(value: Any, status: int = 200) -> Response:
    body = json.dumps(value, default=lambda time: time.isoformat(), indent=1)
    return Response(body, status=status, content_type="application/json", headers={"X-Content-Type-Options": "nosniff"})
