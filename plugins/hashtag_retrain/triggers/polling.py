"""What every task that waits for AWS has in common: it polls, first in its own process, then as a trigger."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import (
    BaseTaskEndEvent,
    BaseTrigger,
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

from include.report.failures import FAILURE, words_of

if TYPE_CHECKING:
    from airflow.sdk import Context

SKIPPED = "skipped"
"""Key of the XCom with the reason why a trigger has skipped its task."""
RESULT = "return_value"
"""Airflow's key of the XCom with a task's result."""


@dataclass(frozen=True, slots=True)
class Done:
    """The wait is over."""

    result: Any = None
    """Of the task; as JSON has it."""
    skip: str | None = None
    """Why the task is to be skipped instead."""


class PollingTrigger(BaseTrigger):
    """
    Poll until there is a result, and end the waiting task with it.

    The trigger ends the task itself, instead of resuming it in a second process: Airflow 3.3 fails a task that is
    resumed before the scheduler has read that its first process ended
    (https://github.com/apache/airflow/issues/71580). An error fails the attempt; the next one begins anew.

    A subclass keeps each of its constructor's arguments as an attribute of the same name.

    :param poll_seconds: seconds between two polls
    :param hook_arguments: SageMakerHook's: aws_conn_id, region_name, verify, config
    """

    def __init__(self, poll_seconds: float, hook_arguments: dict[str, Any]) -> None:
        super().__init__()
        self.poll_seconds = poll_seconds
        self.hook_arguments = hook_arguments
        self._last_state: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def poll(self) -> Done | None:
        """
        Do what can be done now; None where there is something to wait for. May be called again at any time, also by
        another process, which knows the constructor's arguments alone.

        :raises Exception: the attempt has failed
        """
        raise NotImplementedError

    @cached_property
    def client(self) -> Any:
        """A SageMaker client; an operator puts its own one here."""
        return SageMakerHook(**self.hook_arguments).get_conn()

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            while (done := await asyncio.to_thread(self._poll)) is None:
                await asyncio.sleep(self.poll_seconds)
            result = await asyncio.to_thread(self.close, done)
        except Exception as error:
            self.log.exception("The attempt has failed.")
            yield await self._end(TaskFailedEvent, {FAILURE: words_of(error), **self.more_of_failure()})
        else:
            if done.skip is not None:
                self.log.info("Skipped: %s", done.skip)
                yield await self._end(TaskSkippedEvent, {SKIPPED: done.skip})
            else:
                yield await self._end(TaskSuccessEvent, {} if result is None else {RESULT: result})

    async def _end(self, event_class: type[BaseTaskEndEvent], xcoms: dict[str, Any]) -> BaseTaskEndEvent:
        event = event_class()
        if (task := self.task_instance) is None:
            event.payload = xcoms  # for dag.test(), which resumes the task with it, instead of ending it
            return event
        where = {"dag_id": task.dag_id, "task_id": task.task_id, "run_id": task.run_id, "map_index": task.map_index}
        for key, value in xcoms.items():
            # Not as the event's own XComs: Airflow 3.3.2 encodes those twice, and tasks read a string of JSON.
            await asyncio.to_thread(XCom.set, key, value, **where)
        return event

    def _poll(self) -> Done | None:
        try:
            return self.poll()
        except (StopIteration, SystemExit) as error:  # which no future can hold
            raise RuntimeError(repr(error)) from error

    def close(self, done: Done) -> Any:
        """The last that is to be done before the task ends; returns its result."""
        return done.result

    def more_of_failure(self) -> dict[str, Any]:
        """Further XComs of a failed attempt, by their keys."""
        return {}

    def log_state(self, what: str, state: str) -> None:
        """Say in which state something is, once for each state."""
        if state != self._last_state:
            self._last_state = state
            self.log.info("%s: %s", what, state)


def wait_for(trigger: PollingTrigger, operator: Any) -> Any:
    """The result, where it is there already; else the operator's task is deferred until the trigger ends it."""
    trigger.client = operator.hook.get_conn()
    if (done := trigger.poll()) is not None:
        return done.result
    return operator.defer(trigger=trigger, method_name="execute")  # which raises


def ended(event: dict[str, Any], context: Context) -> Any:
    """What a trigger has ended a task with, where dag.test() has resumed the task instead."""
    for key, value in event.items():
        if key != RESULT:
            context["ti"].xcom_push(key=key, value=value)
    if SKIPPED in event:
        raise AirflowSkipException(event[SKIPPED])
    if FAILURE in event:
        raise AirflowException(event[FAILURE])
    return event.get(RESULT)
