"""Wait for labelled tweets. A backfill does not wait: it skips a date without tweets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain.backfills import BACKFILL
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.links import TweetsLink
from hashtag_retrain.triggers.polling import defer, ended
from hashtag_retrain.triggers.tweets import TweetsTrigger
from include.aws.console import PAGE, Console

if TYPE_CHECKING:
    from airflow.sdk import Context


class TweetsSensor(AwsBaseSensor[S3Hook]):
    """
    Wait, deferred, until a folder of part files in S3 is complete. The task fails if that takes longer than `timeout`
    from the run's start, for all attempts together.

    If there is no file yet in a backfill's run, or with a `timeout` of 0, the task is skipped: labelled tweets of a
    past date are not expected any more.

    :param bucket: the folder's bucket (templated)
    :param folder: its key, without a slash at the end (templated)
    :param require_success_marker: the folder is complete only with a file ``_SUCCESS``. Otherwise it is also complete
        if it has files with rows, and nothing shows that a writer has not finished.
    :return: a description of the folder
    """

    aws_hook_class = S3Hook
    operator_extra_links = (TweetsLink(),)
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
        context["ti"].xcom_push(key=PAGE, value=Console.of(trigger.client).s3_folder(self.bucket, self.folder))
        where = f"s3://{self.bucket}/{self.folder}"
        found, now = trigger.look()
        if not found.parts and (run.run_type == BACKFILL or not self.timeout):
            why = "a backfill does not wait for them" if run.run_type == BACKFILL else "wait_hours is 0"
            self._skip(f"There are no labelled tweets at {where} (empty files do not count), and {why}.")
        if (done := trigger.judge(found, now)) is not None:
            if done.skip is not None:
                self._skip(done.skip)
            self.log.info("%s", done.result)
            return done.result
        missing = found.missing(self.require_success_marker)
        self.log.info("Waiting for %s until %s UTC: %s. Found: %s.", where, f"{until:%Y-%m-%d %H:%M}", missing, found)
        return defer(trigger, self)

    def _skip(self, why: str) -> NoReturn:
        self.log.info("%s", why)  # Airflow does not log this exception's message
        raise AirflowSkipException(why)
