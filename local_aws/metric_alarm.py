"""
An alarm on a metric, and its evaluation.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
"""

import json
import math
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from moto.cloudwatch.models import Alarm, MetricDatumBase, cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow

from local_aws.alarm_rule import ALARM, COMPARISONS, IGNORE, INSUFFICIENT_DATA, MISSING, AlarmRule
from local_aws.datum import Datum
from local_aws.metric_statistics import is_of, utc, value_of
from local_aws.recent_metrics import recent_metrics

MAX_HISTORY = 100
"""Entries of an alarm's history. CloudWatch keeps those of 30 days."""
MINUTE = 60


class MetricAlarm(Alarm):
    """
    An alarm on one metric.

    :param request: of PutMetricAlarm
    """

    def __init__(self, account_id: str, region: str, request: dict[str, Any]):
        super().__init__(
            account_id=account_id,
            region_name=region,
            name=request["AlarmName"],
            namespace=request["Namespace"],
            metric_name=request["MetricName"],
            metric_data_queries=None,
            comparison_operator=request["ComparisonOperator"],
            evaluation_periods=request["EvaluationPeriods"],
            datapoints_to_alarm=request.get("DatapointsToAlarm"),
            period=request["Period"],
            threshold=request["Threshold"],
            statistic=request.get("Statistic"),
            extended_statistic=request.get("ExtendedStatistic"),
            description=request.get("AlarmDescription"),
            dimensions=request.get("Dimensions", []),
            alarm_actions=request.get("AlarmActions", []),
            ok_actions=request.get("OKActions"),
            insufficient_data_actions=request.get("InsufficientDataActions"),
            unit=request.get("Unit"),
            actions_enabled=request.get("ActionsEnabled", True),
            treat_missing_data=request.get("TreatMissingData"),
            evaluate_low_sample_count_percentile=request.get("EvaluateLowSampleCountPercentile"),
            threshold_metric_id=None,
            rule=None,
        )
        self.request = request
        self.region = region
        self.state_value = INSUFFICIENT_DATA
        self.state_transitioned_timestamp = self.state_updated_timestamp
        self.history: list[dict[str, Any]] = []
        self.tripped_at = -math.inf
        """When it last went to ALARM, in the seconds of `time.monotonic`."""
        self.evaluation = AlarmRule(
            comparison=self.comparison_operator,
            threshold=self.threshold,
            periods=self.evaluation_periods,
            to_alarm=self.datapoints_to_alarm or self.evaluation_periods,
            missing=self.treat_missing_data or MISSING,
        )

    @property
    def step(self) -> int:
        """The seconds between two evaluations."""
        return min(int(self.period), MINUTE)

    def describe(self) -> dict[str, Any]:
        """The members of DescribeAlarms' answer."""
        return {
            "ActionsEnabled": True,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            "Dimensions": [],
            **self.request,
            "AlarmArn": self.alarm_arn,
            "AlarmConfigurationUpdatedTimestamp": self.configuration_updated_timestamp,
            "StateValue": self.state_value,
            "StateReason": self.state_reason,
            "StateReasonData": self.state_reason_data,
            "StateUpdatedTimestamp": self.state_updated_timestamp,
            "StateTransitionedTimestamp": self.state_transitioned_timestamp,
        }

    def has_tripped(self, since: float) -> bool:
        """Whether it is in ALARM, or was at any time since then."""
        return self.state_value == ALARM or self.tripped_at >= since

    def change_state(self, value: str, reason: str, reason_data: str | None) -> None:
        """Set the state, and write it into the history."""
        old = self.state_value
        self.state_reason, self.state_reason_data = reason, reason_data
        self.state_updated_timestamp = utcnow()
        if value == old:
            return
        self.state_value, self.state_transitioned_timestamp = value, self.state_updated_timestamp
        if value == ALARM:
            self.tripped_at = time.monotonic()
        states = {"oldState": {"stateValue": old}, "newState": {"stateValue": value, "stateReason": reason}}
        self.remember("StateUpdate", f"Alarm updated from {old} to {value}", {"version": "1.0", **states})

    def remember(self, kind: str, summary: str, data: dict[str, Any]) -> None:
        self.history.append({"time": utcnow(), "kind": kind, "summary": summary, "data": json.dumps(data)})
        del self.history[:-MAX_HISTORY]

    def evaluate(self, end: float, period: float) -> bool:
        """
        Compare the newest periods with the threshold. Return whether the state has changed.

        :param end: of the newest period, in seconds since 1970
        :param period: how long a period lasts here, in seconds
        """
        count = self.evaluation.points
        windows = self._windows(end - count * period, period, count)
        values = [value_of(self.statistic or self.extended_statistic, data) if data else None for data in windows]
        value = self.evaluation.state(values, self.state_value)
        if value == self.state_value or self._has_too_few_samples(windows):
            return False
        self.change_state(value, *self._explain(value, values))
        return True

    def _windows(self, start: float, period: float, count: int) -> list[list[MetricDatumBase]]:
        windows: list[list[MetricDatumBase]] = [[] for _ in range(count)]
        for datum in self._data(datetime.fromtimestamp(start - period, UTC)):
            # Times are multiples of a minute, but for the errors of rounding.
            index = math.floor((utc(datum.timestamp).timestamp() - start) / period + 1e-6)
            if 0 <= index < count:
                windows[index].append(datum)
        return windows

    def _data(self, since: datetime) -> list[MetricDatumBase]:
        """The metric's data: those that the local AWS publishes, or else all those that clients have sent."""
        series = (self.namespace, self.metric_name, frozenset((one.name, one.value) for one in self.dimensions))
        own = recent_metrics(DEFAULT_ACCOUNT_ID, self.region).of(series, since)
        if own is not None:
            return [datum for datum in own if self.unit in {None, datum.unit}]
        metric = {**self.request, "Unit": self.unit}
        sent = list(cloudwatch_backends[DEFAULT_ACCOUNT_ID][self.region].metric_data)
        return [datum for datum in sent if not isinstance(datum, Datum) and is_of(datum, metric)]

    def _has_too_few_samples(self, windows: list[list[MetricDatumBase]]) -> bool:
        """
        Whether a percentile says too little, and the alarm is told to leave it then.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
        """
        if not self.extended_statistic or self.evaluate_low_sample_count_percentile != IGNORE:
            return False
        percent = Decimal(self.extended_statistic[1:])
        samples = sum(value_of("SampleCount", data) or 0 for data in windows[-self.evaluation_periods :] if data)
        return Decimal(samples) * min(percent, 100 - percent) < 1000

    def _explain(self, value: str, values: list[float | None]) -> tuple[str, str]:
        """CloudWatch's words for a new state, and the same for programs."""
        known = [one for one in values if one is not None][-self.evaluation_periods :]
        data = {
            "version": "1.0",
            "queryDate": f"{datetime.now(UTC):%FT%T.000+0000}",
            "period": self.period,
            "recentDatapoints": known,
            "threshold": self.threshold,
            **({"statistic": self.statistic} if self.statistic else {}),
        }
        return self._reason(value, known), json.dumps(data)

    def _reason(self, value: str, known: list[float]) -> str:
        """In the words of CloudWatch. It shows the data points that speak for the state."""
        absent, breaches = self.evaluation_periods - len(known), value == ALARM
        missing = f"{absent} datapoint{_s(absent)}"
        if value == INSUFFICIENT_DATA:
            return f"Insufficient Data: {missing} {_were(absent)} unknown."
        decisive = [one for one in known if self.evaluation.breaches(one) == breaches]
        if not decisive:
            received = "" if known else "no datapoints were received and "
            return (
                f"Threshold Crossed: {received}{absent} missing datapoint{_s(absent)} {_were(absent)} treated as "
                f"[{self.evaluation.missing}]."
            )
        points = ", ".join(map(str, decisive))
        return (
            f"Threshold Crossed: {len(decisive)} out of the last {self.evaluation_periods} datapoints [{points}] "
            f"{_were(len(decisive))} {'' if breaches else 'not '}{COMPARISONS[self.comparison_operator][1]} the "
            f"threshold ({self.threshold})."
        )

    def document(self, tags: dict[str, str]) -> dict[str, Any]:
        """What the store keeps."""
        return {
            "request": self.request,
            "tags": tags,
            "history": list(self.history),
            "state": [self.state_value, self.state_reason, self.state_reason_data],
            "times": [
                self.configuration_updated_timestamp,
                self.state_updated_timestamp,
                self.state_transitioned_timestamp,
            ],
        }

    def restore(self, document: dict[str, Any]) -> None:
        self.history = document["history"]
        self.state_value, self.state_reason, self.state_reason_data = document["state"]
        self.configuration_updated_timestamp, self.state_updated_timestamp, self.state_transitioned_timestamp = (
            document["times"]
        )


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
