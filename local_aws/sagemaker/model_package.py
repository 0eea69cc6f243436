"""The model registry: groups of model packages, and their versions with an approval status."""

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local_aws.cloud import Cloud
from local_aws.sagemaker.exceptions import ConflictException, ValidationException
from local_aws.sagemaker.resource import Resource, Resources, now

CREATED_BY: dict[str, Any] = {}


@dataclass
class ModelPackageGroup(Resource):
    """A group; its packages are its versions."""

    KIND: ClassVar[str] = "model-package-group"
    NAME_MEMBER: ClassVar[str] = "ModelPackageGroupName"
    SUMMARY: ClassVar[str] = "ModelPackageGroupSummary"

    versions_made: int = 0
    """A deleted version's number is not given again."""

    def facts(self) -> dict[str, Any]:
        return super().facts() | {
            "ModelPackageGroupArn": self.arn,
            "CreatedBy": CREATED_BY,
            "ModelPackageGroupStatus": self.status,
        }


@dataclass
class ModelPackage(Resource):
    """A version of a group, or a package with a name of its own."""

    KIND: ClassVar[str] = "model-package"
    NAME_MEMBER: ClassVar[str] = "ModelPackageName"
    SUMMARY: ClassVar[str] = "ModelPackageSummary"

    version: int | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    """What UpdateModelPackage has changed."""

    @property
    def name(self) -> str:
        """The package's own name, or ``group/version``: what follows the kind in its ARN."""
        return self.arn.partition(f":{self.KIND}/")[2]

    @property
    def group(self) -> str | None:
        group: str | None = self.request.get("ModelPackageGroupName")
        return group

    @property
    def approval(self) -> str | None:
        approval: str | None = self.facts().get("ModelApprovalStatus")
        return approval

    def facts(self) -> dict[str, Any]:
        group = self.group
        return {
            **super().facts(),
            # A version has none on AWS either, though the service model requires one.
            "ModelPackageName": self.request.get("ModelPackageName"),
            "ModelPackageArn": self.arn,
            "ModelPackageVersion": self.version,
            "ModelPackageStatus": self.status,
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "ModelApprovalStatus": self.request.get("ModelApprovalStatus", "PendingManualApproval" if group else None),
            "CreatedBy": CREATED_BY,
            "LastModifiedBy": CREATED_BY,
            "LastModifiedTime": self.modified if self.changes else None,
            "ModelPackageRegistrationType": "Registered",
            **self.changes,
        }

    def update(self, request: dict[str, Any]) -> None:
        """Change what UpdateModelPackage may change here."""
        with self._lock:
            self._update(request)

    def _update(self, request: dict[str, Any]) -> None:
        changes = dict(self.changes)
        for name in ("ModelApprovalStatus", "ApprovalDescription", "SourceUri", "InferenceSpecification"):
            if name in request:
                changes[name] = request[name]
        properties = dict(self.facts().get("CustomerMetadataProperties") or {})
        properties.update(request.get("CustomerMetadataProperties", {}))
        for name in request.get("CustomerMetadataPropertiesToRemove", []):
            properties.pop(name, None)
        if properties or "CustomerMetadataProperties" in changes:
            changes["CustomerMetadataProperties"] = properties
        self.changes, self.modified = changes, now()
        self.save()


class ModelRegistry:
    """Groups and packages of one account and region, and the rules between them."""

    def __init__(self, cloud: Cloud):
        self._lock = threading.RLock()
        self._cloud = cloud
        self.groups = Resources(ModelPackageGroup, cloud, "model package group")
        self.packages = Resources(ModelPackage, cloud, "model package")

    def create_group(self, request: dict[str, Any]) -> ModelPackageGroup:
        with self._lock:
            name = request["ModelPackageGroupName"]
            if name in self.groups:
                raise ValidationException(f"Model Package Group already exists: {self.groups[name].arn}")
            return self.groups.create(request, status="Completed")

    def group(self, name_or_arn: str) -> ModelPackageGroup:
        name = name_or_arn.rpartition("/")[2]
        group = self.groups.get(name)
        if group is None:
            raise ValidationException(f"ModelPackageGroup {self.groups.arn(name)} does not exist.")
        return group

    def delete_group(self, name_or_arn: str) -> None:
        with self._lock:
            group = self.group(name_or_arn)
            if self.versions(group.name):
                raise ConflictException(
                    f"Model Package Group {group.arn} cannot be deleted: it still has model packages."
                )
            self.groups.remove(group.name)

    def versions(self, group: str) -> list[ModelPackage]:
        """The packages of a group, by their version."""
        return sorted(
            (package for package in list(self.packages.values()) if package.group == group),
            key=lambda package: package.version or 0,
        )

    def create_package(self, request: dict[str, Any]) -> ModelPackage:
        with self._lock:
            if group_name := request.get("ModelPackageGroupName"):
                if "ModelPackageName" in request:
                    raise ValidationException("Specify either ModelPackageName or ModelPackageGroupName, not both.")
                group = self.group(group_name)
                if (made := self._made_with(group.name, request.get("ClientToken"))) is not None:
                    return made
                group.versions_made += 1
                group.save()
                arn = self.packages.arn(f"{group.name}/{group.versions_made}")
                request = request | {"ModelPackageGroupName": group.name}
                return self.packages.create(request, arn=arn, status="Completed", version=group.versions_made)
            if "ModelPackageName" not in request:
                raise ValidationException("Specify ModelPackageName or ModelPackageGroupName.")
            if request["ModelPackageName"] in self.packages:
                arn = self.packages[request["ModelPackageName"]].arn
                raise ConflictException(f"Model Package already exists: {arn}")
            return self.packages.create(request, status="Completed")

    def _made_with(self, group: str, token: str | None) -> ModelPackage | None:
        """The version that an earlier request with the same token has made."""
        same = (package for package in self.versions(group) if token and package.request.get("ClientToken") == token)
        return next(same, None)

    def package(self, name_or_arn: str) -> ModelPackage:
        name = name_or_arn.rpartition(":model-package/")[2]
        package = self.packages.get(name)
        if package is None:
            raise ValidationException(f"ModelPackage {self.packages.arn(name)} does not exist.")
        return package

    def delete_package(self, name_or_arn: str) -> None:
        with self._lock:
            self.packages.remove(self.package(name_or_arn).name)
