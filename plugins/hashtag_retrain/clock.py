"""SageMaker's own clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any


def time_of(response: Mapping[str, Any]) -> datetime:
    """
    When SageMaker gave an answer (HTTP's Date, to the second). Deadlines are set and checked by it, because the clock
    of a worker or of a triggerer may be wrong.
    """
    return parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])


def time_now(client: Any) -> datetime:
    """What time it is, for SageMaker."""
    return time_of(client.list_endpoints(MaxResults=1))
