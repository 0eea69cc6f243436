"""What is kept over a restart: documents, the contents that they refer to, and log lines, in one directory."""

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

STATE, LOCK, CONTENTS, SCRATCH = "state.sqlite", "lock", "contents", "scratch"
FORMAT = 1
"""The format of the directory. A directory of another format is refused."""
MAX_LOG_LINES = 100_000
"""The newest lines are kept."""
LINES_BETWEEN_CUTS = 1_000
BYTES_BETWEEN_SWEEPS = 2**30
"""When so much has been put, contents to which no document refers any more are removed."""
SECONDS_TO_REFER = 600
"""A younger content is spared: its document may not be saved yet."""
SCHEMA = f"""
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA user_version = {FORMAT};
    CREATE TABLE IF NOT EXISTS documents (
        kind TEXT, key TEXT, document TEXT, contents TEXT, PRIMARY KEY (kind, key)
    );
    CREATE TABLE IF NOT EXISTS log_lines (
        account TEXT, region TEXT, log_group TEXT, stream TEXT, milliseconds INTEGER, line TEXT
    );
"""


class DataDirectoryError(Exception):
    """The directory cannot be used. The message says why and what to do."""


class NotKept(Exception):
    """A change cannot be kept, for example because the disk is full. The message says why."""


class Store:
    """
    Documents (JSON with datetimes) by kind and key, in SQLite. Each change is a transaction: a process that is killed
    has made it or has not. Contents are files named by their SHA-256. A content is written before the document that
    refers to it. Contents without a document are removed when the store is opened, and after every gigabyte.

    Without a directory nothing is kept, and every method does nothing.

    Every method that changes something raises NotKept, and has changed nothing, if the directory cannot be written.

    :raises DataDirectoryError: the directory cannot be created, another process uses it, or it has another format
    """

    def __init__(self, directory: Path | None = None):
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._put_bytes = self._added_lines = 0
        self.scratch: Path | None = None
        """A folder for unfinished files. It is emptied when the store is opened."""
        if directory is not None:
            try:
                self._open(directory)
            except (OSError, sqlite3.Error) as error:
                file = f" ({directory / STATE})" if isinstance(error, sqlite3.Error) else ""
                raise DataDirectoryError(f"{directory} cannot be used as a data directory: {error}{file}") from error

    def _open(self, directory: Path) -> None:
        _make(directory)
        self._owner = _lock(directory)
        database = _connect(directory)
        self._contents, self.scratch = directory / CONTENTS, directory / SCRATCH
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._contents.mkdir(exist_ok=True)
        self.scratch.mkdir()
        database.executescript(SCHEMA)
        self._database = database
        self._remove_unreferenced(older_than=float("inf"))
        self._cut_log()

    def close(self) -> None:
        """Release the directory for another process."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._owner.close()

    def save(self, kind: str, key: str, document: dict[str, Any], contents: Iterable[str] = ()) -> None:
        """
        Save a document, in place of an earlier one.

        :param contents: names, returned by `put_content`, of the contents that the document refers to
        """
        if self._database is None:
            return
        row = (kind, key, json.dumps(_encode(document)), " ".join(contents))
        # An update keeps the row's number, so documents stay in the order in which they were first saved.
        self._execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) "
            "DO UPDATE SET document = excluded.document, contents = excluded.contents",
            row,
        )

    def delete(self, kind: str, key: str) -> None:
        self._execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def delete_below(self, kind: str, prefix: str) -> None:
        """Delete every document of a kind whose key starts with a prefix."""
        self._execute("DELETE FROM documents WHERE kind = ? AND substr(key, 1, ?) = ?", (kind, len(prefix), prefix))

    def documents(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The keys and documents of a kind, in the order in which they were first saved."""
        for key, document in self._execute(
            "SELECT key, document FROM documents WHERE kind = ? ORDER BY rowid", (kind,)
        ):
            yield key, json.loads(document, object_hook=_decode)

    def regions(self, service: str) -> list[str]:
        """The regions of the keys that are ARNs of a service."""
        rows = self._execute("SELECT DISTINCT key FROM documents WHERE key LIKE ?", (f"arn:%:{service}:%",))
        return sorted({key.split(":")[3] for (key,) in rows})

    def put_content(self, content: bytes) -> str:
        """Keep bytes; return their name. A document must refer to it within `SECONDS_TO_REFER`."""
        if self._database is None or self.scratch is None:
            return ""
        name = hashlib.sha256(content).hexdigest()
        file = self._contents / name
        with self._lock:
            exists = file.exists()
            if exists:
                os.utime(file)
        if not exists:
            unfinished = self.scratch / f"{name}-{threading.get_ident()}"
            try:
                unfinished.write_bytes(content)
                unfinished.replace(file)
            except OSError as error:
                unfinished.unlink(missing_ok=True)
                raise NotKept(_not_kept(self._contents.parent, error.strerror)) from error
            self._sweep_after(len(content))
        return name

    def _sweep_after(self, size: int) -> None:
        with self._lock:
            self._put_bytes += size
            if self._put_bytes > BYTES_BETWEEN_SWEEPS:
                self._put_bytes = 0
                self._remove_unreferenced(older_than=time.time() - SECONDS_TO_REFER)

    def content(self, name: str) -> bytes:
        """The bytes with a name."""
        return (self._contents / name).read_bytes()

    def append_log(self, account: str, region: str, group: str, stream: str, events: Iterable[tuple[int, str]]) -> None:
        """Append lines, each with its time in milliseconds since 1970."""
        for milliseconds, line in events:
            self._execute(
                "INSERT INTO log_lines VALUES (?, ?, ?, ?, ?, ?)", (account, region, group, stream, milliseconds, line)
            )
            with self._lock:
                self._added_lines += 1
                if self._added_lines % LINES_BETWEEN_CUTS == 0:
                    self._cut_log()

    def delete_log(self, account: str, region: str, group: str, stream: str | None = None) -> None:
        """Delete the lines of a stream, or of a whole group."""
        self._execute(
            "DELETE FROM log_lines WHERE account = ? AND region = ? AND log_group = ? AND stream = coalesce(?, stream)",
            (account, region, group, stream),
        )

    def log_lines(self) -> Iterator[tuple[str, str, str, str, int, str]]:
        """Account, region, group, stream, milliseconds and text of all lines, oldest first."""
        yield from self._execute("SELECT * FROM log_lines ORDER BY rowid")

    def _execute(self, statement: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            if self._database is None:  # closed, while a job's thread is still running: what it saves is dropped
                return []
            try:
                return self._database.execute(statement, arguments).fetchall()
            except sqlite3.OperationalError as error:
                raise NotKept(_not_kept(self._contents.parent, error)) from error

    def _cut_log(self) -> None:
        """Keep the newest lines only."""
        self._execute("DELETE FROM log_lines WHERE rowid <= (SELECT max(rowid) FROM log_lines) - ?", (MAX_LOG_LINES,))

    def _remove_unreferenced(self, older_than: float) -> None:
        """
        Remove contents to which no document refers.

        :param older_than: seconds since 1970
        """
        referenced = {
            name for (contents,) in self._execute("SELECT contents FROM documents") for name in contents.split()
        }
        for file in self._contents.iterdir():
            with suppress(OSError):
                if file.name not in referenced and file.stat().st_mtime < older_than:
                    file.unlink()


def _not_kept(directory: Path, reason: object) -> str:
    return f"The data directory {directory} cannot be written ({reason}). Nothing was changed."


def _make(directory: Path) -> None:
    """Create the directory, unless it is one already. Refuse a directory with anything else in it."""
    if not directory.name:
        raise DataDirectoryError("the data directory needs a name")
    if directory.exists() and not directory.is_dir():
        raise DataDirectoryError(f"{directory} is a file, and a data directory is needed")
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / STATE).exists() and {entry.name for entry in directory.iterdir()} - {LOCK}:
        raise DataDirectoryError(f"{directory} holds other things; use an empty directory, or one of a local AWS")


def _lock(directory: Path) -> IO[str]:
    """Keep other processes from using the directory, until the returned file is closed."""
    file = (directory / LOCK).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataDirectoryError(f"{directory} is in use by another local AWS; stop it, or choose another") from None
    return file


def _connect(directory: Path) -> sqlite3.Connection:
    database = sqlite3.connect(directory / STATE, check_same_thread=False, isolation_level=None)
    (found,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if found != FORMAT and (found or tables):
        raise DataDirectoryError(f"{directory} is of format {found}, not {FORMAT}; use an empty directory")
    return database


def _encode(value: Any) -> Any:
    """
    The value for JSON, with datetimes as ``{"$datetime": …}``. A key that starts with a dollar gets a second one, so
    that it is not mistaken for a datetime.
    """
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, dict):
        return {f"${key}" if key.startswith("$") else key: _encode(entry) for key, entry in value.items()}
    return [_encode(entry) for entry in value] if isinstance(value, list) else value


def _decode(value: dict[str, Any]) -> Any:
    if set(value) == {"$datetime"}:
        return datetime.fromisoformat(value["$datetime"])
    return {key[1:] if key.startswith("$") else key: entry for key, entry in value.items()}
