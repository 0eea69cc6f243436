import inspect
import multiprocessing
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.executors.local_executor import LocalExecutor
from airflow.sdk import get_parsing_context
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID
from airflow.sdk.execution_time import supervisor
from airflow.sdk.listener import get_listener_manager
from airflow.utils.state import TaskInstanceState

from hashtag_retrain import executors
from hashtag_retrain.executors import RememberingLocalExecutor

TASK = "a task"
FORKS = multiprocessing.get_context("fork")


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


def test_a_fork_of_it_knows_the_modules_of_all_its_frames_and_airflows_plugins():
    receiver, sender = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=start_and_fork, args=(sender,))
    process.start()
    sender.close()

    with receiver:
        unknown_files, listener_managers = receiver.recv()

    process.join()
    assert unknown_files == set()
    assert listener_managers == 1


def start_and_fork(answer: Any) -> None:
    """In a fork of the tests' process that has inspected no stack, looked for no plugins, and not imported all yet."""
    for cache in (inspect.modulesbyfile, inspect._filesbymodname):
        cache.clear()
    get_listener_manager.cache_clear()
    del sys.modules[supervisor.__name__]
    LocalExecutor.start = lambda _: None
    RememberingLocalExecutor().start()
    fork = FORKS.Process(target=work, args=(answer,))
    fork.start()
    fork.join()


def work(answer: Any) -> None:
    files, frame = {inspect.getabsfile(supervisor)}, inspect.currentframe()
    while frame := frame.f_back:
        files.add(inspect.getabsfile(frame))
    answer.send((files - set(inspect.modulesbyfile), get_listener_manager.cache_info().currsize))


def test_nor_for_frames_whose_file_is_no_modules(executor, monkeypatch):
    monkeypatch.setattr(executors, "IMPORTED_FOR_TASKS", ())
    monkeypatch.setattr(LocalExecutor, "start", lambda _: None)
    start = {"start": executor.start, "__name__": "runpy"}

    exec(compile("start()", "<frozen runpy>", "exec"), start)

    assert inspect.modulesbyfile[str(Path("<frozen runpy>").absolute())] == "runpy"
