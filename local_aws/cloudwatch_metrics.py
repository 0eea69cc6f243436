"""
CloudWatch's GetMetricData and GetMetricStatistics. moto's own know no percentiles, and mix metrics of other dimensions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import MetricDatumBase
from moto.core.responses import ActionResult

from local_aws.aws_errors import UnsupportedOperation
from local_aws.checked_requests import CheckedRequests
from local_aws.cloudwatch_alarms import AlarmOperations
from local_aws.metric_statistics import check_statistic, is_of, known, utc, value_of

MAX_DATAPOINTS = 1440
"""The most data points of an answer of GetMetricStatistics."""
SHORT_PERIODS = (1, 5, 10, 20, 30)
MAX_PERIOD = 31_536_000
Series = list[tuple[datetime, float]]
"""Values by time."""


class Metrics(CheckedRequests, AlarmOperations):
    """moto's operations of CloudWatch, and those that replace its own."""

    REFUSAL = ValidationError

    def get_metric_statistics(self) -> ActionResult:
        query = self._get_params()
        statistics, percentiles = query.get("Statistics") or [], query.get("ExtendedStatistics") or []
        if bool(statistics) == bool(percentiles):
            raise InvalidParameterCombination("Specify either Statistics or ExtendedStatistics, and not both.")
        for statistic in [*statistics, *percentiles]:
            check_statistic(statistic)
        period = _period(query)
        _check_number(query, period)
        datapoints = [
            {
                "Timestamp": time,
                "Unit": data[0].unit or "None",
                **known(statistics, data),
                "ExtendedStatistics": known(percentiles, data) or None,
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
        check_statistic(stat["Stat"])
        metric = {**stat["Metric"], "Unit": stat.get("Unit")}
        points = [(time, value_of(stat["Stat"], data)) for time, data in self._periods(request, metric, _period(stat))]
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
        start, end = utc(range_["StartTime"]), utc(range_["EndTime"])
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html: rounded down
        step = min(period, 60)
        start = datetime.fromtimestamp(start.timestamp() // step * step, UTC)
        periods: dict[float, list[MetricDatumBase]] = defaultdict(list)
        for datum in list(self.cloudwatch_backend.get_all_metrics()):
            time = utc(datum.timestamp)
            if start <= time < end and is_of(datum, metric):
                periods[time.timestamp() // period * period].append(datum)
        return [(datetime.fromtimestamp(time, UTC), periods[time]) for time in sorted(periods)]


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
