import itertools
import json
import time
from datetime import UTC, datetime

import pytest

from local_aws.metric_alarm import MAX_HISTORY, MetricAlarm
from tests.local_aws.conftest import alarm_request, described_alarm, put_alarm, wait_for_state

END = time.time() // 60 * 60
"""The end of a minute."""
_numbers = itertools.count(1)


@pytest.fixture
def alarm_on(cloudwatch, publish):
    """An alarm that is evaluated by hand, on a client's values so many seconds before the minute's end."""

    def make(*values, **changes):
        name = f"Watched{next(_numbers)}"
        for seconds, value in values:
            datum = {"MetricName": name, "Value": value, "Timestamp": datetime.fromtimestamp(END - seconds, UTC)}
            cloudwatch.put_metric_data(Namespace="Mine", MetricData=[datum])
        return made(publish, Namespace="Mine", MetricName=name, Dimensions=None, **changes)

    return make


def made(publish, **changes):
    return MetricAlarm("123456789012", "us-east-1", alarm_request(publish, **changes))


@pytest.mark.parametrize(
    ("change", "values", "state"),
    [
        ({"Statistic": "Average", "Threshold": 1.5}, [1, 2], "OK"),
        ({"Statistic": "Maximum", "Threshold": 1.5}, [1, 2], "ALARM"),
        ({"Statistic": None, "ExtendedStatistic": "p50", "Threshold": 50.0}, range(100), "OK"),
        ({"Statistic": None, "ExtendedStatistic": "p99", "Threshold": 50.0}, range(100), "ALARM"),
        ({"Statistic": "Sum", "Threshold": 1.0, "Unit": "Bytes"}, [9], "INSUFFICIENT_DATA"),
        (
            {
                "Statistic": None,
                "ExtendedStatistic": "p99",
                "Threshold": 0.0,
                "EvaluateLowSampleCountPercentile": "ignore",
            },
            [9],
            "INSUFFICIENT_DATA",
        ),
    ],
)
def test_statistics_of_the_period(cloudwatch, publish, change, values, state):
    name = put_alarm(cloudwatch, publish, Period=3600, TreatMissingData="missing", **change)
    for value in values:
        publish(float(value))

    if state != "INSUFFICIENT_DATA":
        wait_for_state(cloudwatch, name, state)
    time.sleep(0.1)
    assert described_alarm(cloudwatch, name)["StateValue"] == state


def test_a_clients_own_metric_is_watched_as_well(cloudwatch, publish):
    name = put_alarm(cloudwatch, publish, Namespace="Mine", MetricName="Wrong", Dimensions=None, Period=3600)

    cloudwatch.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "Wrong", "Value": 3.0}])

    wait_for_state(cloudwatch, name, "ALARM")


def test_a_value_belongs_to_the_period_that_begins_with_it(alarm_on):
    alarm = alarm_on((60, 9.0), TreatMissingData="ignore")

    assert alarm.evaluate(END - 60, 60) is False
    assert alarm.state_value == "INSUFFICIENT_DATA"
    assert alarm.evaluate(END, 60) is True
    assert alarm.state_value == "ALARM"
    assert alarm.evaluate(END, 60) is False


def test_the_reason_has_the_newest_values_the_oldest_of_them_first(alarm_on):
    alarm = alarm_on((180, 9.0), (120, 0.0), (60, 0.25), EvaluationPeriods=2)

    alarm.evaluate(END, 60)

    assert (alarm.state_value, alarm.state_reason) == (
        "OK",
        "Threshold Crossed: 2 out of the last 2 datapoints [0.0, 0.25] were not greater than the threshold (0.5).",
    )
    data = json.loads(alarm.state_reason_data)
    assert (data["recentDatapoints"], data["statistic"], data["period"]) == ([0.0, 0.25], "Sum", 60)


def test_the_reason_says_of_no_value_that_it_breaches_if_it_does_not(alarm_on):
    alarm = alarm_on((180, 9.0), (120, 0.0), (60, 8.0), EvaluationPeriods=3, DatapointsToAlarm=2)

    alarm.evaluate(END, 60)

    assert alarm.state_value == "ALARM"
    assert "2 out of the last 3 datapoints [9.0, 8.0] were greater than" in alarm.state_reason


@pytest.mark.parametrize(
    ("missing", "values", "state", "reason"),
    [
        ("breaching", [(60, 0.0)], "ALARM", "Threshold Crossed: 2 missing datapoints were treated as [breaching]."),
        ("notBreaching", [(60, 9.0)], "OK", "Threshold Crossed: 2 missing datapoints were treated as [notBreaching]."),
        ("missing", [(60, 9.0)], "INSUFFICIENT_DATA", "Insufficient Data: 2 datapoints were unknown."),
        ("missing", [(120, 9.0), (60, 0.0)], "OK", "1 out of the last 3 datapoints [0.0] was not greater than"),
    ],
)
def test_missing_data_are_told_and_no_value_is_said_to_be_on_the_other_side(alarm_on, missing, values, state, reason):
    alarm = alarm_on(*values, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData=missing)
    alarm.state_value = "another"

    alarm.evaluate(END, 60)

    assert alarm.state_value == state
    assert reason in alarm.state_reason


def test_a_state_comes_into_the_history_only_if_it_is_another_one(alarm_on):
    alarm = alarm_on()
    alarm.change_state("OK", "first", None)
    changed = alarm.describe()["StateTransitionedTimestamp"]

    alarm.change_state("OK", "second", None)

    assert (alarm.describe()["StateReason"], alarm.describe()["StateTransitionedTimestamp"]) == ("second", changed)
    assert [entry["summary"] for entry in alarm.history] == ["Alarm updated from INSUFFICIENT_DATA to OK"]


def test_an_alarm_that_is_over_has_tripped_since_before_it(alarm_on):
    alarm, before = alarm_on(), time.monotonic()
    assert not alarm.has_tripped(0)
    alarm.change_state("ALARM", "a drill", None)
    assert alarm.has_tripped(time.monotonic() + 60)

    alarm.change_state("OK", "over", None)

    assert alarm.has_tripped(before)
    assert not alarm.has_tripped(time.monotonic() + 60)


def test_the_history_is_bounded_and_keeps_the_newest(alarm_on):
    alarm = alarm_on()
    for number in range(MAX_HISTORY + 2):
        alarm.remember("StateUpdate", str(number), {})

    assert [alarm.history[0]["summary"], alarm.history[-1]["summary"]] == ["2", str(MAX_HISTORY + 1)]


@pytest.mark.parametrize(
    ("percentile", "enough"),
    [("p99", 1000), ("p90", 100), ("p80", 50), ("p75", 40), ("p50", 20), ("p10", 100)],
)
def test_a_percentile_of_too_few_values_leaves_the_alarm_as_it_is(publish, percentile, enough):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html"""
    alarm = made(publish, Statistic=None, ExtendedStatistic=percentile, EvaluateLowSampleCountPercentile="ignore")
    for _ in range(enough - 1):
        publish(9.0)
    assert alarm.evaluate(time.time() + 1, 3600) is False

    publish(9.0)

    assert alarm.evaluate(time.time() + 1, 3600) is True
    assert alarm.state_value == "ALARM"
