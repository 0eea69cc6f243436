"""The model registry: groups of model packages, and packages with their approval status."""

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local_aws.cloud import Cloud
from local_aws.sagemaker.exceptions import ConflictException, ValidationException
from local_aws.sagemaker.resource import Resource, Resources, now

CREATED_BY: dict[str, Any] = {}
MAX_PROPERTIES = 50


@dataclass
class ModelPackageGroup(Resource):
    """A group. Its packages are its versions."""

    KIND: ClassVar[str] = "model-package-group"
    NAME_MEMBER: ClassVar[str] = "ModelPackageGroupName"
    SUMMARY: ClassVar[str] = "ModelPackageGroupSummary"

    versions_made: int = 0
    """The number of versions ever created, because the number of a deleted version is not used again."""

    def facts(self) -> dict[str, Any]:
        return super().facts() | {
            "ModelPackageGroupArn": self.arn,
            "CreatedBy": CREATED_BY,
            "ModelPackageGroupStatus": self.status,
        }


@dataclass
class ModelPackage(Resource):
    """A version of a group, or a package that has a name and no group."""

    KIND: ClassVar[str] = "model-package"
    NAME_MEMBER: ClassVar[str] = "ModelPackageName"
    SUMMARY: ClassVar[str] = "ModelPackageSummary"

    version: int | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    """The members that UpdateModelPackage has changed."""

    @property
    def name(self) -> str:
        """The last part of the ARN: ``group/version``, or the name of a package without a group."""
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
            # The service model requires this member, but as on AWS a version does not have it.
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
        """Apply an UpdateModelPackage request."""
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
        if len(properties) > MAX_PROPERTIES:
            raise ValidationException(f"A model package can have {MAX_PROPERTIES} CustomerMetadataProperties.")
        if properties or "CustomerMetadataProperties" in changes:
            changes["CustomerMetadataProperties"] = properties
        self.change(changes=changes, modified=now())


class ModelRegistry:
    """The groups and packages of one account and region."""

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
        """The packages of a group, by version."""
        return sorted(
            (package for package in list(self.packages.values()) if package.group == group),
            key=lambda package: package.version or 0,
        )

    def create_package(self, request: dict[str, Any]) -> ModelPackage:
        name, group_name = request.get("ModelPackageName"), request.get("ModelPackageGroupName")
        if name and group_name:
            raise ValidationException("Specify either ModelPackageName or ModelPackageGroupName, not both.")
        if not name and not group_name:
            raise ValidationException("Specify ModelPackageName or ModelPackageGroupName.")
        with self._lock:
            if group_name:
                return self._create_version(self.group(group_name), request)
            if existing := self.packages.get(str(name)):
                raise ConflictException(f"Model Package already exists: {existing.arn}")
            return self.packages.create(request, status="Completed")

    def _create_version(self, group: ModelPackageGroup, request: dict[str, Any]) -> ModelPackage:
        if existing := self._created_with(group.name, request.get("ClientToken")):
            return existing
        self.packages.require_room()
        group.change(versions_made=group.versions_made + 1)
        arn = self.packages.arn(f"{group.name}/{group.versions_made}")
        request = request | {"ModelPackageGroupName": group.name}
        return self.packages.create(request, arn=arn, status="Completed", version=group.versions_made)

    def _created_with(self, group: str, token: str | None) -> ModelPackage | None:
        """The version that an earlier request with the same ClientToken created."""
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
