"""
Which permissions a call needs: its actions, the ARNs that they touch, and the values of condition keys.

From AWS's service authorization reference, for the services of this local AWS:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html and its neighbours.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.model import OperationNotFoundError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.parse import QueryParser
from moto.core.utils import get_service_model
from moto.utilities.utils import get_partition
from werkzeug.wrappers import Request

from local_aws.calls import Call, WsgiEnvironment
from local_aws.iam.policy import Permission
from local_aws.service_models import RUNTIME, SAGEMAKER

Tags = Mapping[str, str]
TagsOf = Callable[[str], Tags]
"""The tags of the resource with an ARN; empty if there is no such resource."""

SAGEMAKER_ARNS = {
    "TrainingJobName": "training-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "TransformJobName": "transform-job",
    "ModelName": "model",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": "model-package",
}
"""The types of resources by the members of requests that name them. What CreateEndpoint tags comes first."""
FREE_TEXT = frozenset({"CustomerMetadataProperties", "HyperParameters", "StaticHyperParameters", "Environment"})
"""Members of requests whose own members have names that callers choose."""
SAGEMAKER_KEYS = {"InstanceType": "InstanceTypes", "ModelApprovalStatus": "ModelApprovalStatus"}
"""Condition keys by the members of requests whose values they have."""
LISTS_OF_ONE = frozenset({"ListTags", "ListTrainingJobsForHyperParameterTuningJob"})
"""These are about one resource. Other lists are about all."""
S3_ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "ListParts": "ListMultipartUploadParts",
}
"""S3's actions, where they are not called as the operation is."""


@dataclass(frozen=True, slots=True)
class _Needs:
    """The permissions that one call needs."""

    call: Call
    parameters: Mapping[str, Any]
    tags_of: TagsOf

    def arn(self, resource: str, service: str | None = None) -> str:
        partition = get_partition(self.call.region)
        return f"arn:{partition}:{service or self.call.service}:{self.call.region}:{DEFAULT_ACCOUNT_ID}:{resource}"

    def permission(self, action: str, resource: str, **context: Any) -> Permission:
        """With the tags of the request and of the resource among the condition keys."""
        asked = _tags(self.parameters.get("Tags"))
        keys: dict[str, tuple[str, ...]] = {f"aws:RequestTag/{key}": (value,) for key, value in asked.items()}
        keys |= {f"aws:ResourceTag/{key}": (value,) for key, value in self.tags_of(resource).items()}
        named = asked or dict.fromkeys(self.parameters.get("TagKeys", ()))
        keys |= {"aws:TagKeys": tuple(named)} if named else {}
        return Permission(action, resource, keys | {key.replace("_", ":", 1): value for key, value in context.items()})

    def pass_role(self, role: Any) -> Iterator[Permission]:
        """Who hands a role to a service must be allowed to."""
        if isinstance(role, str) and role:
            arn = role if role.startswith("arn:") else f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{role}"
            yield Permission("iam:PassRole", arn, {"iam:PassedToService": (f"{self.call.service}.amazonaws.com",)})

    def sagemaker(self) -> Iterator[Permission]:
        arns, context = self._sagemaker_arns(), {}
        for member in ("InstanceType", "ModelApprovalStatus"):
            if values := tuple(dict.fromkeys(_values(self.parameters, member))):
                context[f"sagemaker_{SAGEMAKER_KEYS[member]}"] = values
        for arn in arns:
            yield self.permission(f"sagemaker:{self.call.operation}", arn, **context)
        if self.parameters.get("Tags") and self.call.operation.startswith("Create"):
            yield self.permission("sagemaker:AddTags", arns[0])
        for member in ("RoleArn", "ExecutionRoleArn"):
            for role in dict.fromkeys(_values(self.parameters, member)):
                yield from self.pass_role(role)

    def _sagemaker_arns(self) -> list[str]:
        if self.call.operation.startswith("List") and self.call.operation not in LISTS_OF_ONE:
            return ["*"]
        given = [self.parameters.get(member) for member in ("ResourceArn", "ModelPackageArn")]
        named = [self._named(self.parameters.get(member), kind) for member, kind in SAGEMAKER_ARNS.items()]
        found = [arn for arn in (*given, *named) if arn]
        if self.call.operation == "CreateModelPackage":  # of a version that has no number yet
            found += [f"{arn.replace(':model-package-group/', ':model-package/')}/1" for arn in found]
        return found or ["*"]

    def _named(self, name: Any, kind: str) -> str | None:
        """The ARN of a member's value, which can be one itself."""
        if not isinstance(name, str):
            return None
        return name if name.startswith("arn:") else self.arn(f"{kind}/{name}")

    def runtime(self) -> Iterator[Permission]:
        arn = self.arn(f"endpoint/{self.call.name}", SAGEMAKER)
        yield Permission(f"sagemaker:{self.call.operation}", arn, _resource_tags(self.tags_of(arn)))

    def glue(self) -> Iterator[Permission]:
        name = self.parameters.get("JobName") or self.parameters.get("Name")
        arn = self.parameters.get("ResourceArn") or self.arn(f"job/{name}" if name else "*")
        yield self.permission(f"glue:{self.call.operation}", arn)
        if self.parameters.get("Tags"):
            yield self.permission("glue:TagResource", arn)
        yield from self.pass_role(self.parameters.get("Role"))

    def cloudwatch(self) -> Iterator[Permission]:
        if self.call.operation == "PutMetricData":
            yield self.permission("cloudwatch:PutMetricData", "*", cloudwatch_namespace=(self.parameters["Namespace"],))
            return
        names = self.parameters.get("AlarmNames") or [self.parameters.get("AlarmName") or "*"]
        arns = [self.parameters["ResourceARN"]] if "ResourceARN" in self.parameters else []
        for arn in arns or [self.arn(f"alarm:{name}") for name in names]:
            yield self.permission(f"cloudwatch:{self.call.operation}", arn)
            if self.parameters.get("Tags") and self.call.operation == "PutMetricAlarm":
                yield self.permission("cloudwatch:TagResource", arn)

    def logs(self) -> Iterator[Permission]:
        group, stream = (self.parameters.get(f"log{kind}Name") or "" for kind in ("Group", "Stream"))
        yield self.permission(f"logs:{self.call.operation}", self.arn(f"log-group:{group}:log-stream:{stream}"))

    def sns(self) -> Iterator[Permission]:
        topic = self.parameters.get("TopicArn") or self.parameters.get("TargetArn")
        yield self.permission(f"sns:{self.call.operation}", topic or "*")

    def sqs(self) -> Iterator[Permission]:
        queue = urlsplit(self.parameters.get("QueueUrl") or "").path.rpartition("/")[2]
        yield self.permission(f"sqs:{self.call.operation.removesuffix('Batch')}", self.arn(queue) if queue else "*")

    def sts(self) -> Iterator[Permission]:
        if self.call.operation != "GetCallerIdentity":  # everybody may
            yield self.permission(f"sts:{self.call.operation}", self.parameters.get("RoleArn") or "*")


