"""The services that SageMaker uses: objects in S3, log lines and metrics in CloudWatch."""

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow
from moto.logs.models import logs_backends

from local_aws.access import Access
from local_aws.datum import Datum
from local_aws.faults import Faults
from local_aws.pace import Pace
from local_aws.recent_metrics import recent_metrics
from local_aws.s3_objects import S3Objects, current_objects, s3_backend
from local_aws.store import Store

MAX_LOG_STREAMS = 10_000
"""Of a group, and groups of endpoints' logs. The oldest are removed."""
MAX_METRIC_VALUES = 1_000_000
"""Of a region. The oldest tenth of them is removed."""
ENDPOINT_LOGS = "/aws/sagemaker/Endpoints/"

_metrics_lock, _logs_lock = threading.Lock(), threading.Lock()
_S3_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)


class NoSuchObject(Exception):
    """A bucket or an object does not exist. The message is its URI."""


def split_uri(uri: str) -> tuple[str, str]:
    """
    Bucket and key of ``s3://bucket/key``.

    :raises NoSuchObject: the URI has another form
    """
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise NoSuchObject(uri)
    return match[1], match[2]


class S3:
    """
    The objects of the only account. What the role may not read is not there for it, and it cannot write everywhere.

    :param role_arn: as whom SageMaker reads and writes; empty: as itself
    """

    def __init__(self, stored_objects: S3Objects, access: Access | None = None, role_arn: str = ""):
        self._backend = s3_backend()
        self._stored_objects = stored_objects
        self._access, self._role_arn = access or Access(), role_arn

    def _may(self, operation: str, bucket: str, key: str) -> bool:
        return not self._role_arn or self._access.role_may(self._role_arn, operation, bucket, key)

    def list_keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys with a prefix, in S3's order; none if the bucket does not exist."""
        if bucket not in self._backend.buckets or not self._may("ListObjectsV2", bucket, prefix):
            return []
        return sorted(key for key in current_objects(self._backend.buckets[bucket]) if key.startswith(prefix))

    def read(self, bucket: str, key: str) -> bytes:
        """
        The object's bytes.

        :raises NoSuchObject: the object does not exist
        """
        exists = bucket in self._backend.buckets and self._may("GetObject", bucket, key)
        if not exists or (found := self._backend.get_object(bucket, key)) is None:
            raise NoSuchObject(f"s3://{bucket}/{key}")
        value: bytes = found.value
        return value

    def write(self, bucket: str, key: str, value: bytes) -> None:
        """
        Store an object.

        :raises NoSuchObject: the bucket does not exist
        """
        if bucket not in self._backend.buckets or not self._may("PutObject", bucket, key):
            raise NoSuchObject(f"s3://{bucket}/{key}")
        self._backend.put_object(bucket, key, value)
        self._stored_objects.save(bucket, key)


class LogStream:
    """One stream in CloudWatch Logs."""

    def __init__(self, account_id: str, region: str, group: str, name: str, store: Store):
        self._backend = logs_backends[account_id][region]
        self._account_id, self._region, self._group, self.name, self._store = account_id, region, group, name, store
        self._backend.ensure_log_group(group)
        self._backend.ensure_log_stream(group, name)
        with _logs_lock:
            self._remove_oldest()

    def _remove_oldest(self) -> None:
        """Keep the number of streams of a group, and of groups of endpoints, bounded."""
        groups = self._backend.groups
        streams = groups[self._group].streams
        while len(streams) > MAX_LOG_STREAMS:
            oldest = next(iter(streams))
            del streams[oldest]
            self._store.delete_log(self._account_id, self._region, self._group, oldest)
        if len(groups) > MAX_LOG_STREAMS:
            for group in [name for name in groups if name.startswith(ENDPOINT_LOGS)][:-MAX_LOG_STREAMS]:
                del groups[group]
                self._store.delete_log(self._account_id, self._region, group)

    def write(self, lines: Iterable[str]) -> None:
        """Append lines, except empty ones, which CloudWatch refuses."""
        now = int(time.time() * 1000)
        events = [(now, line) for line in lines if line.strip()]
        if events:
            self._store.append_log(self._account_id, self._region, self._group, self.name, events)
            self.append(events)

    def append(self, events: Iterable[tuple[int, str]]) -> None:
        """Append lines to moto's stream only; they are in the store already."""
        group = self._backend.groups.get(self._group)
        if group is not None and self.name in group.streams:  # it has not been removed, by a client or for its age
            entries = [{"timestamp": milliseconds, "message": line} for milliseconds, line in events]
            group.streams[self.name].put_log_events(entries)


@dataclass(frozen=True)
class Cloud:
    """The services of one account and region, as SageMaker uses them."""

    account_id: str
    region: str
    stored_objects: S3Objects
    pace: Pace = field(default_factory=Pace)
    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    access: Access = field(default_factory=Access)
    _data: dict[tuple[Any, ...], Datum] = field(default_factory=dict)

    @cached_property
    def s3(self) -> S3:
        return S3(self.stored_objects)

    def s3_as(self, role_arn: str) -> S3:
        """S3, as far as a role may use it."""
        return S3(self.stored_objects, self.access, role_arn)

    def log_stream(self, group: str, name: str) -> LogStream:
        return LogStream(self.account_id, self.region, group, name, self.store)

    def arn(self, kind: str, name: str, service: str = "sagemaker") -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{kind}/{name}"

    def put_metrics(self, namespace: str, dimensions: dict[str, str], values: dict[str, tuple[float, str]]) -> None:
        """
        Add values to the metrics that AWS publishes by itself. They are aggregated by the minute, as on AWS.

        :param values: value and unit by the name of the metric
        """
        minute = utcnow().replace(second=0, microsecond=0)
        with _metrics_lock:
            for name, (value, unit) in values.items():
                self._datum(namespace, name, dimensions, minute, unit).add(value)
        recent_metrics(self.account_id, self.region).add(self.pace.period(60), namespace, dimensions, values)

    def _datum(self, namespace: str, name: str, dimensions: dict[str, str], minute: datetime, unit: str) -> Datum:
        series = (namespace, name, *dimensions.items())
        datum = self._data.get(series)
        if datum is None or datum.timestamp != minute:
            datum = Datum(namespace, name, dimensions, minute, unit)
            self._data[series] = datum
            data = cloudwatch_backends[self.account_id][self.region].metric_data
            if len(data) >= MAX_METRIC_VALUES:
                del data[: MAX_METRIC_VALUES // 10]
            data.append(datum)
        return datum
