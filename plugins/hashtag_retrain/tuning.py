"""Skip tune_model where nothing is tuned, without a process of its own and without slots of its pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import SkipDownstreamTasks

from hashtag_retrain.assets import announce

if TYPE_CHECKING:
    from airflow.sdk import Context

TUNING_TASK = "tune_model"


def announce_and_skip_tuning(context: Context, result: dict[str, Any]) -> None:
    """
    Call this after prepare_dataset, whose result says whether there is something to tune. If a person clears tune_model
    alone, it skips itself.

    Airflow skips tasks for an operator that raises DownstreamTasksSkipped. But such a task has no result, so this sends
    the request that Airflow would send then.
    """
    announce(context, result)
    if not result["tuning_request"]:
        task_runner.SUPERVISOR_COMMS.send(SkipDownstreamTasks(tasks=[TUNING_TASK]))
        print(f"tune is off, so {TUNING_TASK} is skipped.")
