"""A pool of processes."""

import os
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import Pipe, current_process
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Self, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """
    A pool of processes as a context manager. They end with it, or when this process ends.

    They are new interpreters. They are not forks, because Airflow's task process has threads, which makes forking
    unsafe. Nor are they those of `multiprocessing`, which import the main program again: Airflow's takes two seconds.

    :param processes: the number of processes; None for one per core
    :param prepare: called in each process with `arguments`, before its first job
    """

    def __init__(self, processes: int | None, prepare: Callable[..., None], *arguments: Any):
        # Celery runs tasks in daemonic processes, which must not start processes.
        possible = 1 if current_process().daemon else len(os.sched_getaffinity(0))
        self.count = processes or possible
        self._prepare, self._arguments = prepare, arguments
        self._threads = ThreadPoolExecutor(self.count)
        """Each waits for one process."""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[Connection[Any, Any]] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()
        for process in self._processes:
            process.wait()

    def start(self) -> None:
        """Start the processes, without waiting until they are ready."""
        while len(self._processes) < self.count:
            ours, theirs = Pipe()
            with theirs:
                # With -P the folder where the task runs comes not first: it may have another folder include.
                command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
                path = {"PYTHONPATH": os.pathsep.join(sys.path)}
                process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env={**os.environ, **path})
            self._processes.append(process)
            ours.send((self._prepare, self._arguments))
            self._idle.put(ours)

    def map(self, work: Callable[[Job], Result], jobs: Iterator[Job]) -> Iterator[Result]:
        """
        Call `work` with each job, and yield the results in order. Only a few jobs and results exist at a time, to limit
        the memory.

        If `jobs` raises an exception, the results of all jobs before it are yielded first.
        """
        self.start()
        pending: deque[Future[Result]] = deque()
        while True:
            try:
                job = next(jobs, None)
            except Exception:
                yield from _results(pending)
                raise
            if job is None:
                break
            pending.append(self._threads.submit(self._call, work, job))
            if len(pending) > 2 * self.count:
                yield pending.popleft().result()
        yield from _results(pending)

    def _call(self, work: Callable[[Job], Result], job: Job) -> Result:
        process = self._idle.get()
        try:
            process.send((work, (job,)))
            error, result = process.recv()
        except (EOFError, OSError) as lost:
            raise ChildProcessError("a process has ended before its work, for example for lack of memory") from lost
        finally:
            self._idle.put(process)
        if error is not None:
            raise error
        returned: Result = result
        return returned


def serve(descriptor: int) -> None:
    """Do what comes through a pipe, until its other end is closed."""
    with suppress(EOFError, BrokenPipeError), Connection(descriptor) as connection:
        prepare, arguments = connection.recv()
        prepare(*arguments)
        while True:
            work, arguments = connection.recv()
            connection.send(_outcome(work, arguments))


def _outcome(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Exception | None, Any]:
    try:
        return None, work(*arguments)
    except Exception as error:
        error.add_note(traceback.format_exc())
        return error, None


def _results(pending: "deque[Future[Result]]") -> Iterator[Result]:
    while pending:
        yield pending.popleft().result()
