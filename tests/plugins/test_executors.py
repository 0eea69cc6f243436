import inspect
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.executors.local_executor import LocalExecutor
from airflow.sdk import get_parsing_context
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID
from airflow.utils.state import TaskInstanceState

from hashtag_retrain import executors
from hashtag_retrain.executors import RememberingLocalExecutor
from tests.conftest import REPOSITORY

TASK = "a task"


@pytest.fixture
def reported(monkeypatch) -> list[str]:
    """The states that reach the scheduler."""
    states: list[str] = []
    monkeypatch.setattr(LocalExecutor, "_process_workloads", lambda *_: None)
    monkeypatch.setattr(LocalExecutor, "change_state", lambda _, key, state, *__: states.append(state))
    return states


@pytest.fixture
def executor() -> RememberingLocalExecutor:
    """Without processes, which start() would make."""
    executor = RememberingLocalExecutor()
    executor._started = Counter()
    return executor


def start(executor: RememberingLocalExecutor) -> None:
    executor._process_workloads([SimpleNamespace(key=TASK)])


def test_the_end_of_a_process_whose_task_was_resumed_already_is_not_reported(executor, reported):
    start(executor)
    start(executor)

    executor.change_state(TASK, TaskInstanceState.SUCCESS)
    assert reported == []
    executor.change_state(TASK, TaskInstanceState.SUCCESS)

    assert reported == [TaskInstanceState.SUCCESS]
    assert not executor._started


def test_a_process_that_fails_is_reported_whatever_was_started_since(executor, reported):
    start(executor)
    start(executor)

    executor.change_state(TASK, TaskInstanceState.FAILED)

    assert reported == [TaskInstanceState.FAILED]


def test_processes_one_after_the_other_are_all_reported(executor, reported):
    for _ in range(2):
        start(executor)
        executor.change_state(TASK, TaskInstanceState.SUCCESS)

    assert reported == [TaskInstanceState.SUCCESS] * 2


def test_tasks_need_not_look_through_all_modules_to_name_their_caller(executor, monkeypatch):
    monkeypatch.setattr(executors, "IMPORTED_FOR_TASKS", ())
    for cache in ("modulesbyfile", "_filesbymodname"):
        monkeypatch.setattr(inspect, cache, {})
    found = []
    monkeypatch.setattr(LocalExecutor, "start", lambda _: found.append(len(inspect.modulesbyfile)))

    executor.start()

    assert found[0] > 100


def test_forks_do_not_inherit_of_which_dag_the_parse_for_them_was(executor, monkeypatch):
    monkeypatch.delenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, raising=False)
    monkeypatch.setattr(executors, "IMPORTED_FOR_TASKS", ())
    monkeypatch.setattr(LocalExecutor, "start", lambda _: None)

    executor.start()

    assert get_parsing_context().dag_id is None


FORK = """
import inspect, multiprocessing, sys
from airflow.executors.local_executor import LocalExecutor
from airflow.sdk.listener import get_listener_manager
from hashtag_retrain.executors import RememberingLocalExecutor

def work():
    from airflow.sdk.execution_time import supervisor

    files, frame = {inspect.getabsfile(supervisor)}, inspect.currentframe()
    while frame := frame.f_back:
        files.add(inspect.getabsfile(frame))
    print(sorted(files - set(inspect.modulesbyfile)), flush=True)
    print(get_listener_manager.cache_info().currsize, flush=True)

LocalExecutor.start = lambda _: None
RememberingLocalExecutor().start()
multiprocessing.get_context("fork").Process(target=work).start()
"""


def test_a_fork_of_it_knows_the_modules_of_all_its_frames_and_airflows_plugins():
    done = subprocess.run([sys.executable, "-c", FORK], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-2:] == ["[]", "1"]


def test_nor_for_frames_whose_file_is_no_modules(executor, monkeypatch):
    monkeypatch.setattr(executors, "IMPORTED_FOR_TASKS", ())
    monkeypatch.setattr(LocalExecutor, "start", lambda _: None)
    start = {"start": executor.start, "__name__": "runpy"}

    exec(compile("start()", "<frozen runpy>", "exec"), start)

    assert inspect.modulesbyfile[str(Path("<frozen runpy>").absolute())] == "runpy"
