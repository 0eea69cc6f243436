"""An executor for one machine, whose tasks start quickly, and that does not take a deferral for a task's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.executors.local_executor import LocalExecutor
from airflow.utils.state import TaskInstanceState

if TYPE_CHECKING:
    from airflow.executors.workloads import All
    from airflow.executors.workloads.types import WorkloadKey

ENDED = (TaskInstanceState.SUCCESS, TaskInstanceState.FAILED)
IMPORTED_FOR_TASKS = (
    "airflow.sdk.execution_time.task_runner",
    "hashtag_retrain.operators.delete",
    "hashtag_retrain.operators.hold",
    "hashtag_retrain.operators.invoke",
    "hashtag_retrain.operators.tune",
    "hashtag_retrain.sensors.tweets",
    "include.steps.evaluate_model",
    "include.steps.prepare_dataset",
    "include.steps.record_outcome",
    "include.steps.register_model",
    "matplotlib.figure",
    "nltk.tokenize",
    "sagemaker.core.image_uris",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
)
"""What takes long to import. A task's process is a fork of the executor's, and finds it imported."""


class RememberingLocalExecutor(LocalExecutor):
    """
    Airflow's LocalExecutor, which remembers how many processes of a task it has started.

    A task that defers ends its first process, and the executor reports a success. Where the task was resumed before the
    scheduler reads that report, Airflow 3.3 takes it for the report of the second process, finds the task still running
    and fails it (https://github.com/apache/airflow/issues/71580). Our triggers end their tasks themselves, so that no
    second process is needed; but a person's answer to a task's question resumes it. So the first report is dropped
    where the second process was started already. CeleryExecutor with one scheduler does not have the fault.
    """

    def start(self) -> None:
        self._started: Counter[WorkloadKey] = Counter()
        for name in IMPORTED_FOR_TASKS:
            import_module(name)
        super().start()

    def _process_workloads(self, workload_list: Sequence[All]) -> None:
        self._started.update(workload.key for workload in workload_list)
        super()._process_workloads(workload_list)

    def change_state(self, key: Any, state: Any, info: Any = None, remove_running: bool = True) -> None:
        if state in ENDED:
            self._started[key] -= 1
            if self._started[key] > 0 and state == TaskInstanceState.SUCCESS:
                self.log.info("%s was started again since: its first process had deferred.", key)
                return
            if self._started[key] <= 0:
                del self._started[key]
        super().change_state(key, state, info, remove_running)
