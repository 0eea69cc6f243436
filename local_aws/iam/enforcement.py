"""Refuse the calls that the policies of their callers do not allow, in AWS's words."""

from collections.abc import Iterable
from typing import NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends
from moto.sagemaker.models import sagemaker_backends

from local_aws.access import Access
from local_aws.alarms import alarms_of, tags_of
from local_aws.calls import DEFAULT_REGION, Call, WsgiEnvironment
from local_aws.iam.permissions import Tags, permissions_of, s3_permission
from local_aws.iam.policy import Decision, Permission, decide
from local_aws.iam.principals import Principal, principal_of, principal_of_role
from local_aws.request_log import RequestLog
from local_aws.service_models import RUNTIME, SAGEMAKER

SERVICES_ROLE = "sagemaker.amazonaws.com"
JSON_SERVICES = frozenset({SAGEMAKER, RUNTIME, "glue", "logs"})
"""Their code is AccessDeniedException; that of the others is AccessDenied."""
REASONS = {
    Decision.NOTHING: "because no identity-based policy allows the {action} action",
    Decision.DENY: "with an explicit deny in an identity-based policy",
}
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""


class Refusal(NamedTuple):
    """AWS's answer to a call that is not allowed."""

    code: str
    message: str


class Enforcement(Access):
    """
    Policies hold for the users and roles of IAM. Calls that are not signed, or signed with a key that IAM does not
    know, are those of the account's owner, who may do everything: so the owner can make the first user.

    :param requests: gets an entry for each use that SageMaker makes of S3 in the name of a role
    """

    def __init__(self, requests: RequestLog):
        self._requests = requests

    def permissions(self, call: Call, environment: WsgiEnvironment) -> list[Permission]:
        """What a call needs."""
        try:
            return permissions_of(call, environment, _tags_of)
        except (
            TypeError,
            ValueError,
            AttributeError,
            LookupError,
            RecursionError,
        ):  # the request has another shape than AWS's
            return [Permission(f"{call.service}:{call.operation}", "*")]

    def refusal(self, call: Call, environment: WsgiEnvironment, needed: Iterable[Permission]) -> Refusal | None:
        """Why a call is refused; None if it is not."""
        if (principal := principal_of(call, environment)) is None:
            return None
        code = "AccessDeniedException" if call.service in JSON_SERVICES else "AccessDenied"
        message = objection(principal, needed)
        return Refusal(code, message) if message else None

    def concealment(self, call: Call, environment: WsgiEnvironment) -> Refusal | None:
        """
        S3's answer in place of "there is no such object" to a caller who may not list the bucket.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        if call.service != "s3":
            return None
        return self.refusal(call, environment, [s3_permission("ListBucket", call.name.partition("/")[0])])

    def role_may(self, role_arn: str, operation: str, bucket: str, key: str) -> bool:
        region = DEFAULT_REGION
        principal = principal_of_role(role_arn, SERVICES_ROLE, region)
        if operation == "ListObjectsV2":
            needed = s3_permission("ListBucket", bucket, prefix=(key,))
        else:
            needed = s3_permission(operation, bucket, key)
        allowed = principal is None or decide(principal.documents, needed) is Decision.ALLOW
        call = Call("s3", operation, principal.arn if principal else role_arn, region, f"{bucket}/{key}")
        self._requests.write(call, "ok" if allowed else "AccessDenied", 200 if allowed else 403, 0, [str(needed)])
        return allowed


def objection(principal: Principal, permissions: Iterable[Permission]) -> str | None:
    """AWS's message about the first permission that a principal lacks; None if it has all."""
    for permission in permissions:
        decision = decide(principal.documents, permission)
        if decision is not Decision.ALLOW:
            quoted = f'"{permission.resource}"' if permission.action.startswith("s3:") else permission.resource
            return (
                f"User: {principal.arn} is not authorized to perform: {permission.action} on resource: {quoted} "
                f"{REASONS[decision].format(action=permission.action)}"
            )
    return None


def _tags_of(arn: str) -> Tags:
    region, kind = arn.split(":")[3] if arn.count(":") >= 5 else "", arn.split(":")[2:3]
    try:
        if kind == ["sagemaker"]:
            return {tag["Key"]: tag["Value"] for tag in sagemaker_backends[DEFAULT_ACCOUNT_ID][region].tagged(arn).tags}
        if kind == ["glue"]:
            return {tag["Key"]: tag["Value"] for tag in glue_backends[DEFAULT_ACCOUNT_ID][region].tagged(arn).tags}
        if kind == ["cloudwatch"]:
            return tags_of(alarms_of(region)[arn.rpartition(":")[2]])
    except Exception:  # there is no such resource, or no such region: the call is refused later, for that
        return {}
    return {}
