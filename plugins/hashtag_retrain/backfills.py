"""
Backfills. Labelled tweets of a past date are not expected any more, so a date without any is skipped. And Airflow's UI
drops the parameters of a backfill, so the hashtags file has parameters for them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from include.config.errors import NoRows

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.config.hashtags import HashtagSettings

BACKFILL = "backfill"
SETTINGS = "hashtag_settings"
"""Name of the DAG's macro with the hashtag's settings, which a task needs when it runs."""
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


def parameters_of_run(dag: Any, params: Mapping[str, Any], dag_run: Any) -> dict[str, Any]:
    """The parameters that hold in this run: those for backfills in a backfill, unless its configuration sets them."""
    settings: HashtagSettings = dag.user_defined_macros[SETTINGS]
    conf = dag_run.conf or {}
    changed = settings.backfill_parameters if dag_run.run_type == BACKFILL else {}
    return {**params, **{name: value for name, value in changed.items() if name not in conf}}


def use_parameters_of_run(context: Context) -> None:
    """Call this before each task: a task reads the parameters in its context."""
    context["params"] = parameters_of_run(context["dag"], context["params"], context["dag_run"])
