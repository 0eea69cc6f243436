"""Wait until an endpoint is in no state of transition, or until its deadline has passed."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from hashtag_retrain.clock import time_of
from hashtag_retrain.resources import NOT_FOUND
from hashtag_retrain.triggers.polling import PollingTrigger
from include.ownership import deadline_in

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
GONE = "Gone"


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
    """

    async def look_at(self, client: Any, endpoint: dict[str, Any]) -> dict[str, Any] | None:
        pages = client.get_paginator("list_tags").paginate(ResourceArn=endpoint["EndpointArn"])
        deadline = deadline_in([tag async for page in pages for tag in page["Tags"]])
        if deadline is not None and time_of(endpoint) < deadline:
            return None
        return {"status": endpoint["EndpointStatus"], "reason": f"The deadline is {deadline}."}
