"""A local AWS in a process of its own, which a test may kill."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from tests.conftest import REPOSITORY


class ServerProcess:
    """``python -m local_aws`` as a context manager; `url` is where it answers."""

    def __init__(self, *arguments: str):
        command = [sys.executable, "-m", "local_aws", "--port", "0", *arguments]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split("ready on ")[1].split()[0]

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self, service: str) -> Any:
        # One attempt: a server that is dead stays dead.
        return boto3.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def children(self) -> list[int]:
        """Processes that it has started."""
        found = subprocess.run(
            ["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False
        ).stdout
        return [int(line) for line in found.split()]

    def ask_to_end_through_another_thread(self) -> int:
        """SIGTERM to one of its threads that is not the main one, as the kernel may choose; gives the exit status."""
        thread = next(
            int(path.name)
            for path in Path(f"/proc/{self._process.pid}/task").iterdir()
            if int(path.name) != self._process.pid
        )
        assert ctypes.CDLL(None).tgkill(self._process.pid, thread, signal.SIGTERM) == 0
        return self._process.wait(timeout=10)

    def _end(self, number: int) -> None:
        self._process.send_signal(number)
        self._process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._end(signal.SIGTERM)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z" and os.kill(pid, 0) is None
    except OSError:
        return False
