import multiprocessing
import os

import pytest

from include.tweets.workers import Workers

started_with = None


def start(value):
    global started_with
    started_with = value


def work(number):
    return os.getpid(), started_with, number * number


def failing():
    yield from range(5)
    raise ValueError("no more jobs")


def count_possible(queue):
    queue.put(Workers(None, start).count)


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