def permissions_of(call: Call, environment: WsgiEnvironment, tags_of: TagsOf) -> list[Permission]:
    """All permissions that a call's caller must have."""
    if call.service == "s3":
        return list(_s3(call, environment))
    needs = _Needs(call, _parameters(call, environment), tags_of)
    of_service: dict[str, Callable[[], Iterator[Permission]]] = {
        SAGEMAKER: needs.sagemaker,
        RUNTIME: needs.runtime,
        "glue": needs.glue,
        "cloudwatch": needs.cloudwatch,
        "logs": needs.logs,
        "sns": needs.sns,
        "sqs": needs.sqs,
        "sts": needs.sts,
    }
    other = [Permission(f"{call.service}:{call.operation}", "*")]
    return list(of_service[call.service]()) if call.service in of_service else other


def s3_permission(action: str, bucket: str, key: str = "", **context: tuple[str, ...]) -> Permission:
    """:param context: S3's condition keys, without their ``s3:``"""
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}" if bucket else "*"
    return Permission(f"s3:{action}", resource, {f"s3:{name}": values for name, values in context.items()})


def _s3(call: Call, environment: WsgiEnvironment) -> Iterator[Permission]:
    bucket, _, key = call.name.partition("/")
    query = parse_qs(environment.get("QUERY_STRING", ""), keep_blank_values=True)
    asked = {name: tuple(query[name]) for name in ("prefix", "delimiter") if name in query}
    action = S3_ACTIONS.get(call.operation, call.operation)
    yield s3_permission(action, bucket, "*" if call.operation == "DeleteObjects" else key, **asked)
    if source := environment.get("HTTP_X_AMZ_COPY_SOURCE"):
        yield s3_permission("GetObject", *unquote(source).partition("?")[0].lstrip("/").split("/", 1))


def _parameters(call: Call, environment: WsgiEnvironment) -> dict[str, Any]:
    """The members of a request in JSON, or of a form. What is neither has none."""
    if environment.get("HTTP_X_AMZ_TARGET"):
        try:
            parameters = json.loads(environment["wsgi.input"].getvalue() or b"{}")
        except ValueError:
            return {}
        return parameters if isinstance(parameters, dict) else {}
    if not environment.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return {}
    request = Request({**environment, "wsgi.input": BytesIO(environment["wsgi.input"].getvalue())})
    try:
        model = get_service_model(call.service).operation_model(call.operation)
    except OperationNotFoundError:
        return {}
    parsed: dict[str, Any] = QueryParser(model).parse({"values": request.values})
    return parsed


def _tags(tags: Any) -> dict[str, str]:
    """By their keys, from a list of SageMaker's form or from Glue's object."""
    if isinstance(tags, dict):
        return tags
    return {tag["Key"]: tag.get("Value", "") for tag in tags or () if isinstance(tag, dict) and "Key" in tag}


def _resource_tags(tags: Tags) -> dict[str, tuple[str, ...]]:
    return {f"aws:ResourceTag/{key}": (value,) for key, value in tags.items()}


def _values(value: Any, member: str) -> Iterator[str]:
    """All values of a member, at any depth of a request."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in FREE_TEXT:
                continue
            if name == member and isinstance(inner, str):
                yield inner
            yield from _values(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, member)
