"""An executor for one machine. Its tasks start quickly, and it does not mistake a task's deferral for its end."""

from __future__ import annotations

import inspect
import linecache
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from airflow.executors.local_executor import LocalExecutor
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID
from airflow.sdk.listener import get_listener_manager
from airflow.utils.state import TaskInstanceState

from hashtag_retrain.preloading import IMPORTED_FOR_DAGS, import_all
from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags
from include.config.names import dag_id_of
from include.evaluation.baseline import linear_baseline
from include.evaluation.metrics import evaluate
from include.evaluation.outcomes import Outcomes
from include.predictions import Prediction
from include.report.page import template
from include.tweets.punkt import english, word_tokenize

if TYPE_CHECKING:
    from airflow.executors.workloads import All
    from airflow.executors.workloads.types import WorkloadKey

ENDED = (TaskInstanceState.SUCCESS, TaskInstanceState.FAILED)
IMPORTED_FOR_TASKS = (
    *IMPORTED_FOR_DAGS,
    "airflow.sdk.execution_time.cache",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "boto3.s3.inject",
    "multiprocessing.popen_fork",
    "nltk.tokenize",
    "pyarrow.pandas_compat",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
)
"""Modules that take long to import. The executor imports them once, because tasks' processes are forks of it."""


STACK_OF_A_TASK = (
    "airflow.providers.amazon.aws.hooks",
    "airflow.providers.standard.operators",
    "airflow.sdk.bases",
    "airflow.sdk.execution_time",
    "contextlib",
    "functools",
    "hashtag_retrain.backfills",
    "hashtag_retrain.operators",
    "hashtag_retrain.sensors",
    "hashtag_retrain.triggers",
    "include.aws",
    "include.steps",
)
"""The beginnings of names of modules that are on the stack when a task makes an AWS hook."""


class RememberingLocalExecutor(LocalExecutor):
    """
    Airflow's LocalExecutor, but it remembers how many processes of a task it has started.

    When a task defers, its first process ends, and the executor reports a success. If the task is resumed before the
    scheduler reads that report, Airflow 3.3 takes it for the report of the second process. It finds the task still
    running, and fails it (https://github.com/apache/airflow/issues/71580). Our triggers end their tasks themselves, so
    they need no second process. But a person's answer to a task's question resumes the task. So this executor drops the
    first report if it has started the second process already. CeleryExecutor with one scheduler does not need this.
    """

    def start(self) -> None:
        self._started: Counter[WorkloadKey] = Counter()
        import_all(IMPORTED_FOR_TASKS)
        _use_once()
        _parse_once()
        _remember_modules_of_stack()
        super().start()

    def _process_workloads(self, workload_list: Sequence[All]) -> None:
        self._started.update(workload.key for workload in workload_list)
        super()._process_workloads(workload_list)

    def change_state(self, key: Any, state: Any, info: Any = None, remove_running: bool = True) -> None:
        if state in ENDED:
            self._started[key] -= 1
            if self._started[key] > 0 and state == TaskInstanceState.SUCCESS:
                self.log.info("%s has been started again, so the report of its first process is dropped.", key)
                return
            if self._started[key] <= 0:
                del self._started[key]
        super().change_state(key, state, info, remove_running)


def _use_once() -> None:
    """What reads files or looks for plugins when it is first used. Forks inherit what is found here."""
    get_listener_manager()  # a task looks for Airflow's plugins here, not where the scheduler has found them
    template()
    word_tokenize()("")
    english()
    tweets = [("0", "one word"), ("1", "another word")] * 2
    linear_baseline(tweets, tweets, ["0", "1", "0", "1"], word_ngrams=2)
    evaluate(Outcomes.of(["0", "1"], [Prediction({label: 1.0}) for label in "01"]), ["0", "1"])


def _parse_once() -> None:
    """
    A task parses its DAG file. The first parse of a process takes longer than the second: Python remembers which types
    are instances of which abstract classes. Forks inherit that, too. They do not inherit of which DAG this parse was:
    Airflow's context manager leaves that in the environment if there was nothing before.
    """
    with suppress(ConfigurationError):  # the DAG processor tells of mistakes in the hashtags file
        hashtag = min(load_hashtags().names)
        with _airflow_parsing_context_manager(dag_id=dag_id_of(hashtag)):
            DagBag(Path(conf.get("core", "dags_folder")) / "retrain_hashtag.py")
        os.environ.pop(_AIRFLOW_PARSING_CONTEXT_DAG_ID, None)


def _remember_modules_of_stack() -> None:
    """
    Airflow's AWS hooks inspect the stack to name their caller. A process's first look at a stack goes through all
    modules, and each look does so again for frames whose file is no module's, like ``<frozen runpy>``. And it reads the
    files of all modules on the stack. That would take each hook 0.05 to 0.15 s. Forks inherit what is found here.
    """
    for name in [name for name in sys.modules if name.startswith(STACK_OF_A_TASK)]:
        linecache.getlines(getattr(sys.modules[name], "__file__", None) or "")
    for frame, *_ in inspect.stack():
        inspect.modulesbyfile.setdefault(inspect.getabsfile(frame), frame.f_globals["__name__"])
