"""
The arguments of a run: those that Glue itself understands, and those that it passes on to the script.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from packaging.requirements import Requirement

from local_aws.glue.exceptions import InvalidInputException, NotSupported

MAX_BYTES = 260 * 1024
PY_FILES, MODULES, INSTALLER_OPTION, CONF = (
    "--extra-py-files",
    "--additional-python-modules",
    "--python-modules-installer-option",
    "--conf",
)
WITHOUT_EFFECT = frozenset(
    {
        "--enable-auto-scaling",
        "--enable-continuous-cloudwatch-log",
        "--enable-continuous-log-filter",
        "--enable-job-insights",
        "--enable-metrics",
        "--enable-observability-metrics",
        "--enable-spark-ui",
        "--spark-event-logs-path",
    }
)
"""They change what is recorded of a run on AWS, or how many workers it has, but not what its script does."""
ONLY = {"--job-language": ("python",), "--job-bookmark-option": ("job-bookmark-disable",)}
"""Arguments with the values that are supported."""
REFUSED = frozenset(
    {
        "--class",
        "--customer-driver-env-vars",
        "--customer-executor-env-vars",
        "--datalake-formats",
        "--enable-glue-datacatalog",
        "--enable-s3-parquet-optimized-committer",
        "--extra-files",
        "--extra-jars",
        "--python-virtual-env",
        "--scriptLocation",
        "--user-jars-first",
    }
)
RESERVED = frozenset({"--JOB_NAME", "--JOB_RUN_ID"})


@dataclass(frozen=True, slots=True)
class RunArguments:
    """The arguments of one run."""

    py_files: list[str] = field(default_factory=list)
    """URIs of Python files and zip files that the script can import."""
    modules: list[str] = field(default_factory=list)
    """Requirements, or with `modules_are_files` the URIs of requirements files."""
    modules_are_files: bool = False
    configuration: dict[str, str] = field(default_factory=dict)
    """Spark's."""
    for_script: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, arguments: Mapping[str, str]) -> Self:
        """
        :raises InvalidInputException: they are too long
        :raises NotSupported: one of them has an effect on AWS and none here; the message names it
        """
        if sum(len(name.encode()) + len(value.encode()) for name, value in arguments.items()) > MAX_BYTES:
            raise InvalidInputException("Request size limit exceeded")
        _refuse_unsupported(arguments)
        known = {PY_FILES, MODULES, INSTALLER_OPTION, CONF, *WITHOUT_EFFECT, *ONLY, *RESERVED}
        return cls(
            _list(arguments.get(PY_FILES, "")),
            _list(arguments.get(MODULES, "")),
            arguments.get(INSTALLER_OPTION, "").split()[-1:] == ["-r"],
            _configuration(arguments.get(CONF, "")),
            {name: value for name, value in arguments.items() if name not in known},
        )


def _refuse_unsupported(arguments: Mapping[str, str]) -> None:
    found = [name for name in arguments if name in REFUSED]
    found += [
        f"{name}={arguments[name]}" for name, allowed in ONLY.items() if arguments.get(name, allowed[0]) not in allowed
    ]
    if found:
        raise NotSupported(f"The local AWS does not support the job argument {', '.join(found)}.")


def _list(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _configuration(value: str) -> dict[str, str]:
    """``a=b --conf c=d``, as people put several settings into one argument."""
    pairs = [pair.strip() for pair in re.split(r"\s+--conf\s+", value) if pair.strip()]
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise InvalidInputException(f"--conf: {wrong[0]!r} is not of the form name=value")
    return {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}


def requirements_of(text: str) -> list[Requirement]:
    """
    What a requirements file, with or without hashes, demands on this machine.

    :raises InvalidRequirement: a line is none
    """
    lines = (line.partition("\\")[0].strip() for line in text.splitlines())
    demanded = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return [one for one in demanded if one.marker is None or one.marker.evaluate()]
