"""What the triggers that look at a SageMaker resource again and again have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.triggers.base import BaseTrigger, TriggerEvent


class PollingTrigger(BaseTrigger):
    """
    Look at a resource until `look` has an event to fire.

    :param name: the resource's name
    :param poll_seconds: seconds between two looks
    :param hook_arguments: SageMakerHook's: aws_conn_id, region_name, verify, config
    """

    def __init__(self, name: str, poll_seconds: float, hook_arguments: dict[str, Any]) -> None:
        super().__init__()
        self.name = name
        self.poll_seconds = poll_seconds
        self.hook_arguments = hook_arguments

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {
            "name": self.name,
            "poll_seconds": self.poll_seconds,
            "hook_arguments": self.hook_arguments,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        async with await self.connect() as client:
            while (event := await self.look(client)) is None:
                await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent(event)

    async def look(self, client: Any) -> dict[str, Any] | None:
        """The event to fire, or None to look again later."""
        raise NotImplementedError

    async def connect(self) -> Any:
        """An asynchronous SageMaker client."""
        return await SageMakerHook(**self.hook_arguments).get_async_conn()
