"""An object of S3 as a stream, which any process can open. It is read in ranges, and never kept as a whole."""

import io
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, cast

from include.config.settings import BOTOCORE_CONFIG

RANGE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class S3Object:
    """
    One version of an object, as S3 has listed it. Calling it opens it, with the credentials of the process.

    Reading raises botocore's ClientError, with the code PreconditionFailed, if the object has changed since.
    """

    bucket: str
    key: str
    etag: str
    size: int

    def __call__(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Ranges(self), RANGE_BYTES))


class _Ranges(io.RawIOBase):
    def __init__(self, found: S3Object):
        self._object, self._position = found, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._object.size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._object.size)
        if self._position >= end:
            return 0
        found = s3_client().get_object(
            Bucket=self._object.bucket,
            Key=self._object.key,
            IfMatch=self._object.etag,
            Range=f"bytes={self._position}-{end - 1}",
        )
        content: bytes = found["Body"].read()
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


@cache
def s3_client() -> Any:
    """A client with the credentials of the process. Airflow's connection is not asked."""
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(**BOTOCORE_CONFIG))
