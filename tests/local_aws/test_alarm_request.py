import pytest
from moto.cloudwatch.exceptions import ValidationError

from local_aws.alarm_request import check_alarm_request, is_json
from local_aws.aws_errors import UnsupportedOperation
from tests.local_aws.conftest import alarm_request, error_of

REQUEST = {
    "AlarmName": "a",
    "Namespace": "N",
    "MetricName": "M",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Statistic": None}, "InvalidParameterCombination"),
        ({"ExtendedStatistic": "p90"}, "InvalidParameterCombination"),
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "ValidationError"),
        ({"Statistic": None, "ExtendedStatistic": "tm90"}, "NotImplemented"),
        ({"Period": 45}, "ValidationError"),
        ({"Period": None}, "ValidationError"),
        ({"Period": 60, "EvaluationPeriods": 1441}, "ValidationError"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "ValidationError"),
        ({"DatapointsToAlarm": 2}, "ValidationError"),
        ({"TreatMissingData": "maybe"}, "InvalidParameterValue"),
        ({"EvaluateLowSampleCountPercentile": "maybe"}, "InvalidParameterValue"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "NotImplemented"),
        ({"ComparisonOperator": "Greater"}, "ValidationError"),
        ({"ThresholdMetricId": "x"}, "NotImplemented"),
    ],
)
def test_what_cannot_be_an_alarm_is_refused(cloudwatch, publish, change, code):
    assert error_of(cloudwatch.put_metric_alarm, **alarm_request(publish, **change))[0] == code


@pytest.mark.parametrize(
    "change",
    [
        {"Period": 10},
        {"Period": 60, "EvaluationPeriods": 1440},
        {"Period": 3540, "EvaluationPeriods": 24},
        {"Period": 3600, "EvaluationPeriods": 168},
        {"DatapointsToAlarm": 3},
        {"TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": "evaluate"},
        {"Metrics": [], "ThresholdMetricId": ""},
    ],
)
def test_what_is_just_within_the_limits_is_accepted(change):
    check_alarm_request(REQUEST | change)


@pytest.mark.parametrize(
    ("period", "periods", "longest"),
    [(3540, 25, "a day .*86400"), (10, 8641, "a day .*86400"), (3600, 169, "seven days .*604800")],
)
def test_only_periods_of_an_hour_or_more_may_look_back_longer_than_a_day(period, periods, longest):
    with pytest.raises(ValidationError, match=longest):
        check_alarm_request(REQUEST | {"Period": period, "EvaluationPeriods": periods})


@pytest.mark.parametrize("member", ["Metrics", "EvaluationWindow", "ActionConfiguration"])
def test_a_member_that_would_have_no_effect_is_refused_by_name_whatever_else_is_wrong(member):
    with pytest.raises(UnsupportedOperation, match=f"does not support {member} of PutMetricAlarm"):
        check_alarm_request({member: [{"Id": "m"}]})


def test_all_members_that_an_alarm_lacks_are_named():
    lacking = {name: value for name, value in REQUEST.items() if name not in {"Namespace", "Threshold"}}

    with pytest.raises(ValidationError, match="needs Namespace, Threshold"):
        check_alarm_request(lacking)
    with pytest.raises(ValidationError, match="needs ComparisonOperator and EvaluationPeriods"):
        check_alarm_request({name: value for name, value in REQUEST.items() if name != "EvaluationPeriods"})


@pytest.mark.parametrize(("text", "expected"), [('{"a": [1]}', True), ("1", True), ("", False), ("{'a': 1}", False)])
def test_text_is_json_or_not(text, expected):
    assert is_json(text) is expected


def test_json_that_is_too_deep_to_be_read_is_none():
    assert is_json("[" * 100_000) is False
