"""
CloudWatch's operations on alarms. moto's own never change an alarm's state, and do not page.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from moto.cloudwatch.exceptions import (
    InvalidFormat,
    InvalidParameterValue,
    ResourceNotFound,
    ResourceNotFoundException,
)
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult

from local_aws.alarm_request import check_alarm_request, is_json
from local_aws.alarms import Alarms, alarms_of, tags_of
from local_aws.metric_alarm import MetricAlarm
from local_aws.metric_statistics import utc

DEFAULT_RECORDS = {"DescribeAlarms": 50, "DescribeAlarmHistory": 100}
MAX_TAGS = 50
OF_A_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
"""What DescribeAlarmsForMetric selects by."""


class InvalidNextToken(ServiceException):
    code = "InvalidNextToken"


class AlarmOperations(CloudWatchResponse):
    """Each operation has a method with its name in snake case. To be mixed in before moto's class."""

    alarms: ClassVar[Alarms]
    """Set when the local AWS starts."""

    def put_metric_alarm(self) -> ActionResult:
        request = self._get_params()
        check_alarm_request(request)
        tags = {tag["Key"]: tag.get("Value", "") for tag in request.pop("Tags", [])}
        self.alarms.put(MetricAlarm(self.current_account, self.region, request), tags)
        return EmptyResult()

    def describe_alarms(self) -> ActionResult:
        found = [alarm for alarm in list(alarms_of(self.region).values()) if self._is_wanted(alarm)]
        alarms, token = self._cut(sorted(found, key=lambda alarm: str(alarm.name)), "DescribeAlarms")
        return ActionResult(
            {"MetricAlarms": [alarm.describe() for alarm in alarms], "CompositeAlarms": [], "NextToken": token}
        )

    def _is_wanted(self, alarm: MetricAlarm) -> bool:
        query = self._get_params()
        return (
            "MetricAlarm" in query.get("AlarmTypes", ["MetricAlarm"])
            and not (query.get("ChildrenOfAlarmName") or query.get("ParentsOfAlarmName"))  # of composite alarms
            and alarm.name in query.get("AlarmNames", [alarm.name])
            and alarm.name.startswith(query.get("AlarmNamePrefix", ""))
            and query.get("StateValue", alarm.state_value) == alarm.state_value
            and (
                "ActionPrefix" not in query
                or any(action.startswith(query["ActionPrefix"]) for action in alarm.alarm_actions)
            )
        )

    def describe_alarm_history(self) -> ActionResult:
        query = self._get_params()
        alarms = [
            alarm for alarm in list(alarms_of(self.region).values()) if query.get("AlarmName", alarm.name) == alarm.name
        ]
        entries = [(alarm, entry) for alarm in alarms for entry in list(alarm.history) if _is_in(query, entry)]
        newest_first = query.get("ScanBy") != "TimestampAscending"
        entries.sort(key=lambda pair: pair[1]["time"], reverse=newest_first)
        page, token = self._cut(entries, "DescribeAlarmHistory")
        items = [
            {
                "AlarmName": alarm.name,
                "AlarmType": "MetricAlarm",
                "Timestamp": entry["time"],
                "HistoryItemType": entry["kind"],
                "HistorySummary": entry["summary"],
                "HistoryData": entry["data"],
            }
            for alarm, entry in page
        ]
        return ActionResult({"AlarmHistoryItems": items, "NextToken": token})

    def describe_alarms_for_metric(self) -> ActionResult:
        query = self._get_params()
        wanted = {"Dimensions": [], **{name: query[name] for name in OF_A_METRIC if query.get(name)}}
        found = [alarm.describe() for alarm in list(alarms_of(self.region).values())]
        return ActionResult(
            {"MetricAlarms": [facts for facts in found if all(facts.get(name) == wanted[name] for name in wanted)]}
        )

    def set_alarm_state(self) -> ActionResult:
        request = self._get_params()
        reason_data = request.get("StateReasonData")
        if reason_data is not None and not is_json(reason_data):
            raise InvalidFormat("StateReasonData is not JSON.")
        alarm = self._find(request["AlarmName"], ResourceNotFound)
        self.alarms.set_state(alarm, request["StateValue"], request["StateReason"], reason_data)
        return EmptyResult()

    def delete_alarms(self) -> ActionResult:
        names = self._get_params()["AlarmNames"]
        known = alarms_of(self.region)
        for alarm in [known[name] for name in names if name in known]:
            self.alarms.delete(alarm)
        return EmptyResult()

    def enable_alarm_actions(self) -> ActionResult:
        return self._switch_actions(True)

    def disable_alarm_actions(self) -> ActionResult:
        return self._switch_actions(False)

    def _switch_actions(self, enabled: bool) -> ActionResult:
        for name in self._get_params()["AlarmNames"]:
            if alarm := alarms_of(self.region).get(name):
                request = {**alarm.request, "ActionsEnabled": enabled}
                self.alarms.put(MetricAlarm(self.current_account, self.region, request), {})
        return EmptyResult()

    # Tags

    def list_tags_for_resource(self) -> ActionResult:
        tags = tags_of(self._tagged())
        return ActionResult({"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]})

    def tag_resource(self) -> ActionResult:
        alarm = self._tagged()
        tags = tags_of(alarm) | {tag["Key"]: tag["Value"] for tag in self._get_params()["Tags"]}
        if len(tags) > MAX_TAGS:
            raise InvalidParameterValue(f"A resource can have at most {MAX_TAGS} tags.")
        self.alarms.set_tags(alarm, tags)
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        alarm, removed = self._tagged(), self._get_params()["TagKeys"]
        self.alarms.set_tags(alarm, {key: value for key, value in tags_of(alarm).items() if key not in removed})
        return EmptyResult()

    def _tagged(self) -> MetricAlarm:
        arn = self._get_params()["ResourceARN"]
        alarm = self._find(arn.partition(":alarm:")[2], ResourceNotFoundException)
        if alarm.alarm_arn != arn:
            raise ResourceNotFoundException
        return alarm

    def _find(self, name: str, error: Callable[[str], ServiceException]) -> MetricAlarm:
        alarm = alarms_of(self.region).get(name)
        if alarm is None:
            raise error(f"Alarm {name[:255]} does not exist.")
        return alarm

    def _cut(self, found: list[Any], operation: str) -> tuple[list[Any], str | None]:
        """One page, and the token of the next one."""
        query = self._get_params()
        token = query.get("NextToken") or "0"
        if not (token.isascii() and token.isdecimal() and len(token) < 10):
            raise InvalidNextToken("The next token is not valid.")
        end = int(token) + query.get("MaxRecords", DEFAULT_RECORDS[operation])
        return found[int(token) : end], str(end) if end < len(found) else None


def _is_in(query: dict[str, Any], entry: dict[str, Any]) -> bool:
    def bound(member: str) -> datetime:
        return utc(query.get(member) or entry["time"])

    return (
        query.get("HistoryItemType", entry["kind"]) == entry["kind"]
        and bound("StartDate") <= utc(entry["time"]) <= bound("EndDate")
        and "MetricAlarm" in query.get("AlarmTypes", ["MetricAlarm"])
    )


OPERATIONS = frozenset(
    "".join(word.capitalize() for word in name.split("_"))
    for name, value in vars(AlarmOperations).items()
    if callable(value) and not name.startswith("_")
)
