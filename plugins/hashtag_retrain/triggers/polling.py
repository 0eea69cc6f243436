"""The common part of all tasks that wait for AWS: they poll, first in their own process, then as a trigger."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import (
    BaseTaskEndEvent,
    BaseTrigger,
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

from hashtag_retrain import lineage
from include.config.settings import seconds_before_deferral
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
    """The task's result, in JSON's types."""
    skip: str | None = None
    """Why the task is skipped instead; None if it is not."""


class PollingTrigger(BaseTrigger):
    """
    Poll until there is a result, and end the waiting task with it.

    The trigger ends the task itself. It does not resume it in a second process, because Airflow 3.3 fails a task that
    is resumed before the scheduler has read that its first process ended
    (https://github.com/apache/airflow/issues/71580). An error fails the attempt, and the next one starts again.

    A subclass stores each argument of its constructor in an attribute with the same name.

    :param poll_seconds: seconds between two polls
    :param hook_arguments: arguments for SageMakerHook: aws_conn_id, region_name, verify, config
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
        Do what can be done now. Return None if the task must wait. This can be called again at any time, also by
        another process, which knows only the constructor's arguments.

        :raises Exception: the attempt fails
        """
        raise NotImplementedError

    @cached_property
    def client(self) -> Any:
        """A SageMaker client. An operator replaces it with its own."""
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

    async def _end(self, event_class: type[BaseTaskEndEvent], xcoms: dict[str, Any]) -> TriggerEvent:
        event = event_class()
        if self.task_instance is None:
            event.payload = xcoms  # for dag.test(), which resumes the task with the event instead of ending it
            return event
        for key, value in xcoms.items():
            # Not as XComs of the event: Airflow 3.3.2 encodes those twice, so tasks would read a string of JSON.
            await asyncio.to_thread(self.store, key, value)
        await asyncio.to_thread(lineage.emit_end, self.task_instance, xcoms.get(FAILURE), xcoms.get(RESULT))
        return event

    def store(self, key: str, value: Any) -> None:
        """Store an XCom of the deferred task. Outside a triggerer, as in dag.test(), nothing is stored."""
        if (task := self.task_instance) is not None:
            where = {"dag_id": task.dag_id, "task_id": task.task_id, "run_id": task.run_id, "map_index": task.map_index}
            XCom.set(key, value, **where)

    def _poll(self) -> Done | None:
        try:
            return self.poll()
        except (StopIteration, SystemExit) as error:  # a future cannot contain these
            raise RuntimeError(repr(error)) from error

    def close(self, done: Done) -> Any:
        """Do the last work before the task ends; return the task's result."""
        return done.result

    def more_of_failure(self) -> dict[str, Any]:
        """Further XComs of a failed attempt, by their keys."""
        return {}

    def log_state(self, what: str, state: str) -> None:
        """Log the state of something, once for each state."""
        if state != self._last_state:
            self._last_state = state
            self.log.info("%s: %s", what, state)


class StoppingTrigger(PollingTrigger):
    """A PollingTrigger that stops what it waits for if a person stops, clears or marks the deferred task."""

    def stop(self) -> None:
        """Stop it, if this run has started it. It is no error if that fails."""
        raise NotImplementedError

    async def on_kill(self) -> None:
        if not await asyncio.to_thread(self._task_still_waits):
            await asyncio.to_thread(self.stop)

    def _task_still_waits(self) -> bool:
        """Whether the task is still deferred. Airflow also kills a trigger when another triggerer has taken it over."""
        task = self.task_instance
        if task is None:
            return False
        try:
            states = RuntimeTaskInstance.get_task_states(
                dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
            )
        except Exception as error:
            self.log.warning("The state of the deferred task cannot be read, so it counts as stopped: %r", error)
            return False
        state: str | None = states.get(task.run_id, {}).get(task.task_id)
        return state == "deferred"


def wait_for(trigger: PollingTrigger, operator: Any, context: Context, before_deferral: float | None = None) -> Any:
    """
    The result, if there is one soon. Else the operator's task is deferred, and the trigger ends it.

    :param before_deferral: for how many seconds the task polls in its own process first; default: the deployment's
        setting. Where that is enough, it saves what a trigger costs: Airflow parses the whole DAG file twice for each
        task that a trigger ends.
    """
    trigger.client = operator.hook.get_conn()
    deferral = time.monotonic() + (seconds_before_deferral() if before_deferral is None else before_deferral)
    while (done := _poll_in_task(trigger, operator, context)) is None:
        if time.monotonic() + trigger.poll_seconds > deferral:
            return defer(trigger, operator)
        time.sleep(trigger.poll_seconds)
    if done.skip is not None:
        operator.log.info("Skipped: %s", done.skip)  # Airflow does not log this exception's message
        raise AirflowSkipException(done.skip)
    return done.result


def _poll_in_task(trigger: PollingTrigger, operator: Any, context: Context) -> Done | None:
    try:
        return trigger.poll()
    except Exception:  # what a trigger would tell of it
        lineage.note_failure(operator)
        for key, value in trigger.more_of_failure().items():
            context["ti"].xcom_push(key=key, value=value)
        raise


def defer(trigger: PollingTrigger, operator: Any) -> Any:
    """Leave the operator's task to a trigger."""
    lineage.note_deferral(operator)
    return operator.defer(trigger=trigger, method_name="execute")  # which raises


def ended(event: dict[str, Any], context: Context) -> Any:
    """End a task as its trigger would. dag.test() resumes the task with the trigger's event instead of ending it."""
    for key, value in event.items():
        if key != RESULT:
            context["ti"].xcom_push(key=key, value=value)
    if SKIPPED in event:
        raise AirflowSkipException(event[SKIPPED])
    if FAILURE in event:
        raise AirflowException(event[FAILURE])
    return event.get(RESULT)
