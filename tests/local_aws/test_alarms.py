"""When alarms change their states, through CloudWatch's API."""

import json
import time

from tests.local_aws.conftest import described_alarm, put_alarm, wait_for_state


def test_an_alarm_follows_its_metric(cloudwatch, publish):
    name = put_alarm(cloudwatch, publish, TreatMissingData="notBreaching")
    wait_for_state(cloudwatch, name, "OK")

    publish(1.0)
    wait_for_state(cloudwatch, name, "ALARM")
    alarm = described_alarm(cloudwatch, name)
    assert "[1.0] was greater than the threshold (0.5)" in alarm["StateReason"]
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [1.0]

    wait_for_state(cloudwatch, name, "OK")
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [entry["HistorySummary"] for entry in reversed(history)] == [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]


def test_several_breaching_periods_out_of_some(cloudwatch, publish):
    name = put_alarm(
        cloudwatch, publish, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching", Period=300
    )
    publish(1.0)
    time.sleep(0.2)
    assert described_alarm(cloudwatch, name)["StateValue"] == "OK"

    for _ in range(3):
        publish(1.0)
        time.sleep(0.15)
    wait_for_state(cloudwatch, name, "ALARM")


def test_a_state_that_is_set_lasts_until_the_next_evaluation(cloudwatch, publish):
    name = put_alarm(cloudwatch, publish, TreatMissingData="notBreaching")
    wait_for_state(cloudwatch, name, "OK")

    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill", StateReasonData='{"a": 1}')

    summaries = lambda: [  # noqa: E731
        entry["HistorySummary"] for entry in cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    ]
    assert "Alarm updated from OK to ALARM" in summaries()
    wait_for_state(cloudwatch, name, "OK")


def test_a_changed_alarm_keeps_its_state_and_its_tags(cloudwatch, publish):
    name = put_alarm(cloudwatch, publish, TreatMissingData="ignore", Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")

    put_alarm(
        cloudwatch,
        publish,
        AlarmName=name,
        Threshold=7.0,
        TreatMissingData="ignore",
        Tags=[{"Key": "ignored", "Value": ""}],
    )

    time.sleep(0.1)
    alarm = described_alarm(cloudwatch, name)
    assert (alarm["Threshold"], alarm["StateValue"]) == (7.0, "ALARM")
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "a", "Value": "1"}]
