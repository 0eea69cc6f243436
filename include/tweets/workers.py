"""A pool of processes that is started with the first job."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import current_process, get_context, parent_process
from typing import Any, Self, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """
    A pool of processes as a context manager.

    :param processes: the number of processes; None for one per core
    :param prepare: called in each process with `arguments`, before its first job
    """

    def __init__(self, processes: int | None, prepare: Callable[..., None], *arguments: Any):
        # Celery runs tasks in daemonic processes, which must not start processes.
        possible = 1 if current_process().daemon else len(os.sched_getaffinity(0))
        self.count = processes or possible
        self._prepare, self._arguments = prepare, arguments
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[Job], Result], jobs: Iterator[Job]) -> Iterator[Result]:
        """
        Call `work` with each job, and yield the results in order. Only a few jobs and results exist at a time, to limit
        the memory.

        If `jobs` raises an exception, the results of all jobs before it are yielded first.
        """
        if self._pool is None:
            # Not "fork": Airflow's task process has threads, which makes forking unsafe.
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, context, _start, (self._prepare, self._arguments))
        pending: deque[Future[Result]] = deque()
        while True:
            try:
                job = next(jobs, None)
            except Exception:
                yield from _results(pending)
                raise
            if job is None:
                break
            pending.append(self._pool.submit(work, job))
            if len(pending) > 2 * self.count:
                yield pending.popleft().result()
        yield from _results(pending)


def _start(prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare(*arguments)


def _end_with_parent() -> None:
    """End this process with its parent. If the parent is killed, it would wait for jobs for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _results(pending: "deque[Future[Result]]") -> Iterator[Result]:
    while pending:
        yield pending.popleft().result()
