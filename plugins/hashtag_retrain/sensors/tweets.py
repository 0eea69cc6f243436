"""Wait for labelled tweets, but not for those of a past date that a backfill asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

BACKFILL = "backfill"


class S3KeyOrSkipSensor(S3KeySensor):
    """
    S3KeySensor that skips, instead of waiting, in a run that a backfill made: what is not there for a past date will
    not come any more.
    """

    def execute(self, context: Context) -> None:
        if context["dag_run"].run_type == BACKFILL and not self.poke(context):
            raise AirflowSkipException(f"There is nothing at {self.bucket_key}, and a backfill does not wait for it.")
        super().execute(context)
