"""SageMaker's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any


def time_of(response: Mapping[str, Any]) -> datetime:
    """
    The time of an answer by SageMaker's clock (HTTP's Date header, in whole seconds). Deadlines are set and checked by
    this clock, because the clock of a worker or of a triggerer may be wrong.
    """
    return parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])


def time_now(client: Any) -> datetime:
    """The current time by SageMaker's clock."""
    return time_of(client.list_endpoints(MaxResults=1))
