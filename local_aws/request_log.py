"""The log of all calls."""

import json
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

from local_aws.calls import Call
from local_aws.terminal import tell

KEPT_IN_MEMORY = 100_000
MAX_FILE_BYTES = 16 * 2**20
"""A file of more bytes is cut to its newest half: at start, and when a call is added."""
MAX_TEXT = 1_200
"""A text of an entry is cut after this many characters. The longest name is that of an object: bucket and key."""


class RequestLog:
    """
    The newest calls, in memory and, if a file is given, in that file as JSON lines.

    :param file: is continued if it exists
    """

    def __init__(self, file: Path | None = None):
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT_IN_MEMORY)
        self._path = file
        self._file: IO[bytes] | None = None
        self._told = False
        if file is not None:
            self._file = _open(file)
            self._file.seek(0)
            self._entries.extend(filter(None, map(_parse, self._file.read().splitlines())))

    def write(self, call: Call, outcome: str, status: int, seconds: float, permissions: Iterable[str] = ()) -> None:
        """
        Add a call.

        :param outcome: ``ok``, or the error's code
        :param permissions: that the call needs, with ``--enforce-iam``
        """
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **{name: text[:MAX_TEXT] for name, text in asdict(call).items()},
            "outcome": outcome,
            "status": status,
            "milliseconds": round(seconds * 1e3, 1),
        }
        if permissions:
            entry["permissions"] = [permission[:MAX_TEXT] for permission in permissions]
        with self._lock:
            self._entries.append(entry)
            if self._path is not None and self._file is not None:
                self._append(self._file, json.dumps(entry).encode() + b"\n")
                if self._file.tell() > MAX_FILE_BYTES:
                    with suppress(OSError):  # the disk is full: the next call tries again
                        longer, self._file = self._file, _open(self._path)
                        longer.close()

    def _append(self, file: IO[bytes], line: bytes) -> None:
        """A disk without space costs the file its line, and nobody the answer to a call that has been carried out."""
        end = file.seek(0, os.SEEK_END)
        try:
            if file.write(line) == len(line):
                return
            reason = "no space for a whole line"
        except OSError as error:
            reason = str(error)
        os.ftruncate(file.fileno(), end)
        if not self._told:
            tell(f"The request log {file.name} misses lines: {reason}")
            self._told = True

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


def _open(file: Path) -> IO[bytes]:
    """Open a log to add to it. If it is too large, it is cut first."""
    if file.exists() and file.stat().st_size > MAX_FILE_BYTES:
        with file.open("rb") as old:
            old.seek(-MAX_FILE_BYTES // 2, os.SEEK_END)
            old.readline()  # the first line may have lost its beginning
            shorter = file.with_suffix(".new")
            shorter.write_bytes(old.read())
        shorter.replace(file)
    return file.open("ab+", buffering=0)  # unbuffered, so that a line is written as a whole


def _parse(line: bytes) -> dict[str, Any] | None:
    """An entry; None for a line that was cut off when the process was killed."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
