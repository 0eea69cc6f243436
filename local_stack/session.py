"""The file in a stack's home from which other commands, and a later start, learn what is running."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import boto3
import psutil

from local_stack.errors import StackError


@dataclass(frozen=True, slots=True)
class Session:
    """A stack that is running, or has been killed."""

    pid: int
    """PID of the process that has started the stack and will stop it."""
    created: float
    """When that process was created. Another process may have its PID now."""
    environment: dict[str, str]
    """The environment in which Airflow's commands reach the stack."""
    postgres: str
    """The folder of the database server."""
    parts: dict[str, tuple[int, float]] = field(default_factory=dict)
    """PID and creation time of each part's process."""

    @classmethod
    def begin(cls, home: Path, environment: Mapping[str, str], postgres: Path) -> Self:
        """Record that this process runs a stack in this home."""
        me = psutil.Process()
        session = cls(me.pid, me.create_time(), dict(environment), str(postgres))
        session._write(home)
        return session

    def note_part(self, home: Path, name: str, pid: int) -> None:
        """Record a process, so that the next start can kill it if this process is killed."""
        with suppress(psutil.Error):
            self.parts[name] = (pid, psutil.Process(pid).create_time())
            self._write(home)

    def _write(self, home: Path) -> None:
        new = _file(home).with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)  # the database's password is in it
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(_file(home))

    def leftovers(self) -> list[int]:
        """The PIDs of the parts' processes that are still alive."""
        return [pid for pid, created in self.parts.values() if _is_alive(pid, created)]

    @classmethod
    def find(cls, home: Path) -> Self | None:
        """The session in this home. None: there is none, or its file cannot be read."""
        try:
            fields: dict[str, Any] = json.loads(_file(home).read_text(encoding="utf-8"))
            return cls(**fields)
        except (OSError, ValueError, TypeError):
            return None

    def client(self, service: str) -> Any:
        """A boto3 client for the stack's local AWS."""
        environment = self.environment
        return boto3.client(
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def is_running(self) -> bool:
        """Whether the process that started the stack is still alive."""
        return _is_alive(self.pid, self.created)


def end_session(home: Path) -> None:
    """Record that nothing is running in this home."""
    _file(home).unlink(missing_ok=True)


def running_session(home: Path) -> Session:
    """
    :raises StackError: no stack runs in this home
    """
    session = Session.find(home)
    if session is None or not session.is_running:
        raise StackError("No local stack is running. Start one with: make up")
    return session


def _is_alive(pid: int, created: float) -> bool:
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).create_time() == created)
    return False


def _file(home: Path) -> Path:
    return home / "stack.json"
