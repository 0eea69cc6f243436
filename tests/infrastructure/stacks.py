"""The product's stack on the local AWS, deployed as `aws cloudformation deploy` does it."""

import itertools
from typing import Any

from botocore.exceptions import WaiterError

from infrastructure.template_text import TEMPLATE

_numbers = itertools.count(1)
EMAIL = "team@example.com"


class ProductStack:
    """A stack of the template, with a bucket of its own."""

    def __init__(self, cloudformation: Any):
        self._cloudformation = cloudformation
        self.name = f"retrain-{next(_numbers)}"
        self.bucket = f"team-tweets-{self.name}"

    def deploy(self, **parameters: str) -> dict[str, str]:
        """
        Create or update the stack.

        :return: the outputs that are environment variables
        """
        given = {"BucketName": self.bucket, "NotificationEmail": EMAIL, **parameters}
        kind = "UPDATE" if self._exists() else "CREATE"
        change_set = self._cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=f"change-{next(_numbers)}",
            ChangeSetType=kind,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )["Id"]
        self._cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set)
        self._cloudformation.execute_change_set(ChangeSetName=change_set)
        waiter = self._cloudformation.get_waiter(f"stack_{kind.lower()}_complete")
        try:
            waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
        except WaiterError as error:
            raise AssertionError(self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]) from error
        outputs = self.outputs
        return {key: value for key, value in outputs.items() if key.startswith("RETRAIN_")}

    @property
    def outputs(self) -> dict[str, str]:
        """By their descriptions."""
        (stack,) = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["Description"]: output["OutputValue"] for output in stack["Outputs"]}

    @property
    def resources(self) -> dict[str, str]:
        """Physical ids by names in the template."""
        found = self._cloudformation.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name)

    def _exists(self) -> bool:
        found = self._cloudformation.list_stacks()["StackSummaries"]
        return any(stack["StackName"] == self.name for stack in found)
