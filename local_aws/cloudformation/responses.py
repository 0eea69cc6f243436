"""CloudFormation's operations: take a checked request, return the answer of the service model."""

import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.utilities.utils import get_partition

from local_aws.checked_requests import CheckedRequests
from local_aws.cloudformation.exceptions import (
    AlreadyExistsException,
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    LimitExceededException,
    ValidationError,
)
from local_aws.cloudformation.resource_types import Services
from local_aws.cloudformation.stack import FAILURES, Stack, Wanted
from local_aws.cloudformation.template import Template
from local_aws.store import Store
from local_aws.terminal import tell

KIND = "stack"
MAX_STACKS = 2_000
MAX_CHANGE_SETS = 1_000
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass(slots=True)
class ChangeSet:
    """What a stack is to become, before it is carried out."""

    name: str
    identifier: str
    stack: Stack
    wanted: Wanted
    changes: list[dict[str, Any]]
    is_empty: bool
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_executed: bool = False


class Stacks:
    """The stacks of the only account, and their change sets, which are not kept over a restart."""

    def __init__(self, store: Store, url: Callable[[], str]):
        self._store, self._url = store, url
        self.lock = threading.RLock()
        self.by_id: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        for identifier, document in store.documents(KIND):
            self.by_id[identifier] = Stack.from_document(document)

    def restore(self) -> None:
        """Make again what the services do not keep. The server must answer already."""
        for stack in self.by_id.values():
            try:
                stack.restore(self.services("local", stack.region))
            except FAILURES as failure:
                tell(f"The stack {stack.name} cannot be restored: {failure!r}")

    def services(self, access_key: str, region: str, session_token: str | None = None) -> Services:
        """The services of the local AWS, as the owner of an access key calls them."""
        session = boto3.Session(access_key, "any", session_token, region_name=region)
        return Services(region, cache(lambda service: session.client(service, endpoint_url=self._url())))

    def find(self, name: str, region: str) -> Stack | None:
        """By name or ARN."""
        found = (stack for stack in self.by_id.values() if stack.region == region)
        return next((stack for stack in found if name in {stack.name, stack.identifier}), None)

    def get(self, name: str, region: str) -> Stack:
        if stack := self.find(name, region):
            return stack
        raise ValidationError(f"Stack with id {name} does not exist")

    def add(self, stack: Stack) -> Stack:
        if len(self.by_id) >= MAX_STACKS:
            raise LimitExceededException(f"Limit for stack has been exceeded: {MAX_STACKS}")
        self.by_id[stack.identifier] = stack
        return stack

    def save(self, stack: Stack) -> None:
        self._store.save(KIND, stack.identifier, stack.document)

    def remove(self, stack: Stack) -> None:
        del self.by_id[stack.identifier]
        self.change_sets = {key: found for key, found in self.change_sets.items() if found.stack is not stack}
        self._store.delete(KIND, stack.identifier)


