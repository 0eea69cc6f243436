"""CloudWatch Logs' FilterLogEvents. moto's own ignores the prefix of the streams, and most patterns."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from moto.core.exceptions import ServiceException
from moto.logs.responses import LogsResponse

from local_aws.aws_errors import UnsupportedOperation
from local_aws.checked_requests import CheckedRequests

MAX_EVENTS = 10_000
"""The most events of an answer."""

_TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"?-][^\s"]*))(?:\s+|$)')


class InvalidParameterException(ServiceException):
    code = "InvalidParameterException"


class Logs(CheckedRequests, LogsResponse):
    """moto's operations of CloudWatch Logs, and one that replaces its own."""

    REFUSAL = InvalidParameterException

    def filter_log_events(self) -> str:
        request = self._parameters()
        streams = self._streams(request)
        is_wanted = matcher(request.get("filterPattern", ""))
        after = _position(request.get("nextToken"))
        events = sorted(
            ((event.timestamp, event.event_id, name, event) for name, event in _events(streams, request)),
            key=lambda entry: entry[:2],
        )
        found = [entry for entry in events if entry[:2] > after and is_wanted(entry[3].message)]
        page = found[: request.get("limit", MAX_EVENTS)]
        return json.dumps(
            {
                "events": [{**event.to_filter_dict(), "logStreamName": name} for *_, name, event in page],
                "nextToken": f"{page[-1][0]}/{page[-1][1]}" if len(page) < len(found) else None,
                "searchedLogStreams": [{"logStreamName": name, "searchedCompletely": True} for name in streams],
            }
        )

    def _streams(self, request: dict[str, Any]) -> dict[str, Any]:
        """The streams to search, by name."""
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
        if names and prefix:
            raise InvalidParameterException("LogStreamNames and LogStreamNamePrefix cannot both be given.")
        group = self.logs_backend._find_log_group(
            log_group_id=request.get("logGroupIdentifier"), log_group_name=request.get("logGroupName")
        )
        return {
            name: stream
            for name, stream in list(group.streams.items())
            if (name in names if names else name.startswith(prefix or ""))
        }


def _events(streams: dict[str, Any], request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    start, end = request.get("startTime"), request.get("endTime")
    for name, stream in streams.items():
        for event in list(stream.events):
            if (start is None or event.timestamp >= start) and (end is None or event.timestamp <= end):
                yield name, event


def _position(token: str | None) -> tuple[int, int]:
    """Time and id of the last event of the page before."""
    if token is None:
        return -1, -1
    if not re.fullmatch(r"\d{1,15}/\d{1,15}", token):
        raise InvalidParameterException("The specified nextToken is invalid.")
    time, _, number = token.partition("/")
    return int(time), int(number)


def matcher(pattern: str) -> Callable[[str], bool]:
    """
    Whether a message matches a pattern of terms: all of ``a "b c"``, none of ``-d``; or any of ``?a ?b``.

    :raises UnsupportedOperation: the pattern is for JSON or for columns, or a regular expression
    """
    terms = _terms(pattern.strip())
    # As on AWS, optional terms beside others have no effect.
    optional = [] if terms[""] or terms["-"] else terms["?"]

    def matches(message: str) -> bool:
        if not all(term in message for term in terms[""]) or any(term in message for term in terms["-"]):
            return False
        return not optional or any(term in message for term in optional)

    return matches


def _terms(pattern: str) -> dict[str, list[str]]:
    """The terms of a pattern, by their sign."""
    if pattern[:1] in {"{", "[", "%"}:
        raise UnsupportedOperation(f"The local AWS does not support the filter pattern {pattern[:200]!r}, only terms.")
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(pattern):
        term = _TERM.match(pattern, position)
        if term is None:
            raise InvalidParameterException("Invalid filter pattern")
        terms[term[1]].append(re.sub(r"\\(.)", r"\1", term[2]) if term[2] is not None else term[3])
        position = term.end()
    return terms
