"""What all resources have in common, Glue's too: a request, an ARN, tags, times, and a document in the store."""

import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from local_aws.cloud import Cloud
from local_aws.sagemaker.exceptions import ResourceLimitExceeded, ValidationException
from local_aws.service_models import SAGEMAKER, service_model
from local_aws.store import NotKept
from local_aws.terminal import tell

MAX_TAGS = 50
RETRY_SECONDS = 1.0
"""Between two tries to save, as long as the disk is full."""
MAX_REASON_LENGTH = 1024
"""A FailureReason is cut after this many characters."""


def merge_tags(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """Keep the last one of tags with the same key."""
    return list({tag["Key"]: tag for tag in tags}.values())


def now() -> datetime:
    return datetime.now(UTC)


def internal_error(detail: str = "Please try again.") -> str:
    """The FailureReason that SageMaker gives for its own faults."""
    return f"InternalServerError: We encountered an internal error. {detail}"


@dataclass
class Resource:
    """
    One resource. The store keeps its fields, except `cloud`.

    `facts` are all the members that any answer about the resource has. Each answer picks those that its shape has.
    """

    KIND: ClassVar[str]
    """The resource type in ARNs."""
    NAME_MEMBER: ClassVar[str]
    """The member of requests that holds the resource's name."""
    SUMMARY: ClassVar[str]
    """The shape of the resource's entry in lists."""
    SERVICE: ClassVar[str] = SAGEMAKER
    LOWER_CASE_ARN: ClassVar[bool] = False
    MAX_COUNT: ClassVar[int] = 10_000
    """There can be so many resources of this kind in a region."""

    cloud: Cloud
    request: dict[str, Any]
    arn: str
    tags: list[dict[str, str]]
    created: datetime
    modified: datetime
    status: str | None

    @property
    def name(self) -> str:
        name: str = self.request[self.NAME_MEMBER]
        return name

    def facts(self) -> dict[str, Any]:
        return self.request | {"CreationTime": self.created, "LastModifiedTime": self.modified}

    def describe(self) -> dict[str, Any]:
        """The answer of the Describe operation."""
        operation = service_model().operation_model(f"Describe{self.NAME_MEMBER.removesuffix('Name')}")
        return _pick(operation.output_shape.members, self.facts())

    def summarize(self) -> dict[str, Any]:
        """The entry in the answer of the List operation."""
        return self.as_shape(self.SUMMARY)

    def as_shape(self, name: str) -> dict[str, Any]:
        """The members that a shape of the service model has."""
        return _pick(service_model(self.SERVICE).shape_for(name).members, self.facts())

    def contents(self) -> list[str]:
        """The names of the store's contents that the resource refers to."""
        return []

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        """Held while the resource is changed and saved."""
        self._removed = self._waiting = False

    def save(self) -> None:
        """
        Save the resource in the store, unless it has been deleted.

        :raises NotKept: it cannot be saved
        """
        with self._lock:
            if not self._removed:
                document = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "cloud"}
                self.cloud.store.save(self.KIND, self.arn, document, self.contents())

    def change(self, **values: Any) -> None:
        """
        Set fields and save the resource.

        :raises NotKept: it cannot be saved; then the fields are as they were
        """
        with self._lock:
            before = {name: getattr(self, name) for name in values}
            try:
                self._set(values)
                self.save()
            except NotKept:
                self._set(before)
                raise

    def _set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def save_or_retry(self) -> None:
        """Save what has happened to the resource; as long as that is not possible, try again in the background."""
        with self._lock:
            try:
                self.save()
            except NotKept as error:
                if not self._waiting:
                    tell(f"{self.arn}: {error} Trying again.")
                    self._waiting = True
                    threading.Thread(target=self._retry, daemon=True, name=f"save-{self.name}").start()

    def _retry(self) -> None:
        while self._waiting:
            time.sleep(RETRY_SECONDS)
            with self._lock, suppress(NotKept):
                self.save()
                self._waiting = False

    def remove(self) -> None:
        """
        Delete the resource from the store.

        :raises NotKept: it cannot be deleted
        """
        with self._lock:
            self.cloud.store.delete(self.KIND, self.arn)
            self._removed = True

    def change_tags(self, added: list[dict[str, str]], removed: Collection[str] = ()) -> list[dict[str, str]]:
        """
        Add tags, replacing those with the same key, and remove others. Return all tags.

        :raises ResourceLimitExceeded: there would be more tags than AWS allows
        """
        with self._lock:
            changed = [tag for tag in merge_tags([*self.tags, *added]) if tag["Key"] not in removed]
            if len(changed) > MAX_TAGS:
                raise ResourceLimitExceeded(f"A resource can have {MAX_TAGS} tags; this would make {len(changed)}.")
            self.change(tags=changed)
        return changed

    def resume(self) -> None:
        """Continue after a restart."""


