"""Who makes a call, and which policies hold for it: users and roles of moto's IAM, sessions of its STS."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import AssumedRoleAccessKey, CreateAccessKeyFailure, create_access_key
from moto.iam.models import Policy, iam_backends
from moto.utilities.utils import get_partition

from local_aws.calls import Call, WsgiEnvironment
from local_aws.iam.policy import Document

_KEY_OF_IAM = re.compile("(AKIA|ASIA)[A-Z0-9]{16}")
"""The form of the keys that IAM and STS give out."""

_parse = lru_cache(1000)(json.loads)


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, a session of a role, or a role that a service has assumed."""

    arn: str
    documents: list[Document]
    """Its policies, inline and attached."""


def principal_of(call: Call, environment: WsgiEnvironment) -> Principal | None:
    """Whose access key has signed a call; None if IAM does not know the key, or the role of the session."""
    headers = {}
    if token := _session_token(environment):
        headers["X-Amz-Security-Token"] = token
    try:
        key = create_access_key(DEFAULT_ACCOUNT_ID, get_partition(call.region), call.principal, headers)
    except CreateAccessKeyFailure:
        is_of_iam = _KEY_OF_IAM.fullmatch(call.principal)  # deleted, or of a session and without its token
        return Principal(f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:key/{call.principal}", []) if is_of_iam else None
    if isinstance(key, AssumedRoleAccessKey):
        if _role(key._owner_role_name, call.region) is None:
            return None
        return Principal(key.arn, list(_documents_of_role(key._owner_role_name, call.region)))
    return Principal(key.arn, [_document(policy) for policy in key.collect_policies()])


def principal_of_role(arn: str, service: str, region: str) -> Principal | None:
    """
    A role that a service of AWS assumes; None if IAM does not know it. One that does not trust the service may do
    nothing.

    :param service: its principal, as in ``sagemaker.amazonaws.com``
    """
    name = arn.rpartition("/")[2]
    if (role := _role(name, region)) is None:
        return None
    is_trusted = _trusts(_parse(role.assume_role_policy_document), service)
    session = f"arn:{get_partition(region)}:sts::{DEFAULT_ACCOUNT_ID}:assumed-role/{name}/{service.partition('.')[0]}"
    return Principal(session, list(_documents_of_role(name, region)) if is_trusted else [])


def _trusts(document: Any, service: str) -> bool:
    """Whether a trust policy lets a service assume the role."""
    statements = _listed(document.get("Statement", []))
    named = [
        statement["Effect"]
        for statement in statements
        if isinstance(principal := statement.get("Principal"), dict) and service in _listed(principal.get("Service"))
    ]
    return "Allow" in named and "Deny" not in named


def _listed(value: Any) -> list[Any]:
    """IAM takes a single value for a list of one."""
    return value if isinstance(value, list) else [value]


def _role(name: str, region: str) -> Any:
    roles = iam_backends[DEFAULT_ACCOUNT_ID][get_partition(region)].roles.values()
    return next((role for role in roles if role.name == name), None)


def _documents_of_role(name: str, region: str) -> Iterator[Document]:
    backend: Any = iam_backends[DEFAULT_ACCOUNT_ID][get_partition(region)]
    for policy in backend.list_role_policies(name):
        yield _parse(backend.get_role_policy(name, policy)[1])
    attached, _ = backend.list_attached_role_policies(name)
    yield from map(_document, attached)


def _document(policy: Any) -> Document:
    """From the two forms in which moto keeps policies."""
    if isinstance(policy, Policy):
        versions = (version.document for version in policy.versions if version.is_default)
        document: Document = _parse(next(versions))
        return document
    inline: Document = _parse(policy["policy_document"])
    return inline


def _session_token(environment: WsgiEnvironment) -> str:
    query = parse_qs(environment.get("QUERY_STRING", ""))
    token: str = environment.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("X-Amz-Security-Token", [""])[0]
    return token
