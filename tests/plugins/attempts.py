"""A task's attempt as Airflow runs it: the operator in a worker, then its trigger in the triggerer."""

import asyncio
import itertools
import json
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTaskEndEvent

from hashtag_retrain.triggers.polling import ended


class Attempt(SimpleNamespace):
    """A task instance: by default in its first try of three."""

    def __init__(self, try_number: int = 1, **members: Any):
        super().__init__(**{"id": TASK_INSTANCE, "try_number": try_number, "max_tries": 0, "xcoms": {}, **members})

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


TASK_INSTANCE = str(uuid4())
CONTEXT: Any = {"ti": Attempt()}
RETRY: Any = {"ti": Attempt(try_number=2)}


async def event_of(trigger: Any) -> Any:
    """
    The first event's payload: of one that ends the task, the result.

    :raises AirflowException: the trigger fails the attempt
    """
    event = await anext(trigger.run())
    if not isinstance(event, BaseTaskEndEvent):
        return event.payload
    return ended(event.payload, CONTEXT)


def finish(operator: Any, context: Any = None) -> Any:
    """Execute, and where the task defers let the trigger end it, as the triggerer does."""
    try:
        return operator.execute(context or CONTEXT)
    except TaskDeferred as deferral:
        trigger = as_from_the_database(deferral.trigger)
        if isinstance(operator, AwsBaseOperator):
            trigger.client = operator.hook.get_conn()  # so that a test can meddle with the trigger's calls, too
        event = asyncio.run(anext(trigger.run()))
        if isinstance(event, BaseTaskEndEvent):
            return ended(event.payload, context or CONTEXT)
        return operator.execute(context or CONTEXT, event=event.payload)


def as_from_the_database(trigger: Any) -> Any:
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, fromlist=[name]), name)(**json.loads(json.dumps(arguments)))


class WorkerDied(BaseException):
    """As a kill -9 would end it, with no chance to clean up."""


def die_around_call(operator: Any, number: int, when: str) -> None:
    """Let the worker die before or after its so-manieth call of SageMaker."""
    calls = itertools.count(1)

    def maybe_die(**_: Any) -> None:
        if next(calls) == number:
            raise WorkerDied

    operator.hook.get_conn().meta.events.register(f"{when}-call.sagemaker", maybe_die)
