"""The log of all calls."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from local_aws.calls import Call

KEPT_IN_MEMORY = 100_000


class RequestLog:
    """
    All calls: the newest in memory and, if a file is given, all of them in that file as JSON lines.

    :param file: is continued if it exists
    """

    def __init__(self, file: Path | None = None):
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT_IN_MEMORY)
        self._file = None
        if file is not None:
            self._file = file.open("ab+", buffering=0)  # unbuffered, so that a line is written as a whole
            self._file.seek(0)
            self._entries.extend(filter(None, map(_parse, self._file.readall().splitlines())))

    def write(self, call: Call, outcome: str, status: int, seconds: float) -> None:
        """
        Add a call.

        :param outcome: ``ok``, or the error's code
        """
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **asdict(call),
            "outcome": outcome,
            "status": status,
            "milliseconds": round(seconds * 1e3, 1),
        }
        with self._lock:
            self._entries.append(entry)
            if self._file is not None:
                self._file.write(json.dumps(entry).encode() + b"\n")

    def entries(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        """The entries whose members fit the patterns, oldest first."""
        with self._lock:
            entries = list(self._entries)
        return (
            entry
            for entry in entries
            if all(fnmatchcase(str(entry.get(name)), pattern) for name, pattern in filters.items())
        )

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def _parse(line: bytes) -> dict[str, Any] | None:
    """An entry; None for a line that was cut off when the process was killed."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
