"""Processes that share work, started when there turns out to be enough of it."""

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

    :param processes: how many; None for one per core
    :param prepare: called in each process with the arguments, before its first job
    """

    def __init__(self, processes: int | None, prepare: Callable[..., None], *arguments: Any):
        # Celery runs tasks in daemonic processes, which may have no children.
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
        The results in order. There are never more than a few jobs and results under way, so that they do not pile up.

        Where `jobs` raises an exception, so does this, after the results of all jobs before.
        """
        if self._pool is None:
            # Not forked: a process that Airflow runs tasks in has threads.
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
    """A parent that is killed leaves its pool behind, which would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _results(pending: "deque[Future[Result]]") -> Iterator[Result]:
    while pending:
        yield pending.popleft().result()
