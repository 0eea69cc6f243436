"""Wait for labelled tweets, but not for those of a past date that a backfill asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.triggers.polling import ended
from hashtag_retrain.triggers.tweets import TweetsTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

BACKFILL = "backfill"


class TweetsSensor(AwsBaseSensor[S3Hook]):
    """
    Wait, deferred, until a folder of part files in S3 is complete, and until `timeout` after the run's start at most,
    however often the task is tried.

    In a run that a backfill made, or with a `timeout` of 0, it skips instead of waiting for a first file: what is not
    there for a past date will not come any more.

    :param bucket: the folder's bucket (templated)
    :param folder: its key, without a slash at the end (templated)
    :param require_success_marker: complete only with a file ``_SUCCESS``; else a folder counts as complete when it has
        files with rows and no writer is at work
    :return: what is there, in words
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields("bucket", "folder")

    def __init__(self, *, bucket: str, folder: str, require_success_marker: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.folder = folder
        self.require_success_marker = require_success_marker

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        run = context["dag_run"]
        until = (run.start_date or datetime.now(UTC)) + timedelta(seconds=self.timeout)
        trigger = TweetsTrigger(
            self.bucket,
            self.folder,
            self.require_success_marker,
            until.isoformat(timespec="seconds"),
            self.poke_interval,
            hook_arguments(self),
        )
        trigger.client = self.hook.get_conn()
        where = f"s3://{self.bucket}/{self.folder}"
        found, now = trigger.look()
        if not found.parts and (run.run_type == BACKFILL or not self.timeout):
            why = "a backfill does not wait for any" if run.run_type == BACKFILL else "wait_hours is 0"
            self._skip(f"There are no labelled tweets at {where}, and {why}.")
        if (done := trigger.judge(found, now)) is not None:
            if done.skip is not None:
                self._skip(done.skip)
            self.log.info("%s", done.result)
            return done.result
        missing = found.missing(self.require_success_marker)
        self.log.info("Waiting for %s until %s UTC: %s. There: %s.", where, f"{until:%Y-%m-%d %H:%M}", missing, found)
        self.defer(trigger=trigger, method_name="execute")
        return None  # defer raises

    def _skip(self, why: str) -> NoReturn:
        self.log.info("%s", why)  # of an exception that skips, Airflow's log says nothing
        raise AirflowSkipException(why)
