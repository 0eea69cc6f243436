"""
The alarms. They are evaluated at every minute of the local AWS's clock (every 10, 20 or 30 seconds, if that is an
alarm's period), over windows that end then: as CloudWatch does it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow

from local_aws.metric_alarm import MetricAlarm
from local_aws.pace import Pace
from local_aws.store import NotKept, Store
from local_aws.terminal import tell

KIND = "alarm"
"""Of the documents in the store."""


def alarms_of(region: str) -> dict[str, MetricAlarm]:
    """The alarms of a region by their names, in moto's backend."""
    alarms: dict[str, MetricAlarm] = cloudwatch_backends[DEFAULT_ACCOUNT_ID][region].alarms
    return alarms


def tags_of(alarm: MetricAlarm) -> dict[str, str]:
    tags: dict[str, str] = _tagger(alarm.region).get_tag_dict_for_resource(alarm.alarm_arn)
    return tags


def _tagger(region: str) -> Any:
    return cloudwatch_backends[DEFAULT_ACCOUNT_ID][region].tagger


class Alarms:
    """Evaluates the alarms of all regions, and keeps them over a restart."""

    def __init__(self, pace: Pace, store: Store):
        self._pace, self._store = pace, store
        self._changed, self._closed = threading.Condition(), False
        self._restore()
        self._thread = threading.Thread(target=self._evaluate_for_ever, daemon=True, name="alarms")
        self._thread.start()

    def _restore(self) -> None:
        for arn, document in self._store.documents(KIND):
            alarm = MetricAlarm(DEFAULT_ACCOUNT_ID, arn.split(":")[3], document["request"])
            alarm.restore(document)
            alarms_of(alarm.region)[alarm.name] = alarm
            _tagger(alarm.region).tags[arn] = document["tags"]

    def save(self, alarm: MetricAlarm) -> None:
        """
        :raises NotKept: it cannot be saved
        """
        self._store.save(KIND, alarm.alarm_arn, alarm.document(tags_of(alarm)))

    def put(self, alarm: MetricAlarm, tags: dict[str, str]) -> None:
        """
        Add an alarm, or replace one, which leaves its state and its tags as they are.

        :raises NotKept: it cannot be saved
        """
        with self._changed:
            alarms = alarms_of(alarm.region)
            if before := alarms.get(alarm.name):
                alarm.restore(before.document({}))
                alarm.configuration_updated_timestamp = utcnow()
                alarm.tripped_at = before.tripped_at
                tags = tags_of(before)
            what = "updated" if before else "created"
            alarm.remember("ConfigurationUpdate", f'Alarm "{alarm.name}" {what}', {"version": "1.0", "type": what})
            self._store.save(KIND, alarm.alarm_arn, alarm.document(tags))
            alarms[alarm.name] = alarm
            _tagger(alarm.region).tags[alarm.alarm_arn] = tags
            self._changed.notify_all()

    def set_state(self, alarm: MetricAlarm, value: str, reason: str, reason_data: str | None) -> None:
        """
        Set a state that lasts until the next evaluation.

        :raises NotKept: it cannot be saved; then it is not set
        """
        with self._changed:
            before = alarm.document({})
            alarm.change_state(value, reason, reason_data)
            try:
                self.save(alarm)
            except NotKept:
                alarm.restore(before)
                raise

    def set_tags(self, alarm: MetricAlarm, tags: dict[str, str]) -> None:
        """
        Set all tags of an alarm.

        :raises NotKept: they cannot be saved; then they are as they were
        """
        with self._changed:
            self._store.save(KIND, alarm.alarm_arn, alarm.document(tags))
            _tagger(alarm.region).tags[alarm.alarm_arn] = dict(tags)

    def delete(self, alarm: MetricAlarm) -> None:
        """
        :raises NotKept: it cannot be deleted
        """
        with self._changed:
            self._store.delete(KIND, alarm.alarm_arn)
            alarms_of(alarm.region).pop(alarm.name, None)
            _tagger(alarm.region).delete_all_tags_for_resource(alarm.alarm_arn)

    def close(self) -> None:
        """End the evaluation, and leave moto's backends as they were."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=10)
        for alarm in list(self._all()):
            alarms_of(alarm.region).pop(alarm.name, None)

    def _all(self) -> Iterator[MetricAlarm]:
        for backend in list(cloudwatch_backends[DEFAULT_ACCOUNT_ID].values()):
            yield from list(backend.alarms.values())

    def _evaluate_for_ever(self) -> None:
        last = time.time()
        with self._changed:
            while not self._closed:
                steps = {alarm.step for alarm in self._all()}
                if not steps:
                    self._changed.wait()
                    last = time.time()
                    continue
                now = time.time()
                self._changed.wait(
                    max(0.0, min(self._end(step, now) + self._pace.period(step) for step in steps) - now)
                )
                now = time.time()
                for alarm in list(self._all()):
                    if self._end(alarm.step, now) > self._end(alarm.step, last):
                        self._evaluate(alarm, self._end(alarm.step, now))
                last = now

    def _end(self, step: int, now: float) -> float:
        """When the newest of the spans of so many seconds ended."""
        seconds = self._pace.period(step)
        return now // seconds * seconds

    def _evaluate(self, alarm: MetricAlarm, end: float) -> None:
        try:
            if alarm.evaluate(end, self._pace.period(alarm.period)):
                with suppress(NotKept):  # it is saved with its next change
                    self.save(alarm)
        except Exception as error:
            tell(f"The alarm {alarm.name} cannot be evaluated: {error!r}")
