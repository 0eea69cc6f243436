"""Functions for the DAG's templates. They are called when a task runs, so they can read the settings and the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.config import names
from include.config.ownership import owner_of, tag_value
from include.config.settings import Settings


def run_date(params: Mapping[str, Any], dag_run: Any) -> str:
    """The date of the tweets: the parameter `date`, else the run's logical date, else the date when it may start."""
    if params["date"]:
        return names.check_date(params["date"])
    moment = dag_run.logical_date or dag_run.run_after
    date: str = moment.strftime("%Y-%m-%d")
    return date


def bucket() -> str:
    """The deployment's bucket."""
    return Settings.from_environment().bucket


def tweets_folder(hashtag: str, params: Mapping[str, Any], dag_run: Any) -> str:
    """The key of the date's labelled tweets."""
    return names.Keys(Settings.from_environment().prefix, hashtag, run_date(params, dag_run)).tweets


def deployment() -> str:
    """The value of the deployment's tag."""
    return tag_value(Settings.from_environment().deployment)


def run_name(dag_id: str, run_id: str) -> str:
    """The name of a run's endpoint, endpoint configuration and model."""
    return names.run_name(Settings.from_environment().deployment, dag_id, run_id)


MACROS = {
    "run_date": run_date,
    "bucket": bucket,
    "tweets_folder": tweets_folder,
    "deployment": deployment,
    "run_name": run_name,
    "owner_of": owner_of,
}
