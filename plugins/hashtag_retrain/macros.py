"""What the DAG's templates may call: they are rendered when a task runs, so they may ask settings and the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from include import names
from include.ownership import owner_of
from include.settings import Settings


def run_date(params: Mapping[str, Any], dag_run: Any) -> str:
    """The date of the tweets: the parameter, or the run's logical date; a run without one counts as its own day."""
    if params["date"]:
        return names.check_date(params["date"])
    moment = dag_run.logical_date or dag_run.run_after
    date: str = moment.strftime("%Y-%m-%d")
    return date


def bucket() -> str:
    """The deployment's bucket."""
    return Settings.from_environment().bucket


def tweets_key(hashtag: str, params: Mapping[str, Any], dag_run: Any) -> str:
    """What to wait for: any part file of the date's labelled tweets."""
    return f"{names.Keys(Settings.from_environment().prefix, hashtag, run_date(params, dag_run)).tweets}*"


def endpoint_deadline(params: Mapping[str, Any], ti: Any) -> str:
    """
    When an endpoint that this task creates is to be deleted. Counted from the start of the attempt, which stays the
    same when a deferred task resumes.
    """
    deadline: str = (ti.start_date + timedelta(minutes=params["keep_endpoint_minutes"])).isoformat()
    return deadline


MACROS = {
    "run_date": run_date,
    "bucket": bucket,
    "tweets_key": tweets_key,
    "endpoint_deadline": endpoint_deadline,
    "run_name": names.run_name,
    "owner_of": owner_of,
}
