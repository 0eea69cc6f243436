"""
Rules for PutMetricAlarm beyond the service model: CloudWatch's own, and what is not supported here.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

import json
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError

from local_aws.alarm_rule import BREACHING, COMPARISONS, IGNORE, MISSING, NOT_BREACHING
from local_aws.aws_errors import UnsupportedOperation
from local_aws.metric_statistics import check_statistic

NOT_SUPPORTED = (
    "Metrics",
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
)
"""Members that are refused: they would change when the alarm trips, and have no effect here."""
REQUIRED = ("MetricName", "Namespace", "Period", "Threshold")
"""The service model makes them optional, for alarms that are not supported here."""
SHORT_PERIODS = (10, 20, 30)
HOUR, DAY, WEEK = 3_600, 86_400, 604_800


def check_alarm_request(request: dict[str, Any]) -> None:
    """
    :raises ServiceException: with CloudWatch's code
    """
    _refuse_unsupported(request)
    if missing := [name for name in REQUIRED if name not in request]:
        raise ValidationError(f"An alarm on a metric needs {', '.join(missing)}.")
    _check_statistics(request)
    _check_periods(request)
    _check_value(request, "TreatMissingData", (BREACHING, NOT_BREACHING, IGNORE, MISSING))
    _check_value(request, "EvaluateLowSampleCountPercentile", ("evaluate", IGNORE))


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_unsupported(request: dict[str, Any]) -> None:
    if found := [name for name in NOT_SUPPORTED if request.get(name)]:
        raise UnsupportedOperation(f"The local AWS does not support {', '.join(found)} of PutMetricAlarm.")
    comparison = request.get("ComparisonOperator")
    if comparison is None or "EvaluationPeriods" not in request:
        raise ValidationError("An alarm on a metric needs ComparisonOperator and EvaluationPeriods.")
    if comparison not in COMPARISONS:
        raise UnsupportedOperation(f"The local AWS does not support the comparison {comparison}.")


def _check_statistics(request: dict[str, Any]) -> None:
    given = [request[name] for name in ("Statistic", "ExtendedStatistic") if request.get(name)]
    if len(given) != 1:
        raise InvalidParameterCombination("Specify either Statistic or ExtendedStatistic, and not both.")
    check_statistic(given[0])


def _check_periods(request: dict[str, Any]) -> None:
    period, periods = request["Period"], request["EvaluationPeriods"]
    if period not in SHORT_PERIODS and period % 60:
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60")
    longest = DAY if period < HOUR else WEEK
    if period * periods > longest:
        raise ValidationError(
            f"Metrics cannot be checked across more than {'a day' if longest == DAY else 'seven days'} "
            "(EvaluationPeriods * Period must be <= "
            f"{longest})."
        )
    if request.get("DatapointsToAlarm", periods) > periods:
        raise ValidationError("DatapointsToAlarm must be less than or equal to EvaluationPeriods")


def _check_value(request: dict[str, Any], member: str, allowed: tuple[str, ...]) -> None:
    if member in request and request[member] not in allowed:
        raise InvalidParameterValue(f"The value {request[member][:100]} for parameter {member} is not supported.")
