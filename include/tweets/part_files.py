"""
The objects of a folder: which ones contain rows, which ones belong to the writer, and whether the writer has finished.

The sensor that waits for tweets and the task that reads them use the same rules. The names are those of Spark, Hadoop's
committers, Hive, Delta Lake, EMR and macOS's archives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

SUCCESS_MARKER = "_SUCCESS"
STARTED, COMMITTED = "_started_", "_committed_"
HIDDEN_PREFIXES = ("_", ".")
UNFINISHED_SUFFIXES = ("._COPYING_", ".inprogress", ".filepart", ".part", ".crdownload")
"""Suffixes of files that are being uploaded."""
HIDDEN_SUFFIXES = (
    "_$folder$",
    ".crc",
    ".tmp",
    ".bak",
    "~",
    ".metadata",
    "Thumbs.db",
    "desktop.ini",
    *UNFINISHED_SUFFIXES,
)
WRITERS_FOLDERS = ("_temporary", "__magic", ".spark-staging", ".hive-staging")
"""Folders, or prefixes of them, in which writers keep files that they have not committed yet."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object of a bucket, as S3 lists it."""

    key: str
    size: int
    etag: str
    modified: datetime = field(default=datetime.min.replace(tzinfo=UTC), compare=False)


def is_part(path: str) -> bool:
    """
    Whether an object contains rows.

    :param path: relative to the folder; the object may be in a subfolder
    """
    if not path or path.endswith(("/", *HIDDEN_SUFFIXES)):
        return False
    return not any(name.startswith(HIDDEN_PREFIXES) for name in path.split("/"))


def is_unfinished(path: str) -> bool:
    """
    Whether an object shows that a writer has not finished.

    :param path: relative to the folder
    """
    if path.endswith(("/", "_$folder$")):  # placeholders of folders, which may be empty
        return False
    return any(name.startswith(WRITERS_FOLDERS) for name in path.split("/")) or path.endswith(UNFINISHED_SUFFIXES)


def _uncommitted(paths: Iterable[str]) -> list[str]:
    """The markers of transactions of Databricks' commit protocol that have started and not committed."""
    markers = {path.rpartition("/")[2]: path for path in paths}
    started = {name.removeprefix(STARTED): path for name, path in markers.items() if name.startswith(STARTED)}
    return [path for transaction, path in started.items() if COMMITTED + transaction not in markers]


def _path_below(key: str, folder: str) -> str:
    """The path of an object relative to a folder; empty for one that is not in it."""
    return key.removeprefix(f"{folder}/").lstrip("/") if key.startswith(f"{folder}/") else ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of part files, or a single object with the folder's name, which then is the only part."""

    parts: list[Object]
    """In the order of their keys."""
    has_success_marker: bool
    unfinished: list[str]
    """Keys of objects that show that a writer has not finished."""

    @classmethod
    def of(cls, objects: Iterable[Object], folder: str) -> Self:
        """
        Make a folder from a listing without delimiter, which may contain other objects, too.

        :param folder: the folder's key, without a slash at the end
        """
        ordered = sorted(objects, key=lambda found: found.key)
        paths = {found.key: _path_below(found.key, folder) for found in ordered}
        # Empty objects contain no rows. Spark writes them for empty partitions.
        parts = [found for found in ordered if found.size and (found.key == folder or is_part(paths[found.key]))]
        unfinished = [key for key, path in paths.items() if is_unfinished(path)]
        unfinished += [f"{folder}/{path}" for path in _uncommitted(paths.values())]
        return cls(parts, SUCCESS_MARKER in paths.values(), unfinished)

    @property
    def is_empty_for_good(self) -> bool:
        """Whether the writer has finished without writing a row."""
        return self.has_success_marker and not self.parts

    def missing(self, require_success_marker: bool = False) -> str | None:
        """Why the folder is not complete yet; None if it is."""
        if not self.parts:
            return "there is no file with rows"
        if self.has_success_marker:  # even if the writer has left other files behind
            return None
        if require_success_marker:
            return f"there is no file {SUCCESS_MARKER}, and require_success_marker is set"
        if self.unfinished:
            return f"a writer has not finished: there is {self.unfinished[0]}, but no {SUCCESS_MARKER}"
        return None

    def __str__(self) -> str:
        size = sum(part.size for part in self.parts)
        files = "1 file" if len(self.parts) == 1 else f"{len(self.parts):,} files"
        marker = f", {SUCCESS_MARKER}" if self.has_success_marker else ""
        unfinished = f", unfinished objects: {len(self.unfinished)}" if self.unfinished else ""
        return f"{size:,} bytes in {files}{marker}{unfinished}"
