"""What all of SageMaker's resources share: a request, an ARN, tags, times, and a place in the store."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from include.local_aws.cloud import Cloud
from include.local_aws.sagemaker.exceptions import ResourceInUse, ResourceLimitExceeded, ValidationException
from include.local_aws.service_models import service_model

MAX_TAGS = 50


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

    @property
    def store_key(self) -> str:
        return self.arn

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

    def save(self) -> None:
        document = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "cloud"}
        self.cloud.store.save(self.KIND, self.store_key, document, self.contents())

    def set_tags(self, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """
        Change the tags; of two with the same key the last one counts. Returns what they are now.

        :raises ResourceLimitExceeded: more than AWS allows
        """
        changed = list({tag["Key"]: tag for tag in tags}.values())
        if len(changed) > MAX_TAGS:
            raise ResourceLimitExceeded(f"A resource can have {MAX_TAGS} tags; this would make {len(changed)}.")
        self.tags = changed
        self.save()
        return self.tags

    def resume(self) -> None:
        """Go on after a restart."""


def _pick(members: Any, facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in members if facts.get(name) is not None}


R = TypeVar("R", bound=Resource)


class Collection(dict[str, R], Generic[R]):
    """
    The resources of one kind in one account and region, by name.

    :param noun: what SageMaker's messages call one
    """

    def __init__(self, kind: type[R], cloud: Cloud, noun: str):
        super().__init__()
        self.kind, self.cloud, self.noun = kind, cloud, noun

    def arn(self, name: str) -> str:
        return self.cloud.arn(self.kind.KIND, name)

    def create(self, request: dict[str, Any], **state: Any) -> R:
        """Make, save and add a resource; the caller has checked that the name is free."""
        time = now()
        request = dict(request)
        tags = request.pop("Tags", [])
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

    def remove(self, name: str) -> None:
        resource = self.pop(name)
        self.cloud.store.delete(self.kind.KIND, resource.store_key)

    def find(self, name: str) -> R:
        """
        :raises ValidationException: not there
        """
        if name not in self:
            raise ValidationException(f'Could not find {self.noun} "{self.arn(name.lower())}".')
        return self[name]

    def refuse_existing(self, name: str) -> None:
        """
        :raises ValidationException: the name is taken
        """
        if name in self:
            raise ValidationException(f'Cannot create already existing {self.noun} "{self[name].arn}".')


class Jobs(Collection[R]):
    """Jobs: their names are taken for as long as they are known, and their messages differ."""

    def find(self, name: str) -> R:
        if name not in self:
            raise ValidationException("Requested resource not found.")
        return self[name]

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
