"""What to do where AWS refuses a call for want of a permission."""

import json
import os
import re

from include.config.errors import ConfigurationError
from include.config.settings import Place

_REFUSED = re.compile(
    r'User: (?P<principal>\S+) is not authorized to perform: (?P<action>[\w:]+) on resource: "?(?P<resource>[^\s"]+)"?'
    r"(?P<reason>.*? explicit deny)?"
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
_HEAD_REFUSED = re.compile(r"\(403\) when calling the (HeadObject|HeadBucket) operation")
"""S3 answers these without a body, so that AWS's message names nothing."""


def advice(message: str) -> str | None:
    """
    The statement that a policy needs, if a message of AWS says that a permission is missing; None if it says something
    else.
    """
    if match := _REFUSED.search(message):
        statement = _statement(match["action"], match["resource"])
        if match["reason"]:
            return f"A policy of {match['principal']} denies this, whatever others allow. It must not deny: {statement}"
        return f"Add this statement to a policy of {match['principal']}: {statement} (docs/permissions.md)"
    if match := _HEAD_REFUSED.search(message):
        return f"Add these statements to the policy: {', '.join(_statements_for_objects())} (docs/permissions.md)"
    return None


def _statements_for_objects() -> list[str]:
    try:
        place = Place.from_environment(os.environ)
    except ConfigurationError:
        return [_statement("s3:GetObject", "*"), _statement("s3:ListBucket", "*")]
    bucket = f"arn:aws:s3:::{place.bucket}"
    return [_statement("s3:GetObject", f"{bucket}/{place.prefix}/*"), _statement("s3:ListBucket", bucket)]


def _statement(action: str, resource: str) -> str:
    return json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})
