"""The date that a run is about: the date of the tweets that it trains on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.xcom import XCom

from include.aws.dataset import newer_date
from include.aws.storage import Storage
from include.config import names
from include.config.errors import ConfigurationError
from include.config.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context

OF_THE_SCHEDULE = ("scheduled", "backfill")
"""Runs whose logical date is the date of the tweets. That of others can be the current time, which nobody chose."""
SETTLED = "date"
"""
XCom key of the date, for a run that says none. Its first task stores it, so that tweets which arrive meanwhile do not
change it.
"""
FIRST_TASK = "wait_for_tweets"
BEFORE_ALL_DATES = "0001-01-01"


def run_date(dag_id: str, params: Mapping[str, Any], dag_run: Any) -> str:
    """
    The date that the run says, or else the newest date that had tweets when the run started.

    :raises ConfigurationError: the run says two dates, or one that is none
    """
    said = said_date(params, dag_run)
    return said or settled_date(dag_id, dag_run.run_id) or _newest_date(dag_id, dag_run.run_id, dag_run.run_after)


def said_date(params: Mapping[str, Any], dag_run: Any) -> str | None:
    """
    The date that the run itself says, by its parameter `date` or by its logical date; None if it says none.

    :raises ConfigurationError: it says two dates, or one that is none
    """
    given = names.check_date(params["date"]) if params["date"] else None
    logical = _logical_date(dag_run)
    if given and logical and given != logical:
        raise ConfigurationError(
            f"The run's logical date says {logical}, and its parameter date {given}. Leave one of them empty."
        )
    return given or logical


def origin_of_date(params: Mapping[str, Any], dag_run: Any) -> str:
    """A sentence on where a run's date comes from."""
    if params["date"]:
        return "Its parameter date says so."
    if said_date(params, dag_run):
        return "Its logical date says so."
    return "It says no date, so it takes the newest date that has tweets; without any, the day of the run."


def _logical_date(dag_run: Any) -> str | None:
    """
    The date of the logical date, if somebody has chosen it. The trigger form's logical date is the current time: it is
    of the day on which the run was triggered, and lies within a data interval that has not ended, and not at its start.
    """
    moment = dag_run.logical_date
    if moment is None:
        return None
    date: str = moment.strftime("%Y-%m-%d")
    if dag_run.run_type in OF_THE_SCHEDULE or moment == dag_run.data_interval_start:
        return date
    is_past = date < dag_run.run_after.strftime("%Y-%m-%d")
    is_over = dag_run.data_interval_end is not None and dag_run.data_interval_end <= dag_run.run_after
    return date if is_past or is_over else None


def settled_date(dag_id: str, run_id: str) -> str | None:
    """The date that the run's first task has stored; None if it has stored none."""
    date: str | None = XCom.get_one(key=SETTLED, dag_id=dag_id, task_id=FIRST_TASK, run_id=run_id)
    return date


def settle_date(context: Context) -> str:
    """Store the date of a run that says none; return the run's date. Call this before the first task of a run."""
    run = context["dag_run"]
    date = run_date(context["dag"].dag_id, context["params"], run)
    if said_date(context["params"], run) is None:
        context["ti"].xcom_push(key=SETTLED, value=date)
    return date


@functools.cache  # the first task asks for its templates, and once more to store it
def _newest_date(dag_id: str, run_id: str, run_after: Any) -> str:
    """The newest date, up to the day of the run, that has tweets; without any tweets the day of the run."""
    settings = Settings.from_environment()
    storage = Storage.connect(settings.bucket)
    keys = names.Keys(settings.prefix, names.hashtag_of(dag_id), BEFORE_ALL_DATES)
    date: str = newer_date(storage, keys, min(storage.today(), run_after.date())) or run_after.strftime("%Y-%m-%d")
    return date
