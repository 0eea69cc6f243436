"""Wait until an endpoint is in no state of transition, or until its deadline has passed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time import hitl
from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async
from botocore.exceptions import ClientError

from hashtag_retrain.clock import time_of
from hashtag_retrain.resources import NOT_FOUND
from hashtag_retrain.triggers.polling import PollingTrigger
from include.ownership import deadline_in

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
GONE = "Gone"
SECONDS_TO_NOTE_A_DEFERRAL = 5
"""More than the scheduler takes to see that a task's process has ended."""


class EndpointTrigger(PollingTrigger):
    """Look at an endpoint; that it is gone is an event, with `status` and `reason`."""

    async def look(self, client: Any) -> dict[str, Any] | None:
        try:
            return await self.look_at(client, await client.describe_endpoint(EndpointName=self.name))
        except ClientError as error:
            if NOT_FOUND.search(error.response["Error"]["Message"]):
                return {"status": GONE, "reason": "The endpoint does not exist."}
            raise

    async def look_at(self, client: Any, endpoint: dict[str, Any]) -> dict[str, Any] | None:
        """The event to fire for a described endpoint, or None to look again later."""
        raise NotImplementedError


class EndpointSettledTrigger(EndpointTrigger):
    """Fire when an endpoint is InService, Failed, out of service, or gone, with `status` and `reason`."""

    async def look_at(self, client: Any, endpoint: dict[str, Any]) -> dict[str, Any] | None:
        if (status := endpoint["EndpointStatus"]) in IN_PROGRESS:
            self.log.info("Endpoint %s: %s", self.name, status)
            return None
        return {"status": status, "reason": endpoint.get("FailureReason", "")}


class EndpointDeadlineTrigger(EndpointTrigger):
    """
    Fire when the deadline in an endpoint's tag has passed by SageMaker's clock, or cannot be read, or when the endpoint
    is gone. The tag is read at each look, so that a deadline that is moved counts at once.

    An answer to the task's question may be there already: given in the moment before the deferral, or while the
    scheduler had not noted the deferral yet. It then counts the task as failed, drops the event, and tries again. So
    it is looked for first, and fired when the scheduler has had the time.

    :param asked: the id of the task instance whose question it is, if it has one
    """

    def __init__(self, name: str, poll_seconds: float, hook_arguments: dict[str, Any], asked: str = "") -> None:
        super().__init__(name, poll_seconds, hook_arguments)
        self.asked = asked

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path, arguments = super().serialize()
        return path, {**arguments, "asked": self.asked}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.asked and (answer := await sync_to_async(_answer_to)(UUID(self.asked))):
            await asyncio.sleep(SECONDS_TO_NOTE_A_DEFERRAL)
            yield TriggerEvent(answer)
            return
        async for event in super().run():
            yield event

    async def look_at(self, client: Any, endpoint: dict[str, Any]) -> dict[str, Any] | None:
        pages = client.get_paginator("list_tags").paginate(ResourceArn=endpoint["EndpointArn"])
        deadline = deadline_in([tag async for page in pages for tag in page["Tags"]])
        if deadline is not None and time_of(endpoint) < deadline:
            return None
        return {"status": endpoint["EndpointStatus"], "reason": f"The deadline is {deadline}."}


def _answer_to(task_instance: UUID) -> dict[str, Any] | None:
    """As Airflow gives it to a task that an answer resumes; None where nobody has answered yet, or was asked."""
    try:
        question = hitl.get_hitl_detail_content_detail(task_instance)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return None
        raise
    if question is None or not question.response_received:  # None in dag.test(), where nobody can answer
        return None
    user = question.responded_by_user
    return {
        "chosen_options": list(question.chosen_options or []),
        "params_input": question.params_input or {},
        "responded_by_user": user and {"id": user.id, "name": user.name},
    }
