"""Tags on this product's SageMaker resources: the owning run, the purpose, the deadline, the deployment."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

PREFIX = "retrain:"
"""The keys of all tags of this product begin with this."""
OWNER = "retrain:owner"
DEADLINE = "retrain:deadline"
PURPOSE = "retrain:purpose"
DEPLOYMENT = "retrain:deployment"
LIVE = "retrain:live"
"""On what belongs to a live endpoint; the value is the hashtag. Such resources have no owner and no deadline."""
VERSION, DATE = "retrain:version", "retrain:date"
"""On the endpoint configurations of live endpoints: the version that they serve, and the date of its tweets."""
PROMOTING = "retrain:promoting"
"""On a live endpoint during an update: the new configuration, and when the endpoint was last modified before."""
STOPPED = "retrain:stopped"
"""On a job that this product has stopped; the value is one of the two reasons below."""
WITH_RUN, TOO_LONG = "with its run", "it took too long"

MAX_VALUE_CHARACTERS = 256
MAX_TAGS = 9
"""There are no more keys than these, so that a company can have the other 41 of AWS's 50 tags."""
_DIGEST = "="
"""Precedes the digest in an owner's tag that could not hold the run's ids as they are."""
_NOT_IN_TAG_VALUES = re.compile(r"[^\w .:/=+\-@]")


def owner_of(dag_id: str, run_id: str) -> str:
    """
    The owner's tag value for a DAG run: DAG id, slash, run id.

    If a tag cannot hold these, the value is shortened, forbidden characters are replaced, and a digest makes it unique.
    """
    run = f"{dag_id}/{run_id}"
    value = tag_value(run)
    if value == run and _DIGEST not in run:
        return value
    digest = hashlib.sha256(run.encode()).hexdigest()[:12]
    return f"{value[: MAX_VALUE_CHARACTERS - len(digest) - 1]}{_DIGEST}{digest}"


def run_of(owner: str) -> tuple[str, str] | None:
    """DAG id and run id from an owner's tag value; None if the value was shortened or changed."""
    dag_id, slash, run_id = owner.partition("/")
    return (dag_id, run_id) if slash and _DIGEST not in owner else None


def tag_value(text: str) -> str:
    """Make a valid tag value from a text: replace forbidden characters, and shorten it."""
    return _NOT_IN_TAG_VALUES.sub("_", text)[:MAX_VALUE_CHARACTERS]


def ownership_tags(owner: str, deployment: str, purpose: str, deadline: datetime | None = None) -> dict[str, str]:
    """The tags for a new resource."""
    tags = {OWNER: owner, DEPLOYMENT: tag_value(deployment), PURPOSE: tag_value(purpose)}
    return tags if deadline is None else {**tags, DEADLINE: deadline.isoformat(timespec="seconds")}


def live_tags(hashtag: str, deployment: str) -> dict[str, str]:
    """The tags of a live endpoint and of all that belongs to it."""
    return {LIVE: hashtag, DEPLOYMENT: tag_value(deployment), PURPOSE: f"live endpoint of {hashtag}"}


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Those of this product: by them it knows what it owns. A company's own tags may change at any time."""
    return {key: value for key, value in tags.items() if key.startswith(PREFIX)}


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form of AWS requests."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_values(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Values by key, from tags in the form of AWS's answers."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def deadline_in(tags: Mapping[str, str]) -> datetime | None:
    """
    The deadline from a resource's tags (values by key), in UTC; None if there is none, or if it is not a time.

    A time without a time zone, which a person may have written, is taken as UTC.
    """
    try:
        deadline = datetime.fromisoformat(tags[DEADLINE])
        return deadline.astimezone(UTC) if deadline.tzinfo else deadline.replace(tzinfo=UTC)
    except (KeyError, ValueError, OverflowError):  # an overflow: in UTC, it is before year 1 or after year 9999
        return None
