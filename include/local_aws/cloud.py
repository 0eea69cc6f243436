"""What SageMaker needs of the other services of the same local AWS, in process: objects in S3, lines in the logs."""

import re
import time
from collections.abc import Iterable

from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

_S3_URI = re.compile(r"s3://([^/]+)/?(.*)")


class NoSuchObject(Exception):
    """A bucket or an object that is not there; the message is its URI."""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise NoSuchObject(uri)
    return match[1], match[2]


class S3:
    """The objects of one account."""

    def __init__(self, account_id: str):
        self._backend = s3_backends[account_id]["aws"]

    def list_keys(self, bucket: str, prefix: str) -> list[str]:
        """Keys below a prefix, in S3's order; nothing where the bucket is not there."""
        if bucket not in self._backend.buckets:
            return []
        return sorted(key for key in list(self._backend.buckets[bucket].keys) if key.startswith(prefix))

    def read(self, bucket: str, key: str) -> bytes:
        """
        The object's bytes.

        :raises NoSuchObject:
        """
        if bucket not in self._backend.buckets or (found := self._backend.get_object(bucket, key)) is None:
            raise NoSuchObject(f"s3://{bucket}/{key}")
        value: bytes = found.value
        return value

    def write(self, bucket: str, key: str, value: bytes) -> None:
        """
        Store an object.

        :raises NoSuchObject: the bucket is not there
        """
        if bucket not in self._backend.buckets:
            raise NoSuchObject(f"s3://{bucket}")
        self._backend.put_object(bucket, key, value)


class LogStream:
    """One stream in CloudWatch Logs."""

    def __init__(self, account_id: str, region: str, group: str, name: str):
        self._backend = logs_backends[account_id][region]
        self._group, self.name = group, name
        self._backend.ensure_log_group(group)
        self._backend.ensure_log_stream(group, name)

    def write(self, lines: Iterable[str]) -> None:
        """Append lines; CloudWatch takes no empty one."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines if line.strip()]
        if events:
            self._backend.put_log_events(self._group, self.name, events)
