"""
CloudWatch's GetMetricData and GetMetricStatistics. moto's own know no percentiles, and mix metrics of other dimensions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import MetricAggregatedDatum, MetricDatum, MetricDatumBase
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from local_aws.checked_requests import CheckedRequests
from local_aws.cloud import Datum
from local_aws.sagemaker.exceptions import UnsupportedOperation

MAX_DATAPOINTS = 1440
"""The most data points of an answer of GetMetricStatistics."""
SHORT_PERIODS = (1, 5, 10, 20, 30)
MAX_PERIOD = 31_536_000
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")

_PERCENTILE = re.compile(r"p(100|\d{1,2}(\.\d{1,10})?)")
_OTHER_STATISTIC = re.compile(r"(tm|wm|tc|ts)\d{1,2}(\.\d+)?|(TM|WM|TC|TS|PR)\(.*\)|IQM")
"""Statistics that CloudWatch has, and the local AWS has not."""

Series = list[tuple[datetime, float]]
"""Values by time."""


class Metrics(CheckedRequests, CloudWatchResponse):
    """moto's operations of CloudWatch, and two that replace its own."""

    REFUSAL = ValidationError

    def get_metric_statistics(self) -> ActionResult:
        query = self._get_params()
        statistics, percentiles = query.get("Statistics") or [], query.get("ExtendedStatistics") or []
        if bool(statistics) == bool(percentiles):
            raise InvalidParameterCombination("Specify either Statistics or ExtendedStatistics, and not both.")
        for statistic in [*statistics, *percentiles]:
            _check_statistic(statistic)
        period = _period(query)
        _check_number(query, period)
        datapoints = [
            {
                "Timestamp": time,
                "Unit": data[0].unit or "None",
                **_known(statistics, data),
                "ExtendedStatistics": _known(percentiles, data) or None,
            }
            for time, data in self._periods(query, query, period)
        ]
        return ActionResult({"Label": query["MetricName"], "Datapoints": datapoints})

    def get_metric_data(self) -> ActionResult:
        request = self._get_params()
        queries = request["MetricDataQueries"]
        if len({query["Id"] for query in queries}) < len(queries):
            raise ValidationError("Each of MetricDataQueries needs an Id of its own.")
        series = {query["Id"]: self._series(request, query) for query in queries if "Expression" not in query}
        results = [
            _result(query, _evaluated(query, series) if "Expression" in query else series[query["Id"]])
            for query in queries
            if query.get("ReturnData", True)
        ]
        return ActionResult({"MetricDataResults": results, "Messages": []})

    def _series(self, request: dict[str, Any], query: dict[str, Any]) -> Series:
        stat = query.get("MetricStat")
        if stat is None:
            raise ValidationError(f"Query {query['Id']} needs a MetricStat or an Expression.")
        _check_statistic(stat["Stat"])
        metric = {**stat["Metric"], "Unit": stat.get("Unit")}
        points = [(time, _value(stat["Stat"], data)) for time, data in self._periods(request, metric, _period(stat))]
        series = [(time, value) for time, value in points if value is not None]
        return series if request.get("ScanBy") == "TimestampAscending" else series[::-1]

    def _periods(
        self, range_: dict[str, Any], metric: dict[str, Any], period: int
    ) -> list[tuple[datetime, list[MetricDatumBase]]]:
        """
        The data of each period that has some.

        :param range_: StartTime and EndTime
        :param metric: Namespace, MetricName, Dimensions, Unit
        """
        start, end = _time(range_["StartTime"]), _time(range_["EndTime"])
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html: rounded down
        step = min(period, 60)
        start = datetime.fromtimestamp(start.timestamp() // step * step, UTC)
        periods: dict[float, list[MetricDatumBase]] = defaultdict(list)
        for datum in list(self.cloudwatch_backend.get_all_metrics()):
            time = _time(datum.timestamp)
            if start <= time < end and _is_of(datum, metric):
                periods[time.timestamp() // period * period].append(datum)
        return [(datetime.fromtimestamp(time, UTC), periods[time]) for time in sorted(periods)]


def _time(time: datetime) -> datetime:
    """moto's parser and its data have times of UTC without a time zone."""
    return time.replace(tzinfo=UTC)


def _is_of(datum: MetricDatumBase, metric: dict[str, Any]) -> bool:
    """Whether a datum is one of a metric. A metric with other dimensions is another metric."""
    if (datum.namespace, datum.name) != (metric["Namespace"], metric["MetricName"]):
        return False
    dimensions = {(pair["Name"], pair["Value"]) for pair in metric.get("Dimensions") or []}
    return (
        metric.get("Unit") in {None, datum.unit} and {(one.name, one.value) for one in datum.dimensions} == dimensions
    )


def _result(query: dict[str, Any], series: Series) -> dict[str, Any]:
    label = query["Id"] if "Expression" in query else query["MetricStat"]["Metric"]["MetricName"]
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or label,
        "Timestamps": [time for time, _ in series],
        "Values": [value for _, value in series],
        "StatusCode": "Complete",
    }


def _evaluated(query: dict[str, Any], series: dict[str, Series]) -> Series:
    """The result of an expression. The only one that is supported is the Id of another query."""
    found = series.get(query["Expression"].strip())
    if found is None:
        raise UnsupportedOperation(f"The local AWS does not support the expression {query['Expression'][:200]!r}.")
    return found


def _period(query: dict[str, Any]) -> int:
    period = int(query["Period"])
    if period not in SHORT_PERIODS and (period % 60 or not 0 < period <= MAX_PERIOD):
        raise ValidationError(f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {period}.")
    return period


def _check_number(query: dict[str, Any], period: int) -> None:
    points = (query["EndTime"] - query["StartTime"]).total_seconds() / period
    if points > MAX_DATAPOINTS:
        raise InvalidParameterCombination(
            f"You have requested up to {math.ceil(points):,} datapoints, which exceeds the limit of "
            f"{MAX_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time "
            "range."
        )


def _check_statistic(statistic: str) -> None:
    if _OTHER_STATISTIC.fullmatch(statistic):
        raise UnsupportedOperation(f"The local AWS does not support the statistic {statistic[:100]}.")
    if statistic not in STATISTICS and not _PERCENTILE.fullmatch(statistic):
        raise ValidationError(f"The value {statistic[:100]} for a statistic is not valid.")


def _known(statistics: list[str], data: list[MetricDatumBase]) -> dict[str, float]:
    """Those of some statistics that are known."""
    return {name: value for name in statistics if (value := _value(name, data)) is not None}


def _value(statistic: str, data: list[MetricDatumBase]) -> float | None:
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
