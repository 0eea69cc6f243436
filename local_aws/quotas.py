"""
How much there can be of what clients create in moto's services. Where AWS has a quota, the error has AWS's code. The
bounds keep a client in a loop from filling the machine; they are far above what tests and trials need.

SageMaker's own bounds are in `local_aws.sagemaker.resource`.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from moto.cloudwatch.models import cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.sns.models import sns_backends

from local_aws.calls import Call
from local_aws.s3_objects import s3_backend
from local_aws.service_models import RUNTIME, SAGEMAKER

MAX_CALLS = 1_000_000
"""Of any other operation that adds something, since the local AWS started."""
_ADDS = re.compile("Create|Put|Add|Set|Tag|Attach|Publish|Upload|Start|Enable|Associate|Register|Subscribe")


class Quota(NamedTuple):
    """At most so many of something; `count` counts them in the call's region, or in the resource that it names."""

    most: int
    what: str
    code: str
    count: Callable[[Call], int]


def _bucket(call: Call) -> Any:
    return s3_backend().buckets.get(call.name.partition("/")[0])


def _versions(call: Call) -> int:
    bucket = _bucket(call)
    return len(bucket.keys.getlist(call.name.partition("/")[2], [])) if bucket else 0


def _buckets() -> Iterable[Any]:
    return list(s3_backend().buckets.values())


def _log_streams(call: Call) -> Iterable[Any]:
    groups = list(logs_backends[DEFAULT_ACCOUNT_ID][call.region].groups.values())
    return itertools.chain.from_iterable(list(group.streams.values()) for group in groups)


def _logs(call: Call) -> Any:
    return logs_backends[DEFAULT_ACCOUNT_ID][call.region]


def _iam() -> Any:
    return iam_backends[DEFAULT_ACCOUNT_ID]["aws"]


_OBJECTS = Quota(1_000_000, "objects", "InvalidRequest", lambda _: sum(len(bucket.keys) for bucket in _buckets()))
_VERSIONS = Quota(10_000, "versions of an object", "InvalidRequest", _versions)
_UPLOADS = Quota(
    10_000, "multipart uploads in progress", "InvalidRequest", lambda _: sum(len(b.multiparts) for b in _buckets())
)
QUOTAS: dict[tuple[str, str], tuple[Quota, ...]] = {
    ("s3", "CreateBucket"): (Quota(10_000, "buckets", "TooManyBuckets", lambda _: len(s3_backend().buckets)),),
    ("s3", "PutObject"): (_OBJECTS, _VERSIONS),
    ("s3", "CopyObject"): (_OBJECTS, _VERSIONS),
    ("s3", "CompleteMultipartUpload"): (_OBJECTS, _VERSIONS),
    ("s3", "CreateMultipartUpload"): (_UPLOADS,),
    ("s3", "UploadPart"): (),  # moto bounds the number of a part
    ("s3", "UploadPartCopy"): (),
    ("logs", "CreateLogGroup"): (
        Quota(10_000, "log groups", "LimitExceededException", lambda call: len(_logs(call).groups)),
    ),
    ("logs", "CreateLogStream"): (
        Quota(100_000, "log streams", "LimitExceededException", lambda call: sum(1 for _ in _log_streams(call))),
    ),
    ("logs", "PutLogEvents"): (
        Quota(
            1_000_000,
            "log events",
            "LimitExceededException",
            lambda call: sum(len(stream.events) for stream in _log_streams(call)),
        ),
    ),
    ("cloudwatch", "PutMetricData"): (
        Quota(
            1_000_000,
            "values of metrics",
            "LimitExceeded",
            lambda call: len(cloudwatch_backends[DEFAULT_ACCOUNT_ID][call.region].metric_data),
        ),
    ),
    ("cloudwatch", "PutMetricAlarm"): (
        Quota(
            5_000,
            "alarms",
            "LimitExceeded",
            lambda call: len(cloudwatch_backends[DEFAULT_ACCOUNT_ID][call.region].alarms),
        ),
    ),
    ("iam", "CreateRole"): (Quota(1_000, "roles", "LimitExceeded", lambda _: len(_iam().roles)),),
    ("iam", "CreateUser"): (Quota(5_000, "users", "LimitExceeded", lambda _: len(_iam().users)),),
    ("sns", "CreateTopic"): (
        Quota(
            100_000,
            "topics",
            "TopicLimitExceeded",
            lambda call: len(sns_backends[DEFAULT_ACCOUNT_ID][call.region].topics),
        ),
    ),
}


class Quotas:
    """The quotas of one local AWS."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str], int] = defaultdict(int)

    def refusal(self, call: Call) -> tuple[str, str] | None:
        """Code and message for a call that would make more than there can be."""
        if call.service in {SAGEMAKER, RUNTIME}:
            return None
        operation = (call.service, call.operation)
        for quota in QUOTAS.get(operation, ()):
            if quota.count(call) >= quota.most:
                return (
                    quota.code,
                    f"The local AWS has {quota.most:,} {quota.what}, and takes no more. Delete some first.",
                )
        if operation in QUOTAS or not _ADDS.match(call.operation):
            return None
        self._calls[operation] += 1  # two threads may count as one: this is a bound, not a count
        if self._calls[operation] > MAX_CALLS:
            return "LimitExceeded", f"The local AWS takes {MAX_CALLS:,} calls of {call.operation}. Start it again."
        return None
