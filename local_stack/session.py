"""What a running stack leaves in its home, so that other commands find it and a later start finds what it left."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

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

    @classmethod
    def begin(cls, home: Path, environment: Mapping[str, str], postgres: Path) -> Self:
        """Note that this process runs a stack in this home."""
        me = psutil.Process()
        session = cls(me.pid, me.create_time(), dict(environment), str(postgres))
        file = _file(home)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)  # the database's password is in it
        file.write_text(json.dumps(asdict(session)), encoding="utf-8")
        return session

    @classmethod
    def find(cls, home: Path) -> Self | None:
        """The stack that was begun last in this home, if any."""
        try:
            fields: dict[str, Any] = json.loads(_file(home).read_text(encoding="utf-8"))
            return cls(**fields)
        except (OSError, ValueError, TypeError):
            return None

    @property
    def is_running(self) -> bool:
        """Whether the process that began the stack still lives."""
        with suppress(psutil.Error):
            return bool(psutil.Process(self.pid).create_time() == self.created)
        return False


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


def _file(home: Path) -> Path:
    return home / "stack.json"
