"""What all of SageMaker's resources share: a request, an ARN, tags, times, and a place in the store."""

import sys
import threading
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from local_aws.cloud import Cloud
from local_aws.sagemaker.exceptions import ResourceInUse, ResourceLimitExceeded, ValidationException
from local_aws.service_models import service_model

MAX_TAGS = 50


def united(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of tags with the same key the last one counts."""
    return list({tag["Key"]: tag for tag in tags}.values())


def now() -> datetime:
    return datetime.now(UTC)


def internal_error(detail: str = "Please try again.") -> str:
    """A FailureReason, as SageMaker words it where it is to blame itself."""
    return f"InternalServerError: We encountered an internal error. {detail}"


@dataclass
class Resource:
    """
    One resource. Its fields, `cloud` aside, are what the store keeps. `facts` is everything that can be said of it, by
    the names of the service model; answers pick from the facts what their shapes know.
    """

    KIND: ClassVar[str]
    """As it stands in ARNs."""
    NAME_MEMBER: ClassVar[str]
    """Of the requests that name it."""
    SUMMARY: ClassVar[str]
    """Shape of its entry in lists."""
    LOWER_CASE_ARN: ClassVar[bool] = False

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
        """The Describe operation's answer."""
        operation = service_model().operation_model(f"Describe{self.NAME_MEMBER.removesuffix('Name')}")
        return _pick(operation.output_shape.members, self.facts())

    def summarize(self) -> dict[str, Any]:
        """The List operation's entry."""
        return _pick(service_model().shape_for(self.SUMMARY).members, self.facts())

    def contents(self) -> list[str]:
        """Names of the store's contents that the resource refers to."""
        return []

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        """Held by whoever changes the resource, until the change is saved."""
        self._removed = False

    def save(self) -> None:
        """Keep the resource as it is now."""
        with self._lock:
            if not self._removed:
                document = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "cloud"}
                self.cloud.store.save(self.KIND, self.arn, document, self.contents())

    def remove(self) -> None:
        """Keep it no longer."""
        with self._lock:
            self._removed = True
            self.cloud.store.delete(self.KIND, self.arn)

    def change_tags(self, added: list[dict[str, str]], removed: Collection[str] = ()) -> list[dict[str, str]]:
        """
        Add tags, in the place of those with the same key, and remove others. Returns what they are now.

        :raises ResourceLimitExceeded: more than AWS allows
        """
        with self._lock:
            changed = [tag for tag in united([*self.tags, *added]) if tag["Key"] not in removed]
            if len(changed) > MAX_TAGS:
                raise ResourceLimitExceeded(f"A resource can have {MAX_TAGS} tags; this would make {len(changed)}.")
            self.tags = changed
            self.save()
        return changed

    def resume(self) -> None:
        """Go on after a restart."""


def _pick(members: Any, facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in members if facts.get(name) is not None}


R = TypeVar("R", bound=Resource)


class Resources(dict[str, R], Generic[R]):
    """
    The resources of one kind in one account and region, by name.

    :param noun: what SageMaker's messages call one
    """

    def __init__(self, kind: type[R], cloud: Cloud, noun: str):
        super().__init__()
        self.kind, self.cloud, self.noun = kind, cloud, noun

    def arn(self, name: str) -> str:
        return self.cloud.arn(self.kind.KIND, name.lower() if self.kind.LOWER_CASE_ARN else name)

    def create(self, request: dict[str, Any], **state: Any) -> R:
        """Make, save and add a resource; the caller has checked that the name is free."""
        time = now()
        request = dict(request)
        tags = united(request.pop("Tags", []))
        arn = state.pop("arn", None) or self.arn(request[self.kind.NAME_MEMBER])
        resource = self.kind(self.cloud, request, arn, tags, time, time, state.pop("status", None), **state)
        resource.save()
        self[resource.name] = resource
        return resource

    def restore(self) -> None:
        """Take this account's and region's resources from the store."""
        prefix = self.cloud.arn(self.kind.KIND, "")
        for arn, document in self.cloud.store.documents(self.kind.KIND):
            if arn.startswith(prefix):
                resource = self.kind(cloud=self.cloud, **document)
                self[resource.name] = resource

    def resume(self) -> None:
        """Let all go on after a restart; one that cannot does not keep the others from it."""
        for resource in list(self.values()):
            try:
                resource.resume()
            except Exception as error:
                print(f"{resource.arn} cannot go on: {error!r}", file=sys.stderr)

    def remove(self, name: str) -> None:
        self.pop(name).remove()

    def find(self, name: str) -> R:
        """
        :raises ValidationException: not there
        """
        resource = self.get(name)
        if resource is None:
            raise ValidationException(f'Could not find {self.noun} "{self.arn(name)}".')
        return resource

    def refuse_existing(self, name: str) -> None:
        """
        :raises ValidationException: the name is taken
        """
        if name in self:
            raise ValidationException(f'Cannot create already existing {self.noun} "{self[name].arn}".')


class Jobs(Resources[R]):
    """Jobs: their names are taken for as long as they are known, and their messages differ."""

    def find(self, name: str) -> R:
        job = self.get(name)
        if job is None:
            raise ValidationException("Requested resource not found.")
        return job

    def refuse_existing(self, name: str) -> None:
        """
        :raises ResourceInUse: the name is taken
        """
        if name in self:
            noun = self.noun[0].upper() + self.noun[1:]
            raise ResourceInUse(
                f"{noun} names must be unique within an AWS account and region, and a {self.noun} with this name "
                f"already exists ({self[name].arn})"
            )

    def refuse_stop(self, name: str) -> None:
        """
        :raises ValidationException: there is nothing to stop any more
        """
        status = self.find(name).status
        if status not in {"InProgress", "Stopping"}:
            raise ValidationException(f"The request was rejected because the {self.noun} is in status {status}.")
