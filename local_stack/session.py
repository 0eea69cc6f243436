"""What a running stack leaves in its home, so that other commands find it and a later start finds what it left."""

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
    """A stack that runs, or ran."""

    pid: int
    """Of the process that started the stack and will stop it."""
    created: float
    """When that process began: its number may be another one's by now."""
    environment: dict[str, str]
    """In which commands of Airflow reach the stack."""
    postgres: str
    """Folder of the database server."""
    parts: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Number of each part's process, and when it began."""

    @classmethod
    def begin(cls, home: Path, environment: Mapping[str, str], postgres: Path) -> Self:
        """Note that this process runs a stack in this home."""
        me = psutil.Process()
        session = cls(me.pid, me.create_time(), dict(environment), str(postgres))
        session._write(home)
        return session

    def note_part(self, home: Path, name: str, pid: int) -> None:
        """Note a process that was started, so that it can be ended if this one is killed."""
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
        """Numbers of the parts' processes that still live."""
        return [pid for pid, created in self.parts.values() if _lives(pid, created)]

    @classmethod
    def find(cls, home: Path) -> Self | None:
        """The stack that was begun last in this home, if any."""
        try:
            fields: dict[str, Any] = json.loads(_file(home).read_text(encoding="utf-8"))
            return cls(**fields)
        except (OSError, ValueError, TypeError):
            return None

    def client(self, service: str) -> Any:
        """A boto3 client of the stack's local AWS."""
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
        """Whether the process that began the stack still lives."""
        return _lives(self.pid, self.created)


def end_session(home: Path) -> None:
    """Note that nothing runs in this home any more."""
    _file(home).unlink(missing_ok=True)


def running_session(home: Path) -> Session:
    """
    :raises StackError: no stack runs in this home
    """
    session = Session.find(home)
    if session is None or not session.is_running:
        raise StackError("No local stack is running. Start one with: make up")
    return session


def _lives(pid: int, created: float) -> bool:
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).create_time() == created)
    return False


def _file(home: Path) -> Path:
    return home / "stack.json"
