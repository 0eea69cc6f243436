"""CloudWatch's alarms, through its API: what they are, when they change, and what is refused."""

import itertools
import json
import time

import pytest

from local_aws.cloud import Cloud
from local_aws.pace import Pace
from local_aws.s3_objects import S3Objects
from local_aws.store import Store
from tests.local_aws.conftest import error_of, wait_until

_numbers = itertools.count(1)
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:{}"


@pytest.fixture
def cloudwatch(once):
    client = once("cloudwatch")
    yield client
    client.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]])


@pytest.fixture
def publish():
    """Publishes a value of an endpoint's errors, as the local AWS does."""
    endpoint = f"alarmed-{next(_numbers)}"
    cloud = Cloud("123456789012", "us-east-1", S3Objects(Store()), Pace(0.0005))

    def publish(value):
        cloud.put_metrics("AWS/SageMaker", {"EndpointName": endpoint}, {"Errors": (value, "Count")})

    publish.dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    return publish


def request_of(publish, **changes):
    request = {
        "AlarmName": f"alarm-{next(_numbers)}",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Errors",
        "Dimensions": publish.dimensions,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {name: value for name, value in {**request, **changes}.items() if value is not None}


def put(cloudwatch, publish, **changes):
    request = request_of(publish, **changes)
    cloudwatch.put_metric_alarm(**request)
    return request["AlarmName"]


def described(cloudwatch, name):
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm


def wait_for_state(cloudwatch, name, state):
    wait_until(lambda: described(cloudwatch, name)["StateValue"] == state)


def test_an_alarm_is_described_as_it_was_put(cloudwatch, publish):
    request = request_of(
        publish, DatapointsToAlarm=1, TreatMissingData="ignore", AlarmActions=["arn:aws:sns:us-east-1:1:t"]
    )
    cloudwatch.put_metric_alarm(**request)

    alarm = described(cloudwatch, request["AlarmName"])

    assert {name: alarm[name] for name in request} == request
    assert (alarm["StateValue"], alarm["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert alarm["AlarmArn"] == ARN.format(request["AlarmName"])
    assert alarm["ActionsEnabled"] is True


def test_an_alarm_follows_its_metric(cloudwatch, publish):
    name = put(cloudwatch, publish, TreatMissingData="notBreaching")
    wait_for_state(cloudwatch, name, "OK")

    publish(1.0)
    wait_for_state(cloudwatch, name, "ALARM")
    alarm = described(cloudwatch, name)
    assert "[1.0] was greater than the threshold (0.5)" in alarm["StateReason"]
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [1.0]

    wait_for_state(cloudwatch, name, "OK")
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [entry["HistorySummary"] for entry in reversed(history)] == [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]


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
    name = put(cloudwatch, publish, Period=3600, TreatMissingData="missing", **change)
    for value in values:
        publish(float(value))

    if state != "INSUFFICIENT_DATA":
        wait_for_state(cloudwatch, name, state)
    time.sleep(0.1)
    assert described(cloudwatch, name)["StateValue"] == state


def test_several_breaching_periods_out_of_some(cloudwatch, publish):
    name = put(
        cloudwatch, publish, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching", Period=300
    )
    publish(1.0)
    time.sleep(0.2)
    assert described(cloudwatch, name)["StateValue"] == "OK"

    for _ in range(3):
        publish(1.0)
        time.sleep(0.15)
    wait_for_state(cloudwatch, name, "ALARM")


def test_a_clients_own_metric_is_watched_as_well(cloudwatch, publish):
    name = put(cloudwatch, publish, Namespace="Mine", MetricName="Wrong", Dimensions=None, Period=3600)

    cloudwatch.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "Wrong", "Value": 3.0}])

    wait_for_state(cloudwatch, name, "ALARM")


def test_a_state_that_is_set_lasts_until_the_next_evaluation(cloudwatch, publish):
    name = put(cloudwatch, publish, TreatMissingData="notBreaching")
    wait_for_state(cloudwatch, name, "OK")

    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill", StateReasonData='{"a": 1}')

    summaries = lambda: [  # noqa: E731
        entry["HistorySummary"] for entry in cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    ]
    assert "Alarm updated from OK to ALARM" in summaries()
    wait_for_state(cloudwatch, name, "OK")


def test_a_changed_alarm_keeps_its_state_and_its_tags(cloudwatch, publish):
    name = put(cloudwatch, publish, TreatMissingData="ignore", Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")

    put(
        cloudwatch,
        publish,
        AlarmName=name,
        Threshold=7.0,
        TreatMissingData="ignore",
        Tags=[{"Key": "ignored", "Value": ""}],
    )

    time.sleep(0.1)
    alarm = described(cloudwatch, name)
    assert (alarm["Threshold"], alarm["StateValue"]) == (7.0, "ALARM")
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "a", "Value": "1"}]


def test_tags(cloudwatch, publish):
    arn = ARN.format(put(cloudwatch, publish))

    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])

    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    cloudwatch.delete_alarms(AlarmNames=[arn.rpartition(":")[2]])
    assert error_of(cloudwatch.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"


def test_alarms_are_filtered_and_come_in_pages(cloudwatch, publish):
    names = sorted(put(cloudwatch, publish, AlarmName=f"page-{next(_numbers)}") for _ in range(5))
    cloudwatch.set_alarm_state(AlarmName=put(cloudwatch, publish), StateValue="ALARM", StateReason="a drill")

    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix="page-", PaginationConfig={"PageSize": 2}
    )
    found = [[alarm["AlarmName"] for alarm in page["MetricAlarms"]] for page in pages]

    assert [len(page) for page in found] == [2, 2, 1]
    assert sorted(itertools.chain(*found)) == names
    assert cloudwatch.describe_alarms(AlarmNamePrefix="page-", StateValue="ALARM")["MetricAlarms"] == []
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["MetricAlarms"] == []
    assert cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns")["MetricAlarms"] == []


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
    assert error_of(cloudwatch.put_metric_alarm, **request_of(publish, **change))[0] == code


def test_unknown_alarms(cloudwatch):
    state = {"StateValue": "OK", "StateReason": "x"}
    assert error_of(cloudwatch.set_alarm_state, AlarmName="none", **state)[0] == "ResourceNotFound"
    assert error_of(cloudwatch.set_alarm_state, AlarmName="none", StateReasonData="{", **state)[0] == "InvalidFormat"
    assert error_of(cloudwatch.tag_resource, ResourceARN=ARN.format("none"), Tags=[])[0] == "ResourceNotFoundException"
    assert error_of(cloudwatch.describe_alarms, NextToken="x")[0] == "InvalidNextToken"
    cloudwatch.delete_alarms(AlarmNames=["none"])
