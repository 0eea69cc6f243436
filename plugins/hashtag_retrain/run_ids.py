"""The ids of runs that somebody triggers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.config.errors import ConfigurationError
from include.config.names import DAG_PREFIX, check_date

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIDDLEWARE = "Dates in run ids"
_TRIGGER = re.compile(rf".*/api/v2/dags/{DAG_PREFIX}[^/]+/dagRuns/?")


def triggered_run_id(run_type: str, date: str, moment: datetime) -> str:
    """
    Like manual__2026-01-07__triggered_2026-02-03T10:11:12.345+00:00.

    :param run_type: Airflow's, like manual
    :param date: of the tweets, like 2026-01-07; empty if only the run itself finds it
    :param moment: at which the run was triggered
    """
    about = f"{date}__" if date else ""
    return f"{run_type}__{about}triggered_{moment.isoformat(timespec='milliseconds')}"


def middlewares() -> list[dict[str, Any]]:
    """Airflow's root middlewares."""
    return [{"name": MIDDLEWARE, "middleware": DateInRunId, "args": [], "kwargs": {}}]


class DateInRunId:
    """
    Give a run that is triggered with the parameter `date`, and without an id, an id that contains the date.

    Airflow asks the timetable for the id, and does not tell it the parameters. All other requests pass unchanged.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and _TRIGGER.fullmatch(scope["path"]):
            scope, receive = await _with_run_id(scope, receive)
        await self._app(scope, receive, send)


async def _with_run_id(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """The same request with the id in its body."""
    from starlette.requests import Request  # in the API server alone

    body = request_with_run_id(await Request(scope, receive).body())
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}, receive_again


def request_with_run_id(body: bytes) -> bytes:
    """
    The body of a request that triggers a run, with `dag_run_id`, if the request has none and has a date.

    A body that Airflow will refuse is returned as it is: Airflow says what is wrong with it.
    """
    try:
        request = json.loads(body)
        if not request.get("dag_run_id"):
            request["dag_run_id"] = triggered_run_id("manual", check_date(request["conf"]["date"]), datetime.now(UTC))
            return json.dumps(request).encode()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, ConfigurationError):
        pass
    return body
