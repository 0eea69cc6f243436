"""
SageMaker's artifact, model.tar.gz, which is foreign data: only model.bin is taken out of it, with limits.

Not `tarfile.TarFile.extract`: without a filter it is unsafe, and filters need Python 3.11.4. Not Python's own gzip:
isal unpacks a model in less than half of the time.
"""

import gzip
import os
import tarfile
from pathlib import Path
from typing import IO, BinaryIO, cast

from isal import igzip
from isal.igzip_lib import IsalError

MODEL_FILE = "model.bin"
MEGABYTE = 2**20
MAX_MODEL_FILE_BYTES = 4 * 2**30
MAX_COMPRESSION = 100
"""A file that gzip makes smaller than a hundredth holds hardly anything but one byte."""
MAX_TAR_BYTES = 64 * 1024
"""Of headers and padding, which compress better than weights."""


class DamagedArchive(ValueError):
    """The file is not a tar archive, compressed with gzip."""


def extract_model(archive: BinaryIO, target: Path) -> None:
    """
    Copy model.bin out of an archive.

    :raises DamagedArchive: the archive cannot be read
    :raises ValueError: there is no such file in it, or it is too large; weights hardly compress, so it cannot be much
        larger than the archive
    """
    limit = min(MAX_MODEL_FILE_BYTES, MAX_COMPRESSION * archive.seek(0, os.SEEK_END))
    archive.seek(0)
    try:
        with igzip.IGzipFile(fileobj=archive) as unzipped:  # type: ignore[no-untyped-call]
            unpacked = cast(IO[bytes], _Unpacked(unzipped, limit + MAX_TAR_BYTES))
            with tarfile.open(fileobj=unpacked, mode="r:") as tar:
                _copy(tar, target, limit)
    # KeyError and RecursionError are tarfile's for links that lead nowhere, or to themselves. Not any OSError: a full
    # disk says nothing of the model, and may have room at the next try.
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, IsalError, KeyError, RecursionError) as error:  # type: ignore[misc]
        raise DamagedArchive(f"the archive is damaged, or no tar.gz: {error}") from None


def _copy(tar: tarfile.TarFile, target: Path, limit: int) -> None:
    member = next((member for member in tar if Path(member.name).name == MODEL_FILE), None)
    content = tar.extractfile(member) if member is not None else None
    if content is None:
        raise ValueError("the archive holds no model.bin")
    with target.open("wb") as file:
        while block := content.read(MEGABYTE):
            if file.tell() + len(block) > limit:
                raise _too_large(limit)
            file.write(block)


class _Unpacked:
    """
    The unpacked archive, as far as tarfile needs a file. It is bounded as a whole: tarfile reads headers of any length
    into memory, and unpacks what stands before model.bin.
    """

    def __init__(self, unzipped: gzip.GzipFile, limit: int):
        self._unzipped, self._limit = unzipped, limit

    def tell(self) -> int:
        return self._unzipped.tell()

    def seek(self, position: int) -> int:
        if position > self._limit:
            raise _too_large(self._limit)
        return self._unzipped.seek(position)

    def read(self, size: int) -> bytes:
        if size > MEGABYTE:
            raise DamagedArchive(f"the archive is damaged, or no tar.gz: a header of {size:,} bytes")
        if self._unzipped.tell() + size > self._limit:
            raise _too_large(self._limit)
        return self._unzipped.read(size)


def _too_large(limit: int) -> ValueError:
    return ValueError(f"model.bin is larger than {limit:,} bytes, which no model in this archive should be")
