"""
CloudWatch's statistics of some data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import re
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import MetricAggregatedDatum, MetricDatum, MetricDatumBase

from local_aws.aws_errors import UnsupportedOperation
from local_aws.datum import Datum

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")

_PERCENTILE = re.compile(r"p(100|\d{1,2}(\.\d{1,10})?)")
_OTHER_STATISTIC = re.compile(r"(tm|wm|tc|ts)\d{1,2}(\.\d+)?|(TM|WM|TC|TS|PR)\(.*\)|IQM")
"""Statistics that CloudWatch has, and the local AWS has not."""


def utc(time: datetime) -> datetime:
    """moto's parser and its data have times of UTC without a time zone."""
    return time.replace(tzinfo=UTC)


def is_of(datum: MetricDatumBase, metric: dict[str, Any]) -> bool:
    """
    Whether a datum is one of a metric. A metric with other dimensions is another metric.

    :param metric: Namespace, MetricName, Dimensions, Unit
    """
    if (datum.namespace, datum.name) != (metric["Namespace"], metric["MetricName"]):
        return False
    dimensions = {(pair["Name"], pair["Value"]) for pair in metric.get("Dimensions") or []}
    return (
        metric.get("Unit") in {None, datum.unit} and {(one.name, one.value) for one in datum.dimensions} == dimensions
    )


def check_statistic(statistic: str) -> None:
    """
    :raises ServiceException: it is no statistic, or none that the local AWS has
    """
    if _OTHER_STATISTIC.fullmatch(statistic):
        raise UnsupportedOperation(f"The local AWS does not support the statistic {statistic[:100]}.")
    if statistic not in STATISTICS and not _PERCENTILE.fullmatch(statistic):
        raise ValidationError(f"The value {statistic[:100]} for a statistic is not valid.")


def known(statistics: list[str], data: list[MetricDatumBase]) -> dict[str, float]:
    """Those of some statistics that are known."""
    return {name: value for name in statistics if (value := value_of(name, data)) is not None}


def value_of(statistic: str, data: list[MetricDatumBase]) -> float | None:
    """A statistic of some data; None if it is not known."""
    if statistic in STATISTICS:
        return _statistics(data).get(statistic)
    values = sorted(value for datum in data for value in _values(datum))
    return _percentile(values, float(statistic[1:])) if values else None


def _statistics(data: list[MetricDatumBase]) -> dict[str, float]:
    sets = [datum for datum in data if isinstance(datum, MetricAggregatedDatum)]
    values = [datum.value for datum in data if isinstance(datum, MetricDatum)]
    count = len(values) + sum(one.sample_count for one in sets)
    total = sum(values) + sum(one.sum for one in sets)
    return {
        "SampleCount": float(count),
        "Sum": float(total),
        "Minimum": min([*values, *(one.min for one in sets)]),
        "Maximum": max([*values, *(one.max for one in sets)]),
        **({"Average": total / count} if count else {}),
    }


def _values(datum: MetricDatumBase) -> list[float]:
    """A datum's values. Those of a statistic set that a client sent are known only if it is of one value."""
    if isinstance(datum, Datum):
        return list(datum.values)
    if isinstance(datum, MetricAggregatedDatum):
        return [datum.min] if datum.sample_count == 1 else []
    assert isinstance(datum, MetricDatum)
    return [datum.value]


def _percentile(values: list[float], percent: float) -> float:
    """The percentile of sorted values, between two of them by linear interpolation."""
    rank = (len(values) - 1) * percent / 100
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (rank - low)
