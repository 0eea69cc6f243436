"""Store the message of a failed task for the run's report and for notices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include.config.errors import ConfigurationError
from include.config.permissions import advice
from include.report.failures import FAILURE, words_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
REFUSED = "refused"
"""XCom key of the message of a task that fails until a person changes its run or the settings."""


def note_failure(context: Context) -> None:
    """
    Airflow calls this after the last attempt of a task has failed. If a trigger or Airflow itself ended the attempt,
    there is no exception: the trigger has already stored a message, and Airflow has none.
    """
    error = context.get("exception")
    if isinstance(error, BaseException):
        words = words_of(error)
        if added := advice(words):
            log.error("%s", added)
        context["ti"].xcom_push(key=FAILURE, value=words)
        if isinstance(error, ConfigurationError):
            context["ti"].xcom_push(key=REFUSED, value=words)
