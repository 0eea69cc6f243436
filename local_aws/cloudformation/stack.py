"""A stack: the resources of a template, made in the order in which they need each other."""

import re
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.utilities.utils import get_partition

from local_aws.cloudformation.exceptions import InsufficientCapabilitiesException, ValidationError
from local_aws.cloudformation.resource_types import TYPES, AlreadyThere, Made, Properties, Services, check_supported
from local_aws.cloudformation.template import NO_VALUE, RETAINING, Template

MAX_EVENTS = 1_000
"""Of a stack. The oldest are dropped."""
FAILURES = (ClientError, BotoCoreError, AlreadyThere, KeyError, ValueError, TypeError)
"""What a resource's calls raise if it cannot be made of its properties."""
_LETTERS = string.ascii_uppercase + string.digits


@dataclass(slots=True)
class Resource:
    """A resource of a stack."""

    kind: str
    name: str
    properties: dict[str, Any]
    ref: str
    attributes: dict[str, str]
    is_retained: bool
    """Whether it stays when the stack is deleted, or when the template no longer has it."""
    status: str = "CREATE_COMPLETE"
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def made(self) -> Made:
        return Made(self.ref, self.attributes)


@dataclass(slots=True)
class Wanted:
    """What a stack is to become."""

    body: str
    parameters: dict[str, str]
    tags: list[dict[str, str]]
    capabilities: list[str]

    @property
    def template(self) -> Template:
        return Template.read(self.body)


