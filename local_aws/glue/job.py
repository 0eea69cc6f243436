"""A job's definition: the script, and the settings of its runs."""

from dataclasses import dataclass
from typing import Any, ClassVar

from local_aws.glue.exceptions import InvalidInputException, NotSupported
from local_aws.glue.job_run import DEFAULT_TIMEOUT_MINUTES
from local_aws.sagemaker.resource import Resource

NOT_SUPPORTED = {
    "CreateJob": (
        "CodeGenConfigurationNodes",
        "Connections",
        "JobRunQueuingEnabled",
        "MaintenanceWindow",
        "MaxRetries",
        "NotificationProperty",
        "SourceControlDetails",
    ),
    "StartJobRun": ("JobRunId", "JobRunQueuingEnabled", "NotificationProperty", "ExecutionRoleSessionPolicy"),
}
"""Members that are refused: they would change what happens on AWS, and have no effect here."""
COMMAND, SCRIPT_MODE = "glueetl", "SCRIPT"
GLUE_VERSIONS = ("5.0", "5.1")
"""Those with Spark 3.5, Python 3.11 and Java 17, as PySpark here. AWS takes the newest one if the job names none."""
SUPPORTED = {
    "Command.Name": (COMMAND,),
    "Command.PythonVersion": ("3",),
    "Command.Runtime": (),
    "GlueVersion": GLUE_VERSIONS,
    "JobMode": (SCRIPT_MODE,),
}
"""Members of a definition with their supported values."""
OF_RUNS = ("Timeout", "MaxCapacity", "WorkerType", "NumberOfWorkers", "SecurityConfiguration", "ExecutionClass")
"""Members of a job that a run may have with another value."""


@dataclass
class Job(Resource):
    """A job. Its request is CreateJob's."""

    KIND: ClassVar[str] = "job"
    NAME_MEMBER: ClassVar[str] = "Name"
    SERVICE: ClassVar[str] = "glue"

    @property
    def max_concurrent_runs(self) -> int:
        return int(self.request.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1))

    def facts(self) -> dict[str, Any]:
        return {
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "MaxRetries": 0,
            "Timeout": DEFAULT_TIMEOUT_MINUTES,
            "GlueVersion": GLUE_VERSIONS[-1],
            "JobMode": SCRIPT_MODE,
            **self.request,
            "CreatedOn": self.created,
            "LastModifiedOn": self.modified,
        }


def refuse_unsupported(operation: str, request: dict[str, Any]) -> None:
    """
    :raises NotSupported: members of the request are not supported; the message names them and the operation
    """
    if found := [name for name in NOT_SUPPORTED[operation] if request.get(name)]:
        raise NotSupported(f"The local AWS does not support {', '.join(found)} of {operation}.")


def check_definition(operation: str, request: dict[str, Any]) -> None:
    """
    Check the definition of a job in a CreateJob or an UpdateJob.

    :raises NotSupported: it is of a kind that is not supported; the message says which
    :raises InvalidInputException: it lacks something
    """
    refuse_unsupported("CreateJob", request)
    command = request.get("Command", {})
    if "Role" not in request or "ScriptLocation" not in command:
        raise InvalidInputException(f"{operation} needs a Role and a Command with a ScriptLocation.")
    given = {**request, **{f"Command.{name}": value for name, value in command.items()}}
    found = [f"{name} {given[name]}" for name, known in SUPPORTED.items() if name in given and given[name] not in known]
    if found:
        versions = " and ".join(GLUE_VERSIONS)
        raise NotSupported(f"The local AWS does not support {', '.join(found)}. It has {COMMAND} of Glue {versions}.")
