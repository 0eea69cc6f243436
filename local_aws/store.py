"""What survives a restart: documents, the contents that they refer to, and log lines, below one directory."""

import fcntl
import hashlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

STATE, LOCK = "state.sqlite", "lock"
FORMAT = 1
"""Of the directory's contents; another one is refused."""


class DataDirectoryError(Exception):
    """The directory cannot be used; the message says why and what to do."""


class Store:
    """
    Documents (JSON, with datetimes) by kind and key, in SQLite: each change is a transaction, so that a process that is
    killed leaves it either done or not done. Contents are files that are named by their SHA-256 and written before
    the document that refers to them; those that nothing refers to any more are removed when the store is opened.

    Without a directory nothing is kept, and every method does nothing.

    :raises DataDirectoryError: cannot be created, is in use by another process, or is of another format
    """

    def __init__(self, directory: Path | None = None):
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self.scratch: Path | None = None
        """Where half-written things may lie; emptied when the store is opened."""
        if directory is not None:
            try:
                self._open(directory)
            except (OSError, sqlite3.Error) as error:
                file = f" ({directory / STATE})" if isinstance(error, sqlite3.Error) else ""
                raise DataDirectoryError(f"{directory} cannot be used as a data directory: {error}{file}") from error

    def _open(self, directory: Path) -> None:
        if not directory.name:
            raise DataDirectoryError("the data directory needs a name")
        if directory.exists() and not directory.is_dir():
            raise DataDirectoryError(f"{directory} is a file, and a data directory is needed")
        directory.mkdir(parents=True, exist_ok=True)
        state = directory / STATE
        if not state.exists() and {entry.name for entry in directory.iterdir()} - {LOCK}:
            raise DataDirectoryError(f"{directory} holds other things; use an empty directory, or one of a local AWS")
        self._owner = (directory / LOCK).open("a")
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._owner.close()
            raise DataDirectoryError(
                f"{directory} is in use by another local AWS; stop it, or choose another"
            ) from None
        database = sqlite3.connect(state, check_same_thread=False, isolation_level=None)
        (found,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if found != FORMAT and (found or tables):
            raise DataDirectoryError(f"{directory} is of format {found}, not {FORMAT}; use an empty directory")
        self._contents = directory / "contents"
        self.scratch = directory / "scratch"
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._contents.mkdir(exist_ok=True)
        self.scratch.mkdir()
        database.executescript(
            f"""
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
        )
        self._database = database
        self._remove_unreferenced()

    def close(self) -> None:
        """Let another process use the directory."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._owner.close()

    def save(self, kind: str, key: str, document: dict[str, Any], contents: Iterable[str] = ()) -> None:
        """
        Put a document in the place of what is there.

        :param contents: names, from `put_content`, of what the document refers to
        """
        if self._database is None:
            return
        row = (kind, key, json.dumps(_encode(document)), " ".join(contents))
        # An update keeps the row's number, and so its place in the order.
        self._execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) "
            "DO UPDATE SET document = excluded.document, contents = excluded.contents",
            row,
        )

    def delete(self, kind: str, key: str) -> None:
        self._execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def delete_below(self, kind: str, prefix: str) -> None:
        """Delete every document of a kind whose key begins so."""
        self._execute("DELETE FROM documents WHERE kind = ? AND substr(key, 1, ?) = ?", (kind, len(prefix), prefix))

    def documents(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Keys and documents of a kind, in the order in which they were first saved."""
        for key, document in self._execute(
            "SELECT key, document FROM documents WHERE kind = ? ORDER BY rowid", (kind,)
        ):
            yield key, json.loads(document, object_hook=_decode)

    def regions(self) -> list[str]:
        """Of the ARNs that serve as keys."""
        rows = self._execute("SELECT DISTINCT key FROM documents WHERE key LIKE 'arn:%'")
        return sorted({key.split(":")[3] for (key,) in rows})

    def put_content(self, content: bytes) -> str:
        """Keep bytes; returns their name."""
        if self._database is None or self.scratch is None:
            return ""
        name = hashlib.sha256(content).hexdigest()
        if not (self._contents / name).exists():
            half_written = self.scratch / f"{name}-{threading.get_ident()}"
            half_written.write_bytes(content)
            half_written.replace(self._contents / name)
        return name

    def content(self, name: str) -> bytes:
        """The bytes of a name."""
        return (self._contents / name).read_bytes()

    def append_log(self, account: str, region: str, group: str, stream: str, events: Iterable[tuple[int, str]]) -> None:
        """Append lines, each with its time in milliseconds since 1970."""
        for milliseconds, line in events:
            self._execute(
                "INSERT INTO log_lines VALUES (?, ?, ?, ?, ?, ?)", (account, region, group, stream, milliseconds, line)
            )

    def log_lines(self) -> Iterator[tuple[str, str, str, str, int, str]]:
        """Account, region, group, stream, milliseconds and line, in their order."""
        yield from self._execute("SELECT * FROM log_lines ORDER BY rowid")

    def _execute(self, statement: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            # Closed while a thread of a job was at its last word: what it says is no longer wanted.
            return [] if self._database is None else self._database.execute(statement, arguments).fetchall()

    def _remove_unreferenced(self) -> None:
        rows = self._execute("SELECT contents FROM documents")
        referenced = {name for (contents,) in rows for name in contents.split()}
        for file in self._contents.iterdir():
            if file.name not in referenced:
                with suppress(OSError):
                    file.unlink()


def _encode(value: Any) -> Any:
    """As JSON can say it. Keys of others that begin as our own one does get a second dollar."""
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, dict):
        return {f"${key}" if key.startswith("$") else key: _encode(entry) for key, entry in value.items()}
    return [_encode(entry) for entry in value] if isinstance(value, list) else value


def _decode(value: dict[str, Any]) -> Any:
    if set(value) == {"$datetime"}:
        return datetime.fromisoformat(value["$datetime"])
    return {key[1:] if key.startswith("$") else key: entry for key, entry in value.items()}
