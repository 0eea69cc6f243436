"""Functions for the DAG's templates. They are called when a task runs, so they can read the settings and the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashtag_retrain.backfills import parameters_of_run
from hashtag_retrain.dates import run_date
from include.config import names
from include.config.ownership import owner_of, tag_value
from include.config.settings import Settings


def bucket() -> str:
    """The deployment's bucket."""
    return Settings.from_environment().bucket


def tweets_folder(dag_id: str, params: Mapping[str, Any], dag_run: Any) -> str:
    """The key of the date's labelled tweets."""
    date = run_date(dag_id, params, dag_run)
    return names.Keys(Settings.from_environment().prefix, names.hashtag_of(dag_id), date).tweets


def deployment() -> str:
    """The value of the deployment's tag."""
    return tag_value(Settings.from_environment().deployment)


def run_name(dag_id: str, run_id: str) -> str:
    """The name of a run's endpoint, endpoint configuration and model."""
    return names.run_name(Settings.from_environment().deployment, dag_id, run_id)


MACROS = {
    "run_date": run_date,
    "parameters_of_run": parameters_of_run,
    "bucket": bucket,
    "tweets_folder": tweets_folder,
    "deployment": deployment,
    "run_name": run_name,
    "owner_of": owner_of,
}
