"""
The IAM policies in ``infrastructure/policies``, filled in for an account.

The files have the placeholders of CloudFormation's Fn::Sub, such as ``${AWS::Region}`` and ``${Bucket}``, so that a
template can use them as they are.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

POLICIES = Path(__file__).parent / "policies"
PLACEHOLDERS = ("Bucket", "Prefix", "SageMakerRole", "GlueRole", "AWS::Partition", "AWS::Region", "AWS::AccountId")
_VALUE = re.compile(r"[\w./+=,@-]+")
"""Of a placeholder: in IAM, * and ? would stand for other names."""
_PLACEHOLDER = re.compile(r"\$\{([\w:]+)\}")


def policy_names() -> list[str]:
    """The names of all policies, sorted."""
    return sorted(file.stem for file in POLICIES.glob("*.json"))


def policy(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """
    A policy's document.

    :param values: by placeholder: Bucket, Prefix, SageMakerRole, GlueRole (names of roles), AWS::Partition,
        AWS::Region, AWS::AccountId
    :raises KeyError: a placeholder has no value
    """
    text = (POLICIES / f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(_PLACEHOLDER.sub(lambda match: values[match[1]], text))
    return document


def main(arguments: list[str]) -> int:
    """Print a policy: its name, and NAME=VALUE for each placeholder."""
    name, pairs = arguments[0] if arguments else "", [argument.partition("=") for argument in arguments[1:]]
    values = {placeholder: value for placeholder, _, value in pairs}
    if name not in policy_names():
        print(f"Which policy? {', '.join(policy_names())}", file=sys.stderr)
        return 2
    for placeholder, value in values.items():
        if placeholder not in PLACEHOLDERS or not _VALUE.fullmatch(value):
            print(f"{placeholder}={value} is no value for one of {', '.join(PLACEHOLDERS)}", file=sys.stderr)
            return 2
    try:
        print(json.dumps(policy(name, values), indent=2))
    except KeyError as missing:
        print(f"The policy {name} needs a value: {missing.args[0]}=…", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
