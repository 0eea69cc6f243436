"""SageMaker's resources and jobs, described, made and deleted in one way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.clock import time_of
from include.config.ownership import STOPPED, WITH_RUN, tag_values

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""States of an endpoint in which AWS takes no other request for it."""
NOT_FOUND = re.compile("Could not find|Requested resource not found")
"""So AWS words it for resources and for jobs; the code is ValidationException, as for any other fault."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of SageMaker resource: its name in words, in requests, and in the client's methods."""

    noun: str
    request_name: str

    @property
    def method_name(self) -> str:
        return self.noun.replace(" ", "_")

    def describe(self, client: Any, name: str) -> dict[str, Any] | None:
        """The resource's description; None where there is none of this name."""
        try:
            description: dict[str, Any] = self.call(client, "describe", name)
        except ClientError as error:
            if NOT_FOUND.search(error.response["Error"]["Message"]):
                return None
            raise
        return description

    def find(self, client: Any, name: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        """The resource's description and its tags; None where there is none of this name, or none any more."""
        if (description := self.describe(client, name)) is None:
            return None
        try:
            return description, tag_values(self.tags(client, description))
        except ClientError as error:
            if NOT_FOUND.search(error.response["Error"]["Message"]):
                return None
            raise

    def tags(self, client: Any, description: Mapping[str, Any]) -> list[dict[str, str]]:
        """All tags of a described resource."""
        pages = client.get_paginator("list_tags").paginate(ResourceArn=description[f"{self.request_name}Arn"])
        return [tag for page in pages for tag in page["Tags"]]

    def list_names(self, client: Any, **filters: str) -> list[str]:
        """Names of all resources of this kind that the list's filters let pass."""
        pages = client.get_paginator(f"list_{self.method_name}s").paginate(**filters)
        (entries,) = pages.result_keys
        return [entry[f"{self.request_name}Name"] for page in pages for entry in entries.search(page)]

    def remove(self, client: Any, name: str) -> None:
        """Delete a resource, stop a job; that it is gone or has ended already is no error."""
        if self in JOBS:
            self.stop(client, name)
        else:
            self.delete(client, name)

    def stop(self, client: Any, name: str, why: str = WITH_RUN) -> None:
        """
        Stop a job; that it has ended already is no error. A tag says why: what was stopped with its run is no reason
        for another run of the same data and settings, or for this one when it is cleared, not to train.
        """
        description = self.describe(client, name)
        if description is None:
            return
        with suppress(ClientError, BotoCoreError):  # stopping it counts for more
            tags = [{"Key": STOPPED, "Value": why}]
            client.add_tags(ResourceArn=description[f"{self.request_name}Arn"], Tags=tags)
        try:
            self.call(client, "stop", name)
        except ClientError:
            if (self.describe(client, name) or {}).get(f"{self.request_name}Status") == "InProgress":
                raise

    def delete(self, client: Any, name: str) -> None:
        """Delete; that it is gone already is no error."""
        try:
            self.call(client, "delete", name)
        except ClientError as error:
            if not NOT_FOUND.search(error.response["Error"]["Message"]):
                raise

    def differences(self, description: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
        """
        In what a described resource is other than a request asks for, in words. What a request does not name, as a
        default, is not compared; nor are tags.
        """
        return _differences(description, {key: value for key, value in request.items() if key != "Tags"}, "")

    def call(self, client: Any, verb: str, name: str, **request: Any) -> Any:
        """The client's method for a verb, with this name whatever the request says; of an async client, awaitable."""
        return getattr(client, f"{verb}_{self.method_name}")(**{**request, f"{self.request_name}Name": name})


def _differences(found: Any, wanted: Any, where: str) -> list[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        keys = {key: f"{where}.{key}" if where else key for key in wanted}
        return [line for key, path in keys.items() for line in _differences(found.get(key), wanted[key], path)]
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        pairs = enumerate(zip(found, wanted, strict=True))
        return [line for number, pair in pairs for line in _differences(*pair, f"{where}[{number}]")]
    return [] if found == wanted else [f"{where} is {found!r}, not {wanted!r}"]


ENDPOINT = Kind("endpoint", "Endpoint")
ENDPOINT_CONFIG = Kind("endpoint config", "EndpointConfig")
MODEL = Kind("model", "Model")
TRAINING_JOB = Kind("training job", "TrainingJob")
TUNING_JOB = Kind("hyper parameter tuning job", "HyperParameterTuningJob")
IN_ORDER_OF_CREATION = (MODEL, ENDPOINT_CONFIG, ENDPOINT)
IN_ORDER_OF_DELETION = (ENDPOINT, ENDPOINT_CONFIG, MODEL)
JOBS = (TRAINING_JOB, TUNING_JOB)


def instances_of(client: Any, kind: Kind, description: Mapping[str, Any]) -> tuple[str | None, int]:
    """Type and number of the instances that are billed for a resource."""
    if kind is TRAINING_JOB:
        resources = description["ResourceConfig"]
        return resources["InstanceType"], resources["InstanceCount"]
    if kind is not ENDPOINT:
        return None, 0
    config = ENDPOINT_CONFIG.describe(client, description["EndpointConfigName"])
    variants = config["ProductionVariants"] if config else []
    return next((variant["InstanceType"] for variant in variants), "an instance"), len(variants) or 1


def bill_of(client: Any, kind: Kind, description: Mapping[str, Any]) -> str:
    """Instance type and age of a resource that is billed by the hour, in words."""
    try:
        instance_type, _ = instances_of(client, kind, description)
    except (ClientError, BotoCoreError):
        instance_type = "of an instance type that cannot be read"
    age = max(time_of(description) - description["CreationTime"], timedelta())  # SageMaker's clock gives whole seconds
    return f"{instance_type}, {age.total_seconds() / 3600:.2f} h old"


def is_owned(client: Any, kind: Kind, description: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether a described resource carries these tags; a company's own tags may have come to them."""
    return tags.items() <= tag_values(kind.tags(client, description)).items()
