"""Wait until an endpoint is in no state of transition."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from hashtag_retrain.resources import NOT_FOUND
from hashtag_retrain.triggers.polling import PollingTrigger

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
GONE = "Gone"


class EndpointSettledTrigger(PollingTrigger):
    """Fire when an endpoint is InService, Failed, out of service, or gone, with `status` and `reason`."""

    async def look(self, client: Any) -> dict[str, Any] | None:
        try:
            endpoint = await client.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if NOT_FOUND.search(error.response["Error"]["Message"]):
                return {"status": GONE, "reason": "The endpoint does not exist."}
            raise
        if (status := endpoint["EndpointStatus"]) in IN_PROGRESS:
            self.log.info("Endpoint %s: %s", self.name, status)
            return None
        return {"status": status, "reason": endpoint.get("FailureReason", "")}
