"""
The policies in the template.

Their home is `policies/*.json`, which tests and people read as IAM does. `aws cloudformation deploy` takes one file, so
the template contains them as well.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from infrastructure.policies import POLICIES

TEMPLATE = Path(__file__).parent / "template.yaml"

_INDENT = " " * 8
_PLACE = re.compile(rf"^({_INDENT}# policies/(\w+)\.json.*\n)(?:{_INDENT}.*\n)*", re.MULTILINE)
"""The comment that names a policy's file, and the lines below it, which hold the policy."""


def with_policies(template: str) -> str:
    """The text of a template in which each policy is as in its file."""
    return _PLACE.sub(lambda place: place[1] + _indented(place[2]), template)


def _indented(name: str) -> str:
    document = json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8"))
    text = yaml.safe_dump(_with_functions(document), sort_keys=False, width=1000)
    return "".join(f"{_INDENT}{line}\n" for line in text.splitlines())


def _with_functions(value: Any) -> Any:
    """CloudFormation replaces placeholders only in the arguments of Fn::Sub."""
    if isinstance(value, dict):
        return {key: _with_functions(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_functions(entry) for entry in value]
    if isinstance(value, str) and "${" in value:
        # A bucket that was there before is no resource of the stack.
        return {"Fn::Sub": value.replace("${Bucket}", "${BucketName}")}
    return value
