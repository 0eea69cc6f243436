"""The tags by which this product knows its own resources again: whose they are, what for, and until when."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

OWNER = "retrain:owner"
DEADLINE = "retrain:deadline"
PURPOSE = "retrain:purpose"
DEPLOYMENT = "retrain:deployment"
STOPPED = "retrain:stopped"
"""On a job that this product has stopped: why."""
WITH_RUN, TOO_LONG = "with its run", "it took too long"

MAX_VALUE_CHARACTERS = 256
_DIGEST = "="
_NOT_IN_TAG_VALUES = re.compile(r"[^\w .:/=+\-@]")


def owner_of(dag_id: str, run_id: str) -> str:
    """The owner's tag value for a DAG run; where a tag cannot hold it, shortened or changed, with a digest behind =."""
    run = f"{dag_id}/{run_id}"
    value = tag_value(run)
    if value == run and _DIGEST not in run:
        return value
    digest = hashlib.sha256(run.encode()).hexdigest()[:12]
    return f"{value[: MAX_VALUE_CHARACTERS - len(digest) - 1]}{_DIGEST}{digest}"


def run_of(owner: str) -> tuple[str, str] | None:
    """DAG id and run id of an owner's tag value; None where the value does not tell."""
    dag_id, slash, run_id = owner.partition("/")
    return (dag_id, run_id) if slash and _DIGEST not in owner else None


def tag_value(text: str) -> str:
    """A text as AWS takes it for a tag's value."""
    return _NOT_IN_TAG_VALUES.sub("_", text)[:MAX_VALUE_CHARACTERS]


def ownership_tags(owner: str, deployment: str, purpose: str, deadline: datetime | None = None) -> dict[str, str]:
    """The tags of one resource."""
    tags = {OWNER: owner, DEPLOYMENT: tag_value(deployment), PURPOSE: tag_value(purpose)}
    return tags if deadline is None else {**tags, DEADLINE: deadline.isoformat(timespec="seconds")}


def tag_values(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Values by key, of tags as AWS lists them."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def deadline_in(tags: Mapping[str, str]) -> datetime | None:
    """
    The deadline in a resource's tags, values by key; None where it carries none that can be read. Without a time zone
    it is UTC: a person may have written it.
    """
    try:
        deadline = datetime.fromisoformat(tags[DEADLINE])
    except (KeyError, ValueError):
        return None
    return deadline if deadline.tzinfo else deadline.replace(tzinfo=UTC)
