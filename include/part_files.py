"""
Which objects of a folder hold rows, which belong to its writer, and whether the writer is done.

One rule for who waits for labelled tweets and for who reads them. The hidden names are those of Spark, Hadoop's
committers, Hive, Delta Lake, EMR and macOS's archives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

SUCCESS_MARKER = "_SUCCESS"
HIDDEN_PREFIXES = ("_", ".")
HIDDEN_SUFFIXES = ("_$folder$", ".crc", "._COPYING_", ".tmp")
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
    names = path.split("/")
    return all(name and not name.startswith(HIDDEN_PREFIXES) for name in names) and not path.endswith(HIDDEN_SUFFIXES)


def is_unfinished(path: str) -> bool:
    """Whether an object below a folder says that a writer has begun and not ended."""
    return any(name.startswith(WRITERS_FOLDERS) for name in path.split("/")) or path.endswith("._COPYING_")


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
        for found in sorted(objects, key=lambda found: found.key):
            if found.key == folder:
                parts.append(found)
            elif found.key.startswith(f"{folder}/"):
                path = found.key.removeprefix(f"{folder}/")
                has_success_marker = has_success_marker or path == SUCCESS_MARKER
                if is_part(path):
                    parts.append(found)
                elif is_unfinished(path):
                    unfinished.append(found.key)
        return cls(parts, has_success_marker, unfinished)

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
