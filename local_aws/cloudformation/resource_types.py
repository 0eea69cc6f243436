"""
The types of resources: which calls make, change and delete a resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.utilities.utils import get_partition

from local_aws.aws_errors import UnsupportedOperation

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Services:
    """The services of the local AWS, as the caller of a stack's operation calls them."""

    region: str
    client: Callable[[str], Any]
    """Makes a boto3 client of a service."""

    @property
    def partition(self) -> str:
        return str(get_partition(self.region))

    def call(self, service: str, operation: str, **members: Any) -> Any:
        """Call an operation. Numbers and texts become what its members are, as in CloudFormation."""
        client = self.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        method = next(method for method, name in client.meta.method_to_api_mapping.items() if name == operation)
        return getattr(client, method)(**_fit(shape, members))


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that exists."""

    ref: str
    """The value of Ref."""
    attributes: Mapping[str, str]
    """The values of Fn::GetAtt."""


class ResourceType:
    """A type of resources."""

    NAME: str = ""
    """The property with the name; empty if the stack always names resources of this type."""
    SUPPORTED: frozenset[str]
    """Properties that are carried out. Others are refused."""
    CREATE_ONLY: frozenset[str] = frozenset()
    """Properties besides the name whose change replaces the resource."""
    IS_KEPT = False
    """Whether the service itself keeps the resource over a restart, without its settings."""

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        """
        Create a resource, or change it.

        :param old: the properties until now; None if it is created, empty if it exists and they are not known
        """
        raise NotImplementedError

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        raise NotImplementedError


class Bucket(ResourceType):
    NAME = "BucketName"
    IS_KEPT = True

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        if old is None:
            self._create(services, name)
        for key, (operation, member, translate) in _BUCKET_SETTINGS.items():
            if key in properties and (old is None or properties[key] != old.get(key)):
                services.call("s3", operation, Bucket=name, **{member: translate(properties[key])})
        for key in set(old or {}) - set(properties):
            if key != "NotificationConfiguration":
                raise ValueError(f"The local AWS cannot take {key} away from a bucket")
            services.call("s3", "PutBucketNotificationConfiguration", Bucket=name, NotificationConfiguration={})
        arn = f"arn:{services.partition}:s3:::{name}"
        return Made(name, {"Arn": arn, "DomainName": f"{name}.s3.amazonaws.com"})

    def _create(self, services: Services, name: str) -> None:
        with suppress(ClientError):  # the bucket is not there
            services.call("s3", "HeadBucket", Bucket=name)
            raise AlreadyThere(f"{name} already exists")
        # us-east-1 is the region of a bucket without a constraint, and is no valid constraint.
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": services.region}}
        services.call("s3", "CreateBucket", Bucket=name, **({} if services.region == "us-east-1" else elsewhere))

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        services.call("s3", "DeleteBucket", Bucket=made.ref)


class AlreadyThere(Exception):
    """A resource with the name exists, and does not belong to the stack."""


def _encryption(value: Any) -> Any:
    names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {"Rules": [_renamed(rule, names) for rule in value["ServerSideEncryptionConfiguration"]]}


def _notification(value: Any) -> Any:
    return {"QueueConfigurations": [_queue_notification(entry) for entry in value["QueueConfigurations"]]}


def _queue_notification(entry: Any) -> Any:
    found = {"QueueArn": entry["Queue"], "Events": [entry["Event"]]}
    rules = entry.get("Filter", {}).get("S3Key", {}).get("Rules")
    return {**found, "Filter": {"Key": {"FilterRules": rules}}} if rules else found


def _lifecycle(value: Any) -> Any:
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: Any) -> Any:
    supported = {
        *("Id", "Status", "Prefix", "Transitions", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"),
        *("ExpirationInDays", "ExpiredObjectDeleteMarker"),
    }
    _refuse(set(rule) - supported, "LifecycleConfiguration of AWS::S3::Bucket")
    kept = {
        key: rule[key]
        for key in ("Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
        if key in rule
    }
    transitions = [_renamed(entry, {"TransitionInDays": "Days"}) for entry in rule.get("Transitions", [])]
    names = {"ExpirationInDays": "Days", "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}
    expiration = {names[key]: rule[key] for key in names if key in rule}
    found = {"Filter": {"Prefix": rule.get("Prefix", "")}, "ID": rule.get("Id"), "Transitions": transitions}
    return {**kept, **{key: entry for key, entry in {**found, "Expiration": expiration}.items() if entry}}


def _renamed(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in entry.items()}


def _same(value: Any) -> Any:
    return value


_BUCKET_SETTINGS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "BucketEncryption": ("PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption),
    "PublicAccessBlockConfiguration": ("PutPublicAccessBlock", "PublicAccessBlockConfiguration", _same),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls", _same),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", _same),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", "LifecycleConfiguration", _lifecycle),
    "NotificationConfiguration": ("PutBucketNotificationConfiguration", "NotificationConfiguration", _notification),
    "Tags": ("PutBucketTagging", "Tagging", lambda tags: {"TagSet": tags}),
}
"""The operation that puts each property, the member that takes it, and how its value is written there."""
Bucket.SUPPORTED = frozenset({"BucketName", *_BUCKET_SETTINGS})


class BucketPolicy(ResourceType):
    SUPPORTED = frozenset({"Bucket", "PolicyDocument"})
    CREATE_ONLY = frozenset({"Bucket"})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        policy = json.dumps(properties["PolicyDocument"])
        services.call("s3", "PutBucketPolicy", Bucket=properties["Bucket"], Policy=policy)
        return Made(properties["Bucket"], {})

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        services.call("s3", "DeleteBucketPolicy", Bucket=properties["Bucket"])


class Role(ResourceType):
    NAME = "RoleName"
    SUPPORTED = frozenset({"RoleName", "AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "Tags"})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        trust = json.dumps(properties["AssumeRolePolicyDocument"])
        if old is None:
            rest = {key: properties[key] for key in ("Description", "Tags") if key in properties}
            services.call("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust, **rest)
        else:
            services.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=trust)
            services.call("iam", "UpdateRole", RoleName=name, Description=properties.get("Description", ""))
            self._tag(services, name, properties.get("Tags", []), old.get("Tags", []))
        self._attach(services, name, properties.get("ManagedPolicyArns", []), (old or {}).get("ManagedPolicyArns", []))
        role = services.call("iam", "GetRole", RoleName=name)["Role"]
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def _attach(self, services: Services, name: str, wanted: list[str], attached: list[str]) -> None:
        for arn in wanted:
            services.call("iam", "AttachRolePolicy", RoleName=name, PolicyArn=arn)
        for arn in set(attached) - set(wanted):
            services.call("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)

    def _tag(self, services: Services, name: str, wanted: list[dict[str, str]], old: list[dict[str, str]]) -> None:
        if wanted:
            services.call("iam", "TagRole", RoleName=name, Tags=wanted)
        if gone := {tag["Key"] for tag in old} - {tag["Key"] for tag in wanted}:
            services.call("iam", "UntagRole", RoleName=name, TagKeys=sorted(gone))

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        self._attach(services, made.ref, [], properties.get("ManagedPolicyArns", []))
        services.call("iam", "DeleteRole", RoleName=made.ref)


class ManagedPolicy(ResourceType):
    NAME = "ManagedPolicyName"
    SUPPORTED = frozenset({"ManagedPolicyName", "PolicyDocument", "Description", "Roles"})
    CREATE_ONLY = frozenset({"Description"})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        document = json.dumps(properties["PolicyDocument"])
        arn = f"arn:{services.partition}:iam::{DEFAULT_ACCOUNT_ID}:policy/{name}"
        if old is None:
            description = properties.get("Description", "")
            services.call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=document, Description=description)
        elif properties["PolicyDocument"] != old["PolicyDocument"]:
            self._remove_older_versions(services, arn)
            services.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        self._attach(services, arn, properties.get("Roles", []), (old or {}).get("Roles", []))
        return Made(arn, {"PolicyArn": arn})

    def _attach(self, services: Services, arn: str, wanted: list[str], attached: list[str]) -> None:
        for role in wanted:
            services.call("iam", "AttachRolePolicy", RoleName=role, PolicyArn=arn)
        for role in set(attached) - set(wanted):
            services.call("iam", "DetachRolePolicy", RoleName=role, PolicyArn=arn)

    def _remove_older_versions(self, services: Services, arn: str) -> None:
        """IAM keeps five at most."""
        for version in services.call("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                services.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        self._attach(services, made.ref, [], properties.get("Roles", []))
        self._remove_older_versions(services, made.ref)
        services.call("iam", "DeletePolicy", PolicyArn=made.ref)


class Topic(ResourceType):
    NAME = "TopicName"
    SUPPORTED = frozenset({"TopicName", "DisplayName", "Subscription"})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        arn = services.call("sns", "CreateTopic", Name=name)["TopicArn"]
        display_name = properties.get("DisplayName", "")
        services.call(
            "sns", "SetTopicAttributes", TopicArn=arn, AttributeName="DisplayName", AttributeValue=display_name
        )
        self._subscribe(services, arn, properties.get("Subscription", []))
        return Made(arn, {"TopicArn": arn, "TopicName": name})

    def _subscribe(self, services: Services, arn: str, wanted: list[dict[str, str]]) -> None:
        for found in services.call("sns", "ListSubscriptionsByTopic", TopicArn=arn)["Subscriptions"]:
            if {"Protocol": found["Protocol"], "Endpoint": found["Endpoint"]} not in wanted:
                services.call("sns", "Unsubscribe", SubscriptionArn=found["SubscriptionArn"])
        for subscription in wanted:
            services.call("sns", "Subscribe", TopicArn=arn, **subscription)

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        self._subscribe(services, made.ref, [])
        services.call("sns", "DeleteTopic", TopicArn=made.ref)


class Queue(ResourceType):
    NAME = "QueueName"
    _DEFAULTS: ClassVar = {
        "MessageRetentionPeriod": "345600",
        "VisibilityTimeout": "30",
        "SqsManagedSseEnabled": "true",
    }
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    SUPPORTED = frozenset({"QueueName", *_DEFAULTS})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        attributes = {key: _text(properties.get(key, default)) for key, default in self._DEFAULTS.items()}
        if old is None:
            url = services.call("sqs", "CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        else:
            url = services.call("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"]
            services.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=attributes)
        arn = f"arn:{services.partition}:sqs:{services.region}:{DEFAULT_ACCOUNT_ID}:{name}"
        return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        services.call("sqs", "DeleteQueue", QueueUrl=made.ref)


class QueuePolicy(ResourceType):
    SUPPORTED = frozenset({"Queues", "PolicyDocument"})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        self._set(services, properties["Queues"], json.dumps(properties["PolicyDocument"]))
        return Made(name, {"Id": name})

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        self._set(services, properties["Queues"], "")

    def _set(self, services: Services, urls: list[str], policy: str) -> None:
        for url in urls:
            services.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})


class Alarm(ResourceType):
    NAME = "AlarmName"
    SUPPORTED = frozenset(
        {
            *(
                "AlarmName",
                "AlarmDescription",
                "ActionsEnabled",
                "AlarmActions",
                "OKActions",
                "InsufficientDataActions",
            ),
            *("Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Unit", "Period", "Threshold"),
            *("EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "TreatMissingData"),
        }
    )

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        services.call("cloudwatch", "PutMetricAlarm", **{**properties, "AlarmName": name})
        arn = f"arn:{services.partition}:cloudwatch:{services.region}:{DEFAULT_ACCOUNT_ID}:alarm:{name}"
        return Made(name, {"Arn": arn})

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        services.call("cloudwatch", "DeleteAlarms", AlarmNames=[made.ref])


class Budget(ResourceType):
    SUPPORTED = frozenset({"Budget", "NotificationsWithSubscribers"})
    CREATE_ONLY = frozenset({"NotificationsWithSubscribers"})

    def put(self, services: Services, name: str, properties: Properties, old: Properties | None) -> Made:
        if "BudgetName" in properties["Budget"]:
            raise ValueError(
                "The local AWS does not support BudgetName of Budget of AWS::Budgets::Budget in templates."
            )
        if old is not None:  # moto has no UpdateBudget
            self.delete(services, Made(name, {}), old)
        budget = {**properties, "Budget": {"BudgetName": name, **properties["Budget"]}}
        services.call("budgets", "CreateBudget", AccountId=DEFAULT_ACCOUNT_ID, **budget)
        return Made(name, {})

    def delete(self, services: Services, made: Made, properties: Properties) -> None:
        services.call("budgets", "DeleteBudget", AccountId=DEFAULT_ACCOUNT_ID, BudgetName=made.ref)


TYPES: dict[str, ResourceType] = {
    "AWS::S3::Bucket": Bucket(),
    "AWS::S3::BucketPolicy": BucketPolicy(),
    "AWS::IAM::Role": Role(),
    "AWS::IAM::ManagedPolicy": ManagedPolicy(),
    "AWS::SNS::Topic": Topic(),
    "AWS::SQS::Queue": Queue(),
    "AWS::SQS::QueuePolicy": QueuePolicy(),
    "AWS::CloudWatch::Alarm": Alarm(),
    "AWS::Budgets::Budget": Budget(),
}


def check_supported(kind: str, properties: Properties) -> None:
    """
    :raises UnsupportedOperation: the local AWS does not carry out the type, or one of the properties
    """
    if kind not in TYPES:
        raise UnsupportedOperation(f"The local AWS does not support {kind} in templates.")
    _refuse(set(properties) - TYPES[kind].SUPPORTED, kind)


def _refuse(members: set[str], what: str) -> None:
    if members:
        raise UnsupportedOperation(
            f"The local AWS does not support {', '.join(sorted(members))} of {what} in templates."
        )


def _fit(shape: Any, value: Any) -> Any:
    """A value of a template, in the type that a member of a request has; `shape` is botocore's, or None."""
    kind = shape.type_name if shape is not None else ""
    if isinstance(value, Mapping):
        return {key: _fit(_member(shape, kind, key), entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_fit(shape.member if kind == "list" else None, entry) for entry in value]
    return _SCALARS.get(kind, _same)(value)


def _member(shape: Any, kind: str, key: str) -> Any:
    if kind == "structure":
        return shape.members.get(key)
    return shape.value if kind == "map" else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda value: value if isinstance(value, bool) else str(value).lower() == "true",
}
