"""Wait for labelled tweets, but not for those of a past date that a backfill asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

BACKFILL = "backfill"


def are_complete(files: list[dict[str, Any]], **_: Any) -> bool:
    """
    Whether the objects below a date's labelled tweets are ready to be read: a part file is there, and Spark is not
    writing any more (it does that below ``_temporary/``).
    """
    keys = [file["Key"] for file in files]
    parts = [key for key in keys if not key.endswith("/") and not key.rpartition("/")[2].startswith(("_", "."))]
    return bool(parts) and not any("/_temporary/" in key for key in keys)


class S3KeyOrSkipSensor(S3KeySensor):
    """
    S3KeySensor that skips, instead of waiting, in a run that a backfill made: what is not there for a past date will
    not come any more.
    """

    def execute(self, context: Context) -> None:
        if context["dag_run"].run_type == BACKFILL and not self.poke(context):
            raise AirflowSkipException(
                f"There is nothing at s3://{self.bucket_name}/{self.bucket_key}, and a backfill does not wait for it."
            )
        super().execute(context)
