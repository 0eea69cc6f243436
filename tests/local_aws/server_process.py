"""A local AWS in a process of its own, which a test may kill."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import boto3
import psutil
from botocore.config import Config

from tests.conftest import REPOSITORY


@cache
def fork_server() -> socket.socket:
    """The socket of this process's fork server, which ends with this process."""
    ours, its = socket.socketpair(type=socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.local_aws.fork_server", str(its.fileno())]
    subprocess.Popen(command, cwd=REPOSITORY, pass_fds=[its.fileno()])
    its.close()
    return ours


class ServerProcess:
    """What ``python -m local_aws`` is, but quickly started, as a context manager; `url` is where it answers."""

    def __init__(self, *arguments: str):
        order = {"arguments": ["--port", "0", *arguments], "environment": dict(os.environ)}
        output, its_output = os.pipe()
        socket.send_fds(fork_server(), [json.dumps(order).encode()], [its_output, 2])
        os.close(its_output)
        self.pid = int(fork_server().recv(20))
        self._process = psutil.Process(self.pid)
        self._output = os.fdopen(output)
        self.url = self._output.readline().split("ready on ")[1].split()[0]

    def client(self, service: str) -> Any:
        # One attempt: a server that is dead stays dead.
        return boto3.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def children(self) -> list[int]:
        """Processes that it has started."""
        return [child.pid for child in self._process.children()]

    def _end(self, number: int) -> None:
        self._process.send_signal(number)
        self._process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_running():
            self._end(signal.SIGTERM)
        self._output.close()


@contextmanager
def running_command() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``python -m local_aws`` itself, which the test ends, and where it answers."""
    command = [sys.executable, "-m", "local_aws", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().split("ready on ")[1].split()[0]


def end_through_another_thread(process: subprocess.Popen[str]) -> int:
    """SIGTERM to one of its threads that is not the main one, as the kernel may choose; gives the exit status."""
    threads = [int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()]
    other = next(thread for thread in threads if thread != process.pid)
    assert ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM) == 0
    return process.wait(timeout=10)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z" and os.kill(pid, 0) is None
    except OSError:
        return False
