"""The tags by which this product knows its own resources again: whose they are, what for, and until when."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

OWNER = "retrain:owner"
DEADLINE = "retrain:deadline"
PURPOSE = "retrain:purpose"

MAX_VALUE_CHARACTERS = 256
_NOT_IN_TAG_VALUES = re.compile(r"[^\w .:/=+\-@]")


def owner_of(dag_id: str, run_id: str) -> str:
    """The owner's tag value for a DAG run."""
    return _NOT_IN_TAG_VALUES.sub("_", f"{dag_id}/{run_id}")[:MAX_VALUE_CHARACTERS]


def ownership_tags(owner: str, purpose: str, deadline: datetime | None = None) -> dict[str, str]:
    """The tags of one resource."""
    tags = {OWNER: owner, PURPOSE: purpose}
    return tags if deadline is None else {**tags, DEADLINE: deadline.isoformat(timespec="seconds")}


def tag_values(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Values by key, of tags as AWS lists them."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def deadline_in(tags: Iterable[Mapping[str, str]]) -> datetime | None:
    """
    The deadline that a resource carries; None where it carries none that can be read. Without a time zone it is UTC: a
    person may have written it.
    """
    try:
        deadline = datetime.fromisoformat(tag_values(tags)[DEADLINE])
    except (KeyError, ValueError):
        return None
    return deadline if deadline.tzinfo else deadline.replace(tzinfo=UTC)
