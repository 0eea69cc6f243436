"""SageMaker's resources and jobs, described, made and deleted in one way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

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

    def tags(self, client: Any, description: dict[str, Any]) -> list[dict[str, str]]:
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
        if self not in JOBS:
            self.delete(client, name)
            return
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
