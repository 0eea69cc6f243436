"""One interface to SageMaker's models, endpoint configurations, endpoints and jobs: describe, tag, stop, delete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws.clock import time_of
from include.config.ownership import STOPPED, WITH_RUN, tag_values

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""States of an endpoint in which AWS refuses other requests for it."""
NOT_FOUND = re.compile("Could not find|Requested resource not found")
"""AWS's messages for a missing resource or job. Its code, ValidationException, is that of many other errors."""
ABSENT = "-absent"
"""The end of names that no resource has."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of SageMaker resource or job."""

    noun: str
    """Its name in messages."""
    request_name: str
    """Its name in the members of requests, as in EndpointName and EndpointArn."""
    method_name: str
    """Its name in the methods of boto3's client, as in describe_endpoint."""

    def describe(self, client: Any, name: str) -> dict[str, Any] | None:
        """The answer of Describe…; None if there is no resource of this name."""
        try:
            description: dict[str, Any] = self.call(client, "describe", name)
        except ClientError as error:
            if NOT_FOUND.search(error.response["Error"]["Message"]):
                return None
            raise
        return description

    def find(self, client: Any, name: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        """The resource's description and tags; None if there is no resource of this name."""
        if (description := self.describe(client, name)) is None:
            return None
        try:
            return description, tag_values(self.tags(client, description))
        except ClientError as error:
            if NOT_FOUND.search(error.response["Error"]["Message"]):  # deleted after it was described
                return None
            raise

    def tags(self, client: Any, description: Mapping[str, Any]) -> list[dict[str, str]]:
        """All tags of a described resource."""
        pages = client.get_paginator("list_tags").paginate(ResourceArn=description[f"{self.request_name}Arn"])
        return [tag for page in pages for tag in page["Tags"]]

    def list_names(self, client: Any, **filters: str) -> list[str]:
        """
        The names of all resources of this kind.

        :param filters: parameters of List…
        """
        pages = client.get_paginator(f"list_{self.method_name}s").paginate(**filters)
        (entries,) = pages.result_keys
        return [entry[f"{self.request_name}Name"] for page in pages for entry in entries.search(page)]

    def remove(self, client: Any, name: str) -> None:
        """Delete a resource, or stop a job. A resource that is gone, or a job that has ended, is not an error."""
        if self in JOBS:
            self.stop(client, name)
        else:
            self.delete(client, name)

    def stop(self, client: Any, name: str, why: str = WITH_RUN) -> None:
        """
        Stop a job. A job that has ended already is not an error.

        :param why: written to a tag of the job. A job that was stopped with its run is trained again when the run is
            cleared, or when another run has the same data and settings.
        """
        description = self.describe(client, name)
        if description is None:
            return
        with suppress(ClientError, BotoCoreError):  # stop the job even if it cannot be tagged
            tags = [{"Key": STOPPED, "Value": why}]
            client.add_tags(ResourceArn=description[f"{self.request_name}Arn"], Tags=tags)
        try:
            self.call(client, "stop", name)
        except ClientError:
            if (self.describe(client, name) or {}).get(f"{self.request_name}Status") == "InProgress":
                raise

    def delete(self, client: Any, name: str) -> None:
        """Delete a resource. A resource that is gone already is not an error."""
        try:
            self.call(client, "delete", name)
        except ClientError as error:
            if not NOT_FOUND.search(error.response["Error"]["Message"]):
                raise

    def require_removable(self, client: Any, name: str) -> None:
        """
        Ask AWS to remove a resource of this kind that does not exist. AWS checks the permission first. So nothing is
        created that could not be removed again.

        :param name: of the resource to be created; the other name begins like it, as policies are for names
        :raises ClientError: the permission is missing, or AWS cannot be reached
        """
        try:
            self.call(client, "stop" if self in JOBS else "delete", f"{name[:20]}{ABSENT}")
        except ClientError as error:
            if not NOT_FOUND.search(error.response["Error"]["Message"]):
                raise

    def differences(self, description: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
        """
        One line for each value of a request that the described resource does not have. Tags are not compared, and
        neither are values that the request leaves out, because AWS fills in its defaults.
        """
        return _differences(description, {key: value for key, value in request.items() if key != "Tags"}, "")

    def call(self, client: Any, verb: str, name: str, **request: Any) -> Any:
        """
        Call a method of the client; with an async client the result is awaitable.

        :param verb: the method's first word, as in describe_endpoint
        :param name: replaces the name in `request`
        """
        return getattr(client, f"{verb}_{self.method_name}")(**{**request, f"{self.request_name}Name": name})


def _differences(found: Any, wanted: Any, path: str) -> list[str]:
    """:param path: names the value in the lines, as in ProductionVariants[0].InstanceType"""
    members = _members(found, wanted, path)
    if members is not None:
        return [line for member in members for line in _differences(*member)]
    return [] if found == wanted else [f"{path} is {found!r}, not {wanted!r}"]


def _members(found: Any, wanted: Any, path: str) -> list[tuple[Any, Any, str]] | None:
    """The found member, the wanted member and its path, for two objects or two lists of one length; else None."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return [(found.get(key), value, f"{path}.{key}".removeprefix(".")) for key, value in wanted.items()]
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return [(found[index], value, f"{path}[{index}]") for index, value in enumerate(wanted)]
    return None


ENDPOINT = Kind("endpoint", "Endpoint", "endpoint")
ENDPOINT_CONFIG = Kind("endpoint config", "EndpointConfig", "endpoint_config")
MODEL = Kind("model", "Model", "model")
TRAINING_JOB = Kind("training job", "TrainingJob", "training_job")
TUNING_JOB = Kind("tuning job", "HyperParameterTuningJob", "hyper_parameter_tuning_job")
IN_ORDER_OF_CREATION = (MODEL, ENDPOINT_CONFIG, ENDPOINT)
IN_ORDER_OF_DELETION = (ENDPOINT, ENDPOINT_CONFIG, MODEL)
JOBS = (TRAINING_JOB, TUNING_JOB)


def instances_of(client: Any, kind: Kind, description: Mapping[str, Any]) -> tuple[str | None, int]:
    """The type and the number of the instances that AWS bills for a resource; None and 0 if it bills none."""
    if kind is TRAINING_JOB:
        resources = description["ResourceConfig"]
        return resources["InstanceType"], resources["InstanceCount"]
    if kind is not ENDPOINT:
        return None, 0
    name = description.get("EndpointConfigName")  # an endpoint whose creation has failed has none
    config = ENDPOINT_CONFIG.describe(client, name) if name else None
    variants = config["ProductionVariants"] if config else []
    return next((variant["InstanceType"] for variant in variants), "an instance"), len(variants) or 1


def bill_of(client: Any, kind: Kind, description: Mapping[str, Any]) -> str:
    """The instance type and the age of a resource that AWS bills by the hour, in words."""
    try:
        instance_type, _ = instances_of(client, kind, description)
    except (ClientError, BotoCoreError):
        instance_type = "of an instance type that cannot be read"
    # SageMaker's clock gives whole seconds, so a new resource can seem to be created in the future.
    age = max(time_of(description) - description["CreationTime"], timedelta())
    return f"{instance_type}, {age.total_seconds() / 3600:.2f} h old"


def is_owned(client: Any, kind: Kind, description: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether a described resource carries these tags. It may carry others, which a company has added."""
    return tags.items() <= tag_values(kind.tags(client, description)).items()
