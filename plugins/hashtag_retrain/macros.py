"""What the DAG's templates may call: they are rendered when a task runs, so they may ask settings and the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.config import names
from include.config.ownership import owner_of, tag_value
from include.config.settings import Settings


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


def tweets_folder(hashtag: str, params: Mapping[str, Any], dag_run: Any) -> str:
    """Where the date's labelled tweets are."""
    return names.Keys(Settings.from_environment().prefix, hashtag, run_date(params, dag_run)).tweets


def deployment() -> str:
    """What tells this deployment's resources from others'."""
    return tag_value(Settings.from_environment().deployment)


def run_name(dag_id: str, run_id: str) -> str:
    """The name of what a run deploys."""
    return names.run_name(Settings.from_environment().deployment, dag_id, run_id)


MACROS = {
    "run_date": run_date,
    "bucket": bucket,
    "tweets_folder": tweets_folder,
    "deployment": deployment,
    "run_name": run_name,
    "owner_of": owner_of,
}
