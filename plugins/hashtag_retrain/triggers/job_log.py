"""The log of a job in CloudWatch Logs, read while the job writes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.report.failures import words_of

logger = logging.getLogger(__name__)


class JobLog:
    """
    The streams of a log group whose names begin with a prefix.

    :param client: a CloudWatch Logs client
    """

    def __init__(self, client: Any, group: str, prefix: str):
        self._client = client
        self._group = group
        self._prefix = prefix
        self._tokens: dict[str, str | None] = {}
        """Where to read on, by stream; None at the start."""
        self.lines: list[str] = []
        """All lines that were read so far."""

    def read(self) -> list[str]:
        """The lines that are new since the last call, those of a stream in their order. An error is only logged."""
        found: list[str] = []
        try:
            self._find_streams()
            for stream in self._tokens:
                found += self._new_lines(stream)
        except self._client.exceptions.ResourceNotFoundException:  # no job has written a line yet
            pass
        except (ClientError, BotoCoreError) as error:
            logger.warning(
                "The log %s, %s in CloudWatch Logs, cannot be read: %s", self._group, self._prefix, words_of(error)
            )
        self.lines += found
        return found

    def _find_streams(self) -> None:
        streams = self._client.describe_log_streams(logGroupName=self._group, logStreamNamePrefix=self._prefix)
        for stream in streams["logStreams"]:
            if (name := stream["logStreamName"]) not in self._tokens:
                logger.info("The job's log: %s in CloudWatch Logs, stream %s", self._group, name)
                self._tokens[name] = None

    def _new_lines(self, stream: str) -> Iterator[str]:
        """GetLogEvents has no paginator. At the end of the stream it answers with the token of the request."""
        while True:
            token = self._tokens[stream]
            page = self._client.get_log_events(
                logGroupName=self._group,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
            yield from (event["message"] for event in page["events"])
            self._tokens[stream] = page["nextForwardToken"]
            if page["nextForwardToken"] == token:
                return