class CloudFormationResponse(CheckedRequests, BaseResponse):
    """Each operation has a method with its name in snake case. Any other operation is refused by name."""

    REFUSAL = ValidationError
    stacks: ClassVar[Stacks]

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    # Stacks

    def create_stack(self) -> ActionResult:
        with self.stacks.lock:
            stack = self._new_stack()
            stack.check(stack.wanted)
            self.stacks.add(stack).create(self._services)
            self.stacks.save(stack)
        return ActionResult({"StackId": stack.identifier})

    def update_stack(self) -> ActionResult:
        with self.stacks.lock:
            stack = self._stack()
            wanted = self._wanted(stack)
            stack.check(wanted)
            if _is_same(wanted, stack.wanted):
                raise ValidationError("No updates are to be performed.")
            self._update(stack, wanted)
        return ActionResult({"StackId": stack.identifier})

    def delete_stack(self) -> ActionResult:
        with self.stacks.lock:
            stack = self.stacks.find(self.params["StackName"], self.region)
            if stack:
                stack.delete(self._services)
                if stack.status == "DELETE_COMPLETE":
                    self.stacks.remove(stack)
                else:
                    self.stacks.save(stack)
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        if name := self.params.get("StackName"):
            return ActionResult({"Stacks": [_description(self.stacks.get(name, self.region))]})
        return ActionResult({"Stacks": [_description(stack) for stack in self._all()]})

    def list_stacks(self) -> ActionResult:
        wanted = self.params.get("StackStatusFilter")
        found = [stack for stack in self._all() if not wanted or stack.status in wanted]
        return ActionResult({"StackSummaries": [_summary(stack) for stack in found]})

    def describe_stack_events(self) -> ActionResult:
        return ActionResult({"StackEvents": self._stack().events[::-1]})

    def describe_stack_resources(self) -> ActionResult:
        stack = self._stack()
        found = [
            {**_resource(name, resource), "StackId": stack.identifier, "StackName": stack.name}
            for name, resource in stack.resources.items()
        ]
        return ActionResult({"StackResources": [_renamed(entry) for entry in found]})

    def list_stack_resources(self) -> ActionResult:
        resources = self._stack().resources.items()
        return ActionResult({"StackResourceSummaries": [_resource(name, resource) for name, resource in resources]})

    # Templates

    def get_template(self) -> ActionResult:
        return ActionResult({"TemplateBody": self._stack().wanted.body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        body = self._stack().wanted.body if "StackName" in self.params else self._body()
        template = Template.read(body)
        kinds = sorted({resource["Type"] for resource in template.resources.values()})
        summary = {"Description": template.description, "ResourceTypes": kinds, **_capabilities(template)}
        return ActionResult({**summary, "Parameters": _parameters(template)})

    def validate_template(self) -> ActionResult:
        template = Template.read(self._body())
        needed = {"Description": template.description, **_capabilities(template)}
        return ActionResult({**needed, "Parameters": [_without_type(entry) for entry in _parameters(template)]})

    # Change sets

    def create_change_set(self) -> ActionResult:
        with self.stacks.lock:
            if len(self.stacks.change_sets) >= MAX_CHANGE_SETS:
                raise LimitExceededException(f"Limit for change sets has been exceeded: {MAX_CHANGE_SETS}")
            stack, is_new = self._stack_to_change()
            wanted = stack.wanted if is_new else self._wanted(stack)
            stack.check(wanted)
            name, partition = self.params["ChangeSetName"], get_partition(self.region)
            arn = f"arn:{partition}:cloudformation:{self.region}:{DEFAULT_ACCOUNT_ID}:changeSet/{name}/{uuid.uuid4()}"
            is_empty = not is_new and _is_same(wanted, stack.wanted)
            self.stacks.by_id.setdefault(stack.identifier, stack)
            self.stacks.change_sets[arn] = ChangeSet(name, arn, stack, wanted, stack.changes(wanted), is_empty)
        return ActionResult({"Id": arn, "StackId": stack.identifier})

    def describe_change_set(self) -> ActionResult:
        found = self._change_set()
        return ActionResult(
            {
                "ChangeSetName": found.name,
                "ChangeSetId": found.identifier,
                "StackId": found.stack.identifier,
                "StackName": found.stack.name,
                "Parameters": _given(found.wanted),
                "CreationTime": found.created,
                "ExecutionStatus": _execution_status(found),
                "Status": "FAILED" if found.is_empty else "CREATE_COMPLETE",
                **({"StatusReason": NO_CHANGES} if found.is_empty else {}),
                "Capabilities": found.wanted.capabilities,
                "Tags": found.wanted.tags,
                "Changes": found.changes,
            }
        )

    def execute_change_set(self) -> ActionResult:
        with self.stacks.lock:
            found = self._change_set()
            if _execution_status(found) != "AVAILABLE":
                raise InvalidChangeSetStatus(f"ChangeSet [{found.identifier}] cannot be executed in its current status")
            found.is_executed = True
            if found.stack.status == "REVIEW_IN_PROGRESS":
                found.stack.wanted = found.wanted
                found.stack.create(self._services)
                self.stacks.save(found.stack)
            else:
                self._update(found.stack, found.wanted)
        return EmptyResult()

    def delete_change_set(self) -> ActionResult:
        with self.stacks.lock:
            del self.stacks.change_sets[self._change_set().identifier]
        return EmptyResult()

    @property
    def _services(self) -> Services:
        return self.stacks.services(self.access_key, self.region, self.headers.get("X-Amz-Security-Token"))

    def _all(self) -> Iterable[Stack]:
        return [stack for stack in list(self.stacks.by_id.values()) if stack.region == self.region]

    def _stack(self) -> Stack:
        return self.stacks.get(self.params["StackName"], self.region)

    def _new_stack(self) -> Stack:
        name = self.params["StackName"]
        if self.stacks.find(name, self.region):
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        return Stack.named(name, self.region, self._wanted(None))

    def _stack_to_change(self) -> tuple[Stack, bool]:
        """The stack of a new change set, and whether the change set creates it."""
        stack = self.stacks.find(self.params["StackName"], self.region)
        if self.params.get("ChangeSetType", "UPDATE") != "CREATE":
            return self._stack(), False
        if stack and stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                f"Stack [{stack.name}] already exists and cannot be created again with the changeSet."
            )
        if stack:
            stack.wanted = self._wanted(None)
            return stack, True
        return self._new_stack(), True

    def _change_set(self) -> ChangeSet:
        name, stack = self.params["ChangeSetName"], self.params.get("StackName")
        for found in list(self.stacks.change_sets.values()):
            if name == found.identifier or (name == found.name and stack in {found.stack.name, found.stack.identifier}):
                return found
        raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")

    def _update(self, stack: Stack, wanted: Wanted) -> None:
        stack.update(self._services, wanted)
        self.stacks.save(stack)

    def _wanted(self, stack: Stack | None) -> Wanted:
        former = stack.wanted if stack else Wanted("", {}, [], [])
        body = former.body if self.params.get("UsePreviousTemplate") else self._body()
        parameters = {
            entry["ParameterKey"]: former.parameters[entry["ParameterKey"]]
            if entry.get("UsePreviousValue")
            else entry["ParameterValue"]
            for entry in self.params.get("Parameters") or []
            if not entry.get("UsePreviousValue") or entry["ParameterKey"] in former.parameters
        }
        tags = self.params.get("Tags")
        return Wanted(
            body,
            parameters,
            former.tags if tags is None else tags,
            self.params.get("Capabilities") or [],
        )

    def _body(self) -> str:
        if "TemplateBody" not in self.params:
            raise ValidationError("The local AWS takes a template as TemplateBody, and reads none from S3.")
        return str(self.params["TemplateBody"])


OPERATIONS = frozenset(
    "".join(word.capitalize() for word in name.split("_"))
    for name in vars(CloudFormationResponse)
    if name.split("_")[0] in {"create", "update", "delete", "describe", "list", "get", "validate", "execute"}
)


def _is_same(wanted: Wanted, former: Wanted) -> bool:
    return (wanted.body, wanted.parameters, wanted.tags) == (former.body, former.parameters, former.tags)


def _execution_status(found: ChangeSet) -> str:
    if found.is_empty:
        return "UNAVAILABLE"
    return "EXECUTE_COMPLETE" if found.is_executed else "AVAILABLE"


def _summary(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.identifier,
        "StackName": stack.name,
        "CreationTime": stack.created,
        **({"LastUpdatedTime": stack.updated} if stack.updated else {}),
        "StackStatus": stack.status,
        **({"StackStatusReason": stack.reason} if stack.reason else {}),
    }


def _description(stack: Stack) -> dict[str, Any]:
    return {
        **_summary(stack),
        "Parameters": _given(stack.wanted),
        "Capabilities": stack.wanted.capabilities,
        "Outputs": stack.outputs,
        "Tags": stack.wanted.tags,
        "DisableRollback": False,
    }


def _given(wanted: Wanted) -> list[dict[str, str]]:
    values = wanted.template.values_of(wanted.parameters)
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def _resource(name: str, resource: Any) -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "PhysicalResourceId": resource.ref,
        "ResourceType": resource.kind,
        "LastUpdatedTimestamp": resource.updated,
        "ResourceStatus": resource.status,
    }


def _renamed(resource: dict[str, Any]) -> dict[str, Any]:
    """As DescribeStackResources has it."""
    return {"Timestamp" if key == "LastUpdatedTimestamp" else key: value for key, value in resource.items()}


def _parameters(template: Template) -> list[dict[str, Any]]:
    return [
        {
            "ParameterKey": name,
            "ParameterType": parameter.get("Type", "String"),
            "NoEcho": False,
            **({"DefaultValue": str(parameter["Default"])} if "Default" in parameter else {}),
            **({"Description": parameter["Description"]} if "Description" in parameter else {}),
        }
        for name, parameter in template.parameters.items()
    ]


def _without_type(parameter: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameter.items() if key != "ParameterType"}


def _capabilities(template: Template) -> dict[str, Any]:
    reason = "The following resource(s) require capabilities: [AWS::IAM::ManagedPolicy, AWS::IAM::Role]"
    return {"Capabilities": ["CAPABILITY_IAM"], "CapabilitiesReason": reason} if template.makes_identities else {}
