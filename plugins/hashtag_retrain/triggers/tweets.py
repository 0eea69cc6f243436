"""Wait for a date's labelled tweets."""

from __future__ import annotations

import time
from datetime import datetime
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk.exceptions import AirflowFailException

from hashtag_retrain.triggers.polling import Done, PollingTrigger
from include.aws.clock import time_of
from include.tweets.part_files import Folder, Object

SECONDS_BETWEEN_LOG_LINES = 300


class TweetsTrigger(PollingTrigger):
    """
    Wait until a folder of part files is complete (see `include.tweets.part_files`). The result describes the folder.

    :param bucket: the folder's bucket
    :param folder: its key, without a slash at the end; it may also be the key of a single object
    :param until: ISO 8601; it is an error if the folder is not complete then, by S3's clock
    """

    def __init__(
        self,
        bucket: str,
        folder: str,
        require_success_marker: bool,
        until: str,
        poll_seconds: float,
        hook_arguments: dict[str, Any],
    ) -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.bucket = bucket
        self.folder = folder
        self.require_success_marker = require_success_marker
        self.until = until
        self._next_line = time.monotonic() + SECONDS_BETWEEN_LOG_LINES

    @cached_property
    def client(self) -> Any:
        return S3Hook(**self.hook_arguments).get_conn()

    def poll(self) -> Done | None:
        folder, now = self.look()
        done = self.judge(folder, now)
        if done is None and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + SECONDS_BETWEEN_LOG_LINES
            missing = folder.missing(self.require_success_marker)
            self.log.info("Still waiting: %s. Found: %s. The wait ends at %s.", missing, folder, self.until)
        return done

    def judge(self, folder: Folder, now: datetime) -> Done | None:
        """The result for the folder as it was at a time; None if the task must wait."""
        if folder.is_empty_for_good:
            return Done(skip=f"s3://{self.bucket}/{self.folder} is complete, and no file in it has rows")
        if (missing := folder.missing(self.require_success_marker)) is None:
            return Done(f"s3://{self.bucket}/{self.folder}: {folder}")
        if now > datetime.fromisoformat(self.until):
            raise AirflowFailException(
                f"Waited until {self.until} for s3://{self.bucket}/{self.folder}: {missing}. Found: {folder}."
            )
        return None

    def look(self) -> tuple[Folder, datetime]:
        """The folder, from one listing without delimiter, and the time of the listing."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.folder)
        objects: list[Object] = []
        for page in pages:
            objects += (
                Object(entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"])
                for entry in page.get("Contents", [])
            )
        return Folder.of(objects, self.folder), time_of(page)