def require_below(used: int, limit: int, quota: str) -> None:
    """
    :raises ResourceLimitExceeded: a quota is used up
    """
    if used >= limit:
        raise ResourceLimitExceeded(
            f"The account-level service limit '{quota}' is {limit}, with current utilization of {used} and a request "
            "delta of 1. Please delete some first. (It is the local AWS's own limit.)"
        )


def cut_reason(reason: str | None) -> str | None:
    """A FailureReason of the length that answers allow."""
    return reason and reason[:MAX_REASON_LENGTH]


def _pick(members: Any, facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in members if facts.get(name) is not None}


R = TypeVar("R", bound=Resource)


class Resources(dict[str, R], Generic[R]):
    """
    The resources of one kind in one account and region, by name.

    :param noun: what SageMaker's messages call such a resource
    """

    def __init__(self, kind: type[R], cloud: Cloud, noun: str):
        super().__init__()
        self.kind, self.cloud, self.noun = kind, cloud, noun

    def arn(self, name: str) -> str:
        name = name.lower() if self.kind.LOWER_CASE_ARN else name
        return self.cloud.arn(self.kind.KIND, name, self.kind.SERVICE)

    def create(self, request: dict[str, Any], **state: Any) -> R:
        """
        Create, save and add a resource. The caller has checked that the name is free.

        :raises ResourceLimitExceeded: there are too many of this kind
        """
        self.require_room()
        created = now()
        request = dict(request)
        tags = merge_tags(request.pop("Tags", []))
        arn = state.pop("arn", None) or self.arn(request[self.kind.NAME_MEMBER])
        resource = self.kind(self.cloud, request, arn, tags, created, created, state.pop("status", None), **state)
        resource.save()
        self[resource.name] = resource
        return resource

    def require_room(self) -> None:
        """
        :raises ResourceLimitExceeded: there are as many of this kind as there can be
        """
        require_below(len(self), self.kind.MAX_COUNT, f"Number of {self.noun}s")

    def restore(self) -> None:
        """Load the resources of this account and region from the store."""
        prefix = self.arn("")
        for arn, document in self.cloud.store.documents(self.kind.KIND):
            if arn.startswith(prefix):
                resource = self.kind(cloud=self.cloud, **document)
                self[resource.name] = resource

    def resume(self) -> None:
        """Let all resources continue after a restart. One that cannot does not stop the others."""
        for resource in list(self.values()):
            try:
                resource.resume()
            except Exception as error:
                tell(f"{resource.arn} cannot continue: {error!r}")

    def remove(self, name: str) -> None:
        self[name].remove()
        self.pop(name, None)

    def delete(self, name: str) -> None:
        """
        :raises ValidationException: there is no resource with this name
        """
        self.remove(self.find(name).name)

    def find(self, name: str) -> R:
        """
        :raises ValidationException: there is no resource with this name
        """
        resource = self.get(name)
        if resource is None:
            raise ValidationException(f'Could not find {self.noun} "{self.arn(name)}".')
        return resource

    def refuse_existing(self, name: str) -> None:
        """
        :raises ValidationException: the name is taken
        """
        arn = self.arn(name)  # for some kinds in lower case, so that names that differ by case only are one name
        if any(resource.arn == arn for resource in list(self.values())):
            raise ValidationException(f'Cannot create already existing {self.noun} "{arn}".')
