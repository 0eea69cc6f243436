"""Policies of buckets, where moto's evaluation is wrong: to it, a Deny with a condition always applies."""

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket


def permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """
    What a bucket's policy says of an action. The local AWS has no TLS, and takes every request for one over TLS: a
    policy that asks for TLS is the same here and on AWS.
    """
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    applying = [statement for statement in statements if not _needs_plain_http(statement)]
    if not applying:
        return PermissionResult.NEUTRAL
    result: PermissionResult = IAMPolicy(json.dumps({**policy, "Statement": applying})).is_action_permitted(
        action, resource
    )
    return result


def _needs_plain_http(statement: Mapping[str, Any]) -> bool:
    value = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return str(value).lower() == "false"
