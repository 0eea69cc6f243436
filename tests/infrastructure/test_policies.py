"""The policies as files: complete, small enough for IAM, and filled in by the command of docs/permissions.md."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from infrastructure.policies import POLICIES, policy, policy_names
from tests.conftest import REPOSITORY

LONG = {
    "Bucket": "b" * 63,
    "Prefix": "twitter-data",
    "SageMakerRole": "r" * 64,
    "GlueRole": "r" * 64,
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "123456789012",
}
MAX_CHARACTERS = 10_240
"""
Of all inline policies of a role, without white space; a managed policy may have 6,144.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""


@pytest.mark.parametrize("name", policy_names())
def test_every_placeholder_has_a_value_and_every_statement_an_effect_on_something_named(name):
    document = policy(name, LONG)

    assert "${" not in json.dumps(document)
    assert len({statement["Sid"] for statement in document["Statement"]}) == len(document["Statement"])
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            assert "Condition" in statement or all(re.search(":List|GetAuthorizationToken", one) for one in actions)


def test_airflows_policies_fit_into_a_role():
    documents = [policy(name, LONG) for name in policy_names() if name.startswith("airflow")]

    assert sum(len(json.dumps(document, separators=(",", ":"))) for document in documents) < MAX_CHARACTERS


def test_the_page_names_every_policy_and_its_command_fills_one_in():
    page = (REPOSITORY / "docs" / "permissions.md").read_text()
    command = re.search(r"python -m infrastructure.policies (.*?)```", page, re.DOTALL)[1].replace("\\\n", " ")

    assert set(re.findall(r"`(\w+)\.json`", page)) == {file.stem for file in POLICIES.iterdir()}
    done = run(*shlex.split(command))
    assert done.returncode == 0
    assert json.loads(done.stdout)["Version"] == "2012-10-17"
    assert "arn:aws:iam::123456789012:role/retrain-sagemaker" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Which policy? airflow, "),
        (("aws",), "Which policy? airflow, "),
        (("approver", "Bucket=b"), "The policy approver needs a value: AWS::"),
        (("approver", "Bucket="), "Bucket= is no value"),
        (("approver", "Prefix=*"), "Prefix=* is no value"),
        (("approver", "Typo=2"), "Typo=2 is no value"),
    ],
)
def test_what_is_missing_is_named(arguments, words):
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(words)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "infrastructure.policies", *arguments], capture_output=True, text=True, cwd=REPOSITORY
    )
