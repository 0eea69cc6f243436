"""The live endpoints of a deployment, and what AWS bills for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.aws.clock import time_of
from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG
from include.config.names import live_endpoint_name
from include.config.ownership import DEPLOYMENT, LIVE, VERSION, tag_value


@dataclass(frozen=True, slots=True)
class LiveEndpoint:
    """A live endpoint that exists."""

    name: str
    hashtag: str
    status: str
    version: str
    """The number of the version that it serves."""
    instance_type: str
    instances: int
    created_at: datetime
    age_hours: float
    hours_this_month: float
    """Instance hours since the start of the month. Those of updates, which need twice the instances, are not in it."""

    def __str__(self) -> str:
        return (
            f"{self.name} (version {self.version}, {self.status}): {self.age_hours:,.1f} hours old; AWS bills "
            f"{self.instances} x {self.instance_type}, this month {self.hours_this_month:,.1f} instance hours so far"
        )


def live_endpoint_of(client: Any, hashtag: str, deployment: str) -> LiveEndpoint | None:
    """The live endpoint of a hashtag; None if it has none in this deployment."""
    return _described(client, live_endpoint_name(hashtag), deployment)


def live_endpoints(client: Any, deployment: str) -> list[LiveEndpoint]:
    """All live endpoints of this deployment."""
    names = [name for name in ENDPOINT.list_names(client, NameContains="-live") if name.endswith("-live")]
    found = [_described(client, name, deployment) for name in names]
    return [endpoint for endpoint in found if endpoint is not None]


def _described(client: Any, name: str, deployment: str) -> LiveEndpoint | None:
    found = ENDPOINT.find(client, name)
    if found is None or LIVE not in found[1] or found[1].get(DEPLOYMENT) != tag_value(deployment):
        return None
    endpoint, tags = found
    config_name = endpoint.get("EndpointConfigName")  # an endpoint whose creation has failed has none
    config = ENDPOINT_CONFIG.find(client, config_name) if config_name else None
    description, config_tags = config or ({}, {})
    variant = _variant(description)
    now, created = time_of(endpoint), endpoint["CreationTime"]
    instances = int(variant.get("InitialInstanceCount", 1))
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return LiveEndpoint(
        name=name,
        hashtag=tags[LIVE],
        status=endpoint["EndpointStatus"],
        version=config_tags.get(VERSION, "unknown"),
        instance_type=variant.get("InstanceType", "an unknown instance type"),
        instances=instances,
        created_at=created,
        age_hours=_hours(now - created),
        hours_this_month=_hours(now - max(created, month)) * instances,
    )


def _variant(config: Mapping[str, Any]) -> Mapping[str, Any]:
    variants: list[Mapping[str, Any]] = config.get("ProductionVariants", [])
    return variants[0] if variants else {}


def _hours(duration: timedelta) -> float:
    """Not negative: SageMaker's clock gives whole seconds, so a new endpoint can seem to be created in the future."""
    return max(duration.total_seconds(), 0.0) / 3600
