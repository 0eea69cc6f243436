"""
Which objects of a folder hold rows, which belong to its writer, and whether the writer is done.

One rule for who waits for labelled tweets and for who reads them. The hidden names are those of Spark, Hadoop's
committers, Hive, Delta Lake, EMR and macOS's archives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

SUCCESS_MARKER = "_SUCCESS"
STARTED, COMMITTED = "_started_", "_committed_"
HIDDEN_PREFIXES = ("_", ".")
UNFINISHED_SUFFIXES = ("._COPYING_", ".inprogress", ".filepart", ".part")
"""Of files that are being uploaded."""
HIDDEN_SUFFIXES = ("_$folder$", ".crc", ".tmp", *UNFINISHED_SUFFIXES)
WRITERS_FOLDERS = ("_temporary", "__magic", ".spark-staging", ".hive-staging")
"""A writer keeps here what it has not committed yet; the last two go on with the writer's id."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object of a bucket, as S3 lists it."""

    key: str
    size: int
    etag: str


def is_part(path: str) -> bool:
    """Whether an object below a folder holds rows, by its path from there. It may lie in a subfolder."""
    if not path or path.endswith(("/", *HIDDEN_SUFFIXES)):
        return False
    return not any(name.startswith(HIDDEN_PREFIXES) for name in path.split("/"))


def is_unfinished(path: str) -> bool:
    """Whether an object below a folder says that a writer has begun and not ended."""
    if path.endswith(("/", "_$folder$")):  # what stands for a folder, perhaps an empty one
        return False
    return any(name.startswith(WRITERS_FOLDERS) for name in path.split("/")) or path.endswith(UNFINISHED_SUFFIXES)


def _uncommitted(paths: Iterable[str]) -> list[str]:
    """Transactions of Databricks' commit protocol that have started and not committed: paths of their marks."""
    marks = {path.rpartition("/")[2]: path for path in paths}
    started = {name.removeprefix(STARTED): path for name, path in marks.items() if name.startswith(STARTED)}
    return [path for transaction, path in started.items() if COMMITTED + transaction not in marks]


@dataclass(frozen=True, slots=True)
class Folder:
    """What there is of a folder of part files; or of a single object with the folder's name, which is one part."""

    parts: list[Object]
    """In the order of their keys."""
    has_success_marker: bool
    unfinished: list[str]
    """Keys of what a writer has not committed."""

    @classmethod
    def of(cls, objects: Iterable[Object], folder: str) -> Self:
        """
        Out of a listing without delimiter, which may hold more than the folder.

        :param folder: its key, without a slash at the end
        """
        parts, unfinished, has_success_marker = [], [], False
        paths: list[str] = []
        for found in sorted(objects, key=lambda found: found.key):
            if found.key == folder and found.size:
                parts.append(found)
            elif found.key.startswith(f"{folder}/"):
                path = found.key.removeprefix(f"{folder}/").lstrip("/")
                paths.append(path)
                has_success_marker = has_success_marker or path == SUCCESS_MARKER
                if is_part(path) and found.size:  # Spark writes empty files for empty partitions
                    parts.append(found)
                elif is_unfinished(path):
                    unfinished.append(found.key)
        return cls(parts, has_success_marker, unfinished + [f"{folder}/{path}" for path in _uncommitted(paths)])

    @property
    def is_empty_for_good(self) -> bool:
        """Whether its writer has ended, and has written no row."""
        return self.has_success_marker and not self.parts

    def missing(self, require_success_marker: bool = False) -> str | None:
        """What is still missing before the folder can be read, in words; None where nothing is."""
        if not self.parts:
            return "no file with rows is there"
        if self.has_success_marker:  # whatever else a writer has left behind
            return None
        if require_success_marker:
            return f"{SUCCESS_MARKER} is not there, which require_success_marker asks for"
        if self.unfinished:
            return f"a writer has not ended: {self.unfinished[0]} is there, and no {SUCCESS_MARKER}"
        return None

    def __str__(self) -> str:
        size = sum(part.size for part in self.parts)
        marker = f", {SUCCESS_MARKER}" if self.has_success_marker else ""
        unfinished = f", {len(self.unfinished)} objects of a writer at work" if self.unfinished else ""
        return f"{len(self.parts)} files with {size:,} bytes{marker}{unfinished}"
