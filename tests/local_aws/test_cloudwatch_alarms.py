"""CloudWatch's operations on alarms: what they answer, and what they select."""

import datetime
import itertools

import pytest

from tests.local_aws.conftest import alarm_request, described_alarm, error_of, put_alarm

_numbers = itertools.count(1)
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:{}"


def test_an_alarm_is_described_as_it_was_put(cloudwatch, publish):
    request = alarm_request(
        publish, DatapointsToAlarm=1, TreatMissingData="ignore", AlarmActions=["arn:aws:sns:us-east-1:1:t"]
    )
    cloudwatch.put_metric_alarm(**request)

    alarm = described_alarm(cloudwatch, request["AlarmName"])

    assert {name: alarm[name] for name in request} == request
    assert (alarm["StateValue"], alarm["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert alarm["AlarmArn"] == ARN.format(request["AlarmName"])
    assert alarm["ActionsEnabled"] is True


def test_tags(cloudwatch, publish):
    arn = ARN.format(put_alarm(cloudwatch, publish))

    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])

    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    cloudwatch.delete_alarms(AlarmNames=[arn.rpartition(":")[2]])
    assert error_of(cloudwatch.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"


def test_alarms_are_filtered_and_come_in_pages(cloudwatch, publish):
    names = sorted(put_alarm(cloudwatch, publish, AlarmName=f"page-{next(_numbers)}") for _ in range(5))
    cloudwatch.set_alarm_state(AlarmName=put_alarm(cloudwatch, publish), StateValue="ALARM", StateReason="a drill")

    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix="page-", PaginationConfig={"PageSize": 2}
    )
    found = [[alarm["AlarmName"] for alarm in page["MetricAlarms"]] for page in pages]

    assert [len(page) for page in found] == [2, 2, 1]
    assert sorted(itertools.chain(*found)) == names
    assert cloudwatch.describe_alarms(AlarmNamePrefix="page-", StateValue="ALARM")["MetricAlarms"] == []
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["MetricAlarms"] == []
    assert cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns")["MetricAlarms"] == []


def test_unknown_alarms(cloudwatch):
    state = {"StateValue": "OK", "StateReason": "x"}
    assert error_of(cloudwatch.set_alarm_state, AlarmName="none", **state)[0] == "ResourceNotFound"
    assert error_of(cloudwatch.set_alarm_state, AlarmName="none", StateReasonData="{", **state)[0] == "InvalidFormat"
    assert error_of(cloudwatch.tag_resource, ResourceARN=ARN.format("none"), Tags=[])[0] == "ResourceNotFoundException"
    assert error_of(cloudwatch.describe_alarms, NextToken="x")[0] == "InvalidNextToken"
    cloudwatch.delete_alarms(AlarmNames=["none"])


def test_the_history_is_selected_by_kind_and_time_and_comes_in_either_order(cloudwatch, publish):
    name = put_alarm(cloudwatch, publish, TreatMissingData="ignore")
    for state in ("OK", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a drill")

    def history(**query):
        items = cloudwatch.describe_alarm_history(AlarmName=name, **query)["AlarmHistoryItems"]
        return [item["HistorySummary"] for item in items]

    summaries = [
        f'Alarm "{name}" created',
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
    ]
    assert history(ScanBy="TimestampAscending") == summaries
    assert history() == summaries[::-1]
    assert history(HistoryItemType="ConfigurationUpdate") == summaries[:1]
    assert history(AlarmTypes=["CompositeAlarm"]) == []
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    assert history(StartDate=soon) == history(EndDate=soon - datetime.timedelta(hours=1)) == []
    assert history(EndDate=soon) == summaries[::-1]


def test_the_alarms_of_a_metric_have_its_dimensions_and_what_else_is_asked_for(cloudwatch, publish):
    total, worst = put_alarm(cloudwatch, publish), put_alarm(cloudwatch, publish, Statistic="Maximum", Period=300)
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "Errors"}

    def names(**query):
        return {one["AlarmName"] for one in cloudwatch.describe_alarms_for_metric(**metric, **query)["MetricAlarms"]}

    assert names(Dimensions=publish.dimensions) == {total, worst}
    assert names(Dimensions=publish.dimensions, Statistic="Sum") == {total}
    assert names(Dimensions=publish.dimensions, Period=300) == {worst}
    assert not names() & {total, worst}


def test_actions_are_switched_and_the_rest_of_the_alarm_stays(cloudwatch, publish):
    name = put_alarm(cloudwatch, publish, TreatMissingData="ignore", Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
    before = described_alarm(cloudwatch, name)

    cloudwatch.disable_alarm_actions(AlarmNames=[name, "none"])

    changed = {"ActionsEnabled": False, "AlarmConfigurationUpdatedTimestamp": None}
    assert described_alarm(cloudwatch, name) | changed == before | changed
    assert described_alarm(cloudwatch, name)["ActionsEnabled"] is False
    assert cloudwatch.list_tags_for_resource(ResourceARN=before["AlarmArn"])["Tags"] == [{"Key": "a", "Value": "1"}]
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    assert described_alarm(cloudwatch, name)["ActionsEnabled"] is True


def test_an_alarm_has_fifty_tags_at_most(cloudwatch, publish):
    arn = ARN.format(put_alarm(cloudwatch, publish, Tags=[{"Key": "0", "Value": ""}]))
    tags = [{"Key": str(number), "Value": "x"} for number in range(50)]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=tags)

    code, _ = error_of(cloudwatch.tag_resource, ResourceARN=arn, Tags=[{"Key": "50", "Value": "x"}])

    assert code == "InvalidParameterValue"
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags


@pytest.mark.parametrize("other", ["eu-west-1:123456789012", "us-east-1:210987654321"])
def test_an_alarm_of_another_region_or_account_is_not_there(cloudwatch, publish, other):
    arn = ARN.format(put_alarm(cloudwatch, publish)).replace("us-east-1:123456789012", other)

    assert error_of(cloudwatch.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"
