"""Backfills. Labelled tweets of a past date are not expected any more, so a date without any is skipped."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from include.config.errors import NoRows

BACKFILL = "backfill"
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def skip_empty_date_of_backfill(step: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A task's function, but the task is skipped if it is a backfill's and the date's files contain no row."""

    @functools.wraps(step)
    def run(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        try:
            return step(*arguments, **named)
        except NoRows as error:
            if get_current_context()["dag_run"].run_type != BACKFILL:
                raise
            print(error)  # Airflow does not log the exception's message
            raise AirflowSkipException(str(error)) from None

    return run
