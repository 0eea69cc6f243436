"""What README.md says of each call is what the server does."""

import json
import re

import pytest
import requests

from local_aws.alarm_request import NOT_SUPPORTED as ALARMS_NOT_SUPPORTED
from local_aws.cloudformation.resource_types import TYPES
from local_aws.cloudformation.responses import OPERATIONS as STACK_OPERATIONS
from local_aws.cloudwatch_alarms import OPERATIONS as ALARM_OPERATIONS
from local_aws.faults import PHASES
from local_aws.glue.job import NOT_SUPPORTED as GLUE_NOT_SUPPORTED
from local_aws.glue.responses import OPERATIONS as GLUE_OPERATIONS
from local_aws.sagemaker.request_checks import NOT_SUPPORTED
from local_aws.sagemaker.responses import OPERATIONS
from local_aws.sagemaker_runtime import UNSUPPORTED
from local_aws.service_models import service_model
from tests.conftest import REPOSITORY

README = (REPOSITORY / "local_aws" / "README.md").read_text()
HEADINGS = "## Glue's jobs|## CloudWatch's metrics and alarms|## CloudFormation's stacks|## Bounds"
ROWS, GLUE_ROWS, ALARM_ROWS, STACK_ROWS = (
    dict(re.findall(r"^\| ([A-Z][\w:]+) \| (.*) \|$", part, re.MULTILINE)) for part in re.split(HEADINGS, README)[:4]
)
HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
}


def test_every_operation_has_its_row_and_no_other_has():
    del ROWS["Operation"]
    assert set(ROWS) == OPERATIONS | {"InvokeEndpoint"}
    assert set(GLUE_ROWS) == GLUE_OPERATIONS
    assert set(ALARM_ROWS) == ALARM_OPERATIONS
    del STACK_ROWS["Type"]
    assert set(STACK_ROWS) == STACK_OPERATIONS | set(TYPES)


def test_members_of_alarms_that_are_refused_are_named():
    assert [member for member in ALARMS_NOT_SUPPORTED if member not in ALARM_ROWS["PutMetricAlarm"]] == []


@pytest.mark.parametrize("name", TYPES)
def test_the_properties_that_stacks_carry_out_are_named(name):
    named = re.sub(r" \([^)]*\)", "", STACK_ROWS[name])
    assert set(named.split(", ")) == TYPES[name].SUPPORTED


@pytest.mark.parametrize("operation", GLUE_NOT_SUPPORTED)
def test_glues_members_that_are_refused_are_named_in_their_operations_row(operation):
    assert [member for member in GLUE_NOT_SUPPORTED[operation] if member not in GLUE_ROWS[operation]] == []


@pytest.mark.parametrize("operation", NOT_SUPPORTED)
def test_members_that_are_refused_are_named_in_their_operations_row(operation):
    assert [member for member in NOT_SUPPORTED[operation] if member not in ROWS[operation]] == []


def test_members_of_the_runtime_that_are_refused_are_named():
    assert [member for member in UNSUPPORTED if member not in ROWS["InvokeEndpoint"]] == []


def test_every_other_operation_is_refused_by_its_name(local_aws):
    others = [name for name in service_model().operation_names if name not in OPERATIONS]
    assert len(others) > 200
    for name in others:
        headers = {**HEADERS, "X-Amz-Target": f"SageMaker.{name}"}
        answer = requests.post(local_aws.url, data="{}", headers=headers, timeout=10)
        assert answer.status_code == 400
        assert f"The local AWS does not support SageMaker's {name}." in answer.text


def test_every_operation_that_has_a_row_is_answered_by_its_own_rules(local_aws):
    """An empty request is refused for what it lacks, or answered: never for not being supported, never with a fault."""
    for name in sorted(OPERATIONS):
        headers = {**HEADERS, "X-Amz-Target": f"SageMaker.{name}"}
        answer = requests.post(local_aws.url, data="{}", headers=headers, timeout=10)
        assert answer.status_code in {200, 400}, name
        assert "does not support" not in answer.text, name


def test_phases_of_faults_and_paths_are_documented(local_aws):
    assert [phase for phase in PHASES if phase not in README] == []
    error = requests.get(f"{local_aws.url}/_local/nothing", timeout=5).json()["error"]
    paths = [path for path in re.findall(r"/_local/\w*", error) if path != "/_local/nothing"]
    assert [path for path in paths if path not in README] == []


def test_the_commands_in_it_are_commands(local_aws, capsys):
    from local_aws.control import main

    commands = re.findall(r"^python -m local_aws\.control (.*?)(?:  +#.*)?$", README, re.MULTILINE)
    assert len(commands) > 7
    for command in commands:
        words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]
        if words[0] == "clear":
            continue
        assert main(["--url", local_aws.url, *words]) == 0, command
    assert main(["--url", local_aws.url, "clear"]) == 0
    for line in capsys.readouterr().out.splitlines()[:-1]:
        json.loads(line)
