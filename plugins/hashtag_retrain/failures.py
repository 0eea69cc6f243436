"""A failed task leaves its message where the run's report and the notice find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.report.failures import FAILURE, words_of

if TYPE_CHECKING:
    from airflow.sdk import Context


def note_failure(context: Context) -> None:
    """
    Airflow calls this after a task's last attempt has failed. Where the attempt was ended by a trigger or by Airflow
    itself, there is no exception: the trigger has left its message already, and Airflow has none.
    """
    error = context.get("exception")
    if isinstance(error, BaseException):
        context["ti"].xcom_push(key=FAILURE, value=words_of(error))