@dataclass(slots=True)
class Stack:
    """A stack and its resources, by their names in the template."""

    name: str
    region: str
    identifier: str
    """Its ARN."""
    wanted: Wanted
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None

    @classmethod
    def named(cls, name: str, region: str, wanted: Wanted) -> "Stack":
        arn = f"arn:{get_partition(region)}:cloudformation:{region}:{DEFAULT_ACCOUNT_ID}:stack/{name}/{uuid.uuid4()}"
        return cls(name, region, arn, wanted)

    @property
    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Stack":
        resources = {name: Resource(**fields) for name, fields in document["resources"].items()}
        return cls(**{**document, "resources": resources, "wanted": Wanted(**document["wanted"])})

    def create(self, services: Services) -> None:
        """Make all resources; if one cannot be made, delete them again."""
        self._enter("CREATE_IN_PROGRESS")
        try:
            self._carry_out(services, self.wanted)
        except FAILURES as failure:
            # As with RetainExceptOnCreate: what has just been made is empty.
            self._roll_back("", failure, lambda: self._delete(services, list(self.resources)))
        else:
            self._enter("CREATE_COMPLETE")

    def update(self, services: Services, wanted: Wanted) -> None:
        """Change the resources that differ; if one cannot be changed, go back to what was there."""
        former, self.updated, known = self.wanted, datetime.now(UTC), set(self.resources)
        self._enter("UPDATE_IN_PROGRESS")
        try:
            self._carry_out(services, wanted)
        except FAILURES as failure:
            for name in set(self.resources) - known:
                self.resources[name].is_retained = False  # what has just been made is empty
            self._roll_back("UPDATE_", failure, lambda: self._carry_out(services, former))
        else:
            self.wanted = wanted
            self._enter("UPDATE_COMPLETE")

    def delete(self, services: Services) -> None:
        """Delete all resources but those to be retained."""
        self._enter("DELETE_IN_PROGRESS")
        try:
            self._delete(services, [name for name, resource in self.resources.items() if not resource.is_retained])
        except FAILURES as failure:
            self._enter("DELETE_FAILED", _words(failure))
        else:
            self._enter("DELETE_COMPLETE")

    def restore(self, services: Services) -> None:
        """Make again, with their former names, the resources that their services do not keep over a restart."""
        former, self.resources = self.resources, {}
        if not former:  # it was rolled back
            return
        self._carry_out(services, self.wanted, restored=former)

    def changes(self, wanted: Wanted) -> list[dict[str, Any]]:
        """What an update would do, as in DescribeChangeSet."""
        template, values = wanted.template, self._values(wanted)
        names = template.wanted_resources(values)
        changes = []
        for name in names:
            resource = template.resources[name]
            properties = template.evaluate(resource.get("Properties", {}), values, self._known)
            check_supported(resource["Type"], properties)
            if name not in self.resources:
                changes.append(_change("Add", name, resource["Type"]))
            elif properties != self.resources[name].properties:
                replacement = str(_must_replace(self.resources[name], properties))
                change = _change("Modify", name, resource["Type"], self.resources[name].ref)
                changes.append({**change, "ResourceChange": {**change["ResourceChange"], "Replacement": replacement}})
        removed = [name for name in self.resources if name not in names]
        return [*changes, *(_change("Remove", n, self.resources[n].kind, self.resources[n].ref) for n in removed)]

    def check(self, wanted: Wanted) -> None:
        """
        :raises ServiceException: the template or its parameters cannot be carried out
        """
        try:
            template = wanted.template
            if template.makes_identities and not wanted.capabilities:
                raise InsufficientCapabilitiesException("Requires capabilities : [CAPABILITY_IAM]")
            self.changes(wanted)
            for output in template.outputs.values():
                _described(template.evaluate(output, self._values(wanted), self._known))
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError, re.error) as error:
            raise ValidationError(f"Template format error: {error!r}") from error

    def _roll_back(self, kind: str, failure: Exception, undo: Callable[[], None]) -> None:
        self._enter(f"{kind}ROLLBACK_IN_PROGRESS", _words(failure))
        try:
            undo()
        except FAILURES as second:
            self._enter(f"{kind}ROLLBACK_FAILED", f"{_words(failure)}; then {_words(second)}")
        else:
            self._enter(f"{kind}ROLLBACK_COMPLETE", _words(failure))

    def _carry_out(self, services: Services, wanted: Wanted, restored: Mapping[str, Resource] | None = None) -> None:
        template, values = wanted.template, self._values(wanted)
        names = template.wanted_resources(values)
        for name in names:
            declared = template.resources[name]
            properties = template.evaluate(declared.get("Properties", {}), values, self._known)
            self._put(services, name, declared, properties, (restored or {}).get(name))
        self._delete(services, [n for n in self.resources if n not in names and not self.resources[n].is_retained])
        self.resources = {name: self.resources[name] for name in names}
        self.outputs = [
            {"OutputKey": key, **_described(template.evaluate(output, values, self._known))}
            for key, output in template.outputs.items()
            if template.holds(output.get("Condition"), values)
        ]

    def _put(
        self,
        services: Services,
        name: str,
        declared: Mapping[str, Any],
        properties: dict[str, Any],
        restored: Resource | None,
    ) -> None:
        kind, existing = declared["Type"], self.resources.get(name)
        if existing and existing.properties == properties:
            return
        if existing:
            physical_name, made = self._change(services, name, existing, declared, properties)
        else:
            former = restored.name if restored else self._physical_name(name, kind)
            physical_name = properties.get(TYPES[kind].NAME) or former
            old: Properties | None = {} if restored and TYPES[kind].IS_KEPT else None
            made = TYPES[kind].put(services, physical_name, properties, old)
        self.resources[name] = Resource(
            kind,
            physical_name,
            properties,
            made.ref,
            dict(made.attributes),
            is_retained=declared.get("DeletionPolicy") in RETAINING,
            status="UPDATE_COMPLETE" if existing else "CREATE_COMPLETE",
        )
        self._record(name, kind, made.ref, self.resources[name].status)

    def _change(
        self,
        services: Services,
        name: str,
        existing: Resource,
        declared: Mapping[str, Any],
        properties: dict[str, Any],
    ) -> tuple[str, Made]:
        """Change a resource, or replace it; return its name as well."""
        kind = TYPES[existing.kind]
        if not _must_replace(existing, properties):
            return existing.name, kind.put(services, existing.name, properties, existing.properties)
        new_name = properties.get(kind.NAME) or self._physical_name(name, existing.kind)
        if new_name == existing.name:
            words = "CloudFormation cannot update a stack when a custom-named resource requires replacing"
            raise ValueError(f"{words}: {new_name}")
        made = kind.put(services, new_name, properties, None)
        if declared.get("UpdateReplacePolicy") not in RETAINING:
            kind.delete(services, existing.made, existing.properties)
        return new_name, made

    def _physical_name(self, name: str, kind: str) -> str:
        generated = f"{self.name[:24]}-{name[:24]}-{''.join(secrets.choice(_LETTERS) for _ in range(12))}"
        return generated.lower() if kind == "AWS::S3::Bucket" else generated

    def _delete(self, services: Services, names: list[str]) -> None:
        for name in reversed(names):
            resource = self.resources[name]
            TYPES[resource.kind].delete(services, resource.made, resource.properties)
            del self.resources[name]
            self._record(name, resource.kind, resource.ref, "DELETE_COMPLETE")

    def _values(self, wanted: Wanted) -> dict[str, Any]:
        """Of the parameters and pseudo parameters."""
        partition = str(get_partition(self.region))
        return {
            **wanted.template.values_of(wanted.parameters),
            "AWS::AccountId": DEFAULT_ACCOUNT_ID,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.identifier,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
        }

    def _known(self, path: str) -> str:
        """What a reference to a resource stands for; its own words if the resource is not there yet."""
        name, _, attribute = path.partition(".")
        if name not in self.resources:
            return str(path)
        resource = self.resources[name]
        if attribute and attribute not in resource.attributes:
            raise ValidationError(f"Template error: resource {name} does not support attribute type {attribute}")
        return resource.attributes[attribute] if attribute else resource.ref

    def _enter(self, status: str, reason: str = "") -> None:
        self.status, self.reason = status, reason
        self._record(self.name, "AWS::CloudFormation::Stack", self.identifier, status, reason)

    def _record(self, name: str, kind: str, physical_id: str, status: str, reason: str = "") -> None:
        event = {
            "StackId": self.identifier,
            "StackName": self.name,
            "EventId": str(uuid.uuid4()),
            "LogicalResourceId": name,
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "ResourceStatus": status,
            "Timestamp": datetime.now(UTC),
            **({"ResourceStatusReason": reason} if reason else {}),
        }
        self.events = [*self.events, event][-MAX_EVENTS:]


def _must_replace(existing: Resource, properties: Mapping[str, Any]) -> bool:
    """Whether the properties are those of another resource."""
    kind = TYPES[existing.kind]
    fixed = kind.CREATE_ONLY | ({kind.NAME} - {""})
    return any(properties.get(key) != existing.properties.get(key) for key in fixed)


def _words(failure: Exception) -> str:
    return f"Property {failure} is missing" if isinstance(failure, KeyError) else str(failure)


def _change(action: str, name: str, kind: str, physical_id: str = "") -> dict[str, Any]:
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind}
    return {
        "Type": "Resource",
        "ResourceChange": {**change, **({"PhysicalResourceId": physical_id} if physical_id else {})},
    }


def _described(output: Mapping[str, Any]) -> dict[str, str]:
    if "Value" not in output:
        raise ValidationError("Template format error: an output has no Value.")
    described = {"Description": str(output["Description"])} if "Description" in output else {}
    return {"OutputValue": str(output["Value"]), **described}
