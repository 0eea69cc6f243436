import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from include.tweets.workers import Workers
from tests.conftest import REPOSITORY
from tests.tweets.jobs import count_possible, end, refuse, start, work


def failing():
    yield from range(5)
    raise ValueError("no more jobs")


def test_results_come_in_order_from_other_processes():
    with Workers(2, start, "prepared") as workers:
        results = list(workers.map(work, iter(range(20))))

    assert [result for _, _, result in results] == [number * number for number in range(20)]
    assert {value for _, value, _ in results} == {"prepared"}
    assert os.getpid() not in {process for process, _, _ in results}


def test_when_the_jobs_fail_the_results_of_those_before_are_there():
    results = []
    with Workers(2, start, None) as workers, pytest.raises(ValueError, match="no more jobs"):
        results.extend(result for _, _, result in workers.map(work, failing()))

    assert results == [0, 1, 4, 9, 16]


def test_few_jobs_are_under_way_at_a_time():
    taken = []

    with Workers(2, start, None) as workers:
        next(workers.map(work, (taken.append(job) or job for job in range(100))))

    assert len(taken) <= 6


def test_a_daemonic_process_works_alone():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=count_possible, args=(queue,), daemon=True)
    process.start()

    assert queue.get(timeout=60) == 1
    process.join()


def test_an_error_in_a_process_is_raised_here_and_says_where_it_was():
    with Workers(2, start, None) as workers, pytest.raises(KeyError, match="3") as caught:
        list(workers.map(refuse, iter([3])))

    assert "in refuse" in caught.value.__notes__[0]


def test_a_lost_process_is_an_error():
    with Workers(2, start, None) as workers, pytest.raises(ChildProcessError, match="has ended before its work"):
        list(workers.map(end, iter([1])))


PROGRAM = """
import time
from include.tweets.workers import Workers
from tests.tweets.jobs import start, work
workers = Workers(2, start, None)
print(*{process for process, _, _ in workers.map(work, iter(range(20)))}, flush=True)
time.sleep(60)
"""


def test_processes_do_not_import_the_main_program_and_end_when_it_is_killed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command, path = [sys.executable, tmp_path / "program.py"], {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env={**os.environ, **path}, stdout=subprocess.PIPE, text=True) as program:
        processes = [int(process) for process in program.stdout.readline().split()]
        program.kill()

    deadline = time.monotonic() + 20
    while any(_runs(process) for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_folder_where_the_task_runs_hides_no_module(tmp_path, monkeypatch):
    """Airflow runs tasks wherever it was started, and other projects have a folder include, too."""
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "__init__.py").write_text("raise ImportError('of somebody else')")
    monkeypatch.chdir(tmp_path)

    with Workers(1, print) as workers:
        assert list(workers.map(abs, iter([-1]))) == [1]
