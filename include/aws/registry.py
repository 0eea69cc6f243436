"""Access to SageMaker's model registry: a group for each hashtag, a version for each evaluated model."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from include.config.errors import ConfigurationError
from include.config.ownership import as_tags
from include.config.settings import BOTOCORE_CONFIG

Approval = Literal["Approved", "Rejected", "PendingManualApproval"]
"""SageMaker's ModelApprovalStatus."""
MAX_CLIENT_TOKEN_CHARACTERS = 36
MAX_DESCRIPTION_CHARACTERS = 1024
DOES_NOT_EXIST = "does not exist"
"""In AWS's messages about missing groups and packages. Their code, ValidationException, has other causes, too."""
DATE = "date"
"""Property with the date of the version's tweets."""
DECIDED, DECIDED_BECAUSE = "approval", "approval_reason"
"""
Properties with the status that this product has set, and a hash of the reason that it gave. If a version has another
status or reason, a person has changed it.
"""

ROLLED_BACK = "rolled_back"
"""
Property of a version that the live endpoint has given up, with the time in ISO 8601. It counts until a person changes
the version's status.
"""
SMOKE_TESTS = "smoke_tests"
"""Property with the URI of the version's smoke tests."""

_JOB = re.compile(r"\(training job (\S+)\)$")


def description_of(job: str, words: str) -> str:
    """A version's description. It names the training job of the model."""
    end = f" (training job {job})"
    return words[: MAX_DESCRIPTION_CHARACTERS - len(end)] + end


def job_of(artifact: str) -> str:
    """The training job that made the artifact at a URI."""
    return artifact.removesuffix("/output/model.tar.gz").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Version:
    """A model package of the hashtag's group."""

    arn: str
    number: int
    approval: Approval
    artifact: str
    """The URI of its model.tar.gz."""
    properties: dict[str, str]
    """Metrics, fingerprints and URIs that were registered with it; empty if somebody else has registered it."""
    approval_reason: str = ""
    image: str = ""
    """Of the container that serves it."""

    @property
    def date(self) -> str:
        """Of its tweets, like 2026-01-31; empty if somebody else has registered it."""
        return self.properties.get(DATE, "")

    @property
    def rolled_back(self) -> str | None:
        """When the live endpoint has given it up; None if it has not, or if a person has set its status since."""
        return self.properties.get(ROLLED_BACK) if self.manual_approval is None else None

    @property
    def manual_approval(self) -> Approval | None:
        """The approval status, if a person has set it; None if this product has."""
        decided = self.properties.get(DECIDED), self.properties.get(DECIDED_BECAUSE)
        return self.approval if decided != (self.approval, _hash(self.approval_reason)) else None

    @classmethod
    def of(cls, package: dict[str, Any]) -> "Version":
        """From DescribeModelPackage's answer."""
        containers = package.get("InferenceSpecification", {}).get("Containers", [{}])
        return cls(
            arn=package["ModelPackageArn"],
            number=package["ModelPackageVersion"],
            approval=package["ModelApprovalStatus"],
            artifact=containers[0].get("ModelDataUrl", ""),
            properties=package.get("CustomerMetadataProperties", {}),
            approval_reason=package.get("ApprovalDescription", ""),
            image=containers[0].get("Image", ""),
        )


class Registry:
    """
    The versions of one group whose artifacts are below one URI. Versions of other deployments are ignored.

    :param client: a boto3 SageMaker client
    :param artifacts: the start of the URIs of this deployment's artifacts
    :param tags: of the group, when it is created. AWS lets its versions have no tags of their own.
    """

    def __init__(self, client: Any, group: str, artifacts: str, tags: Mapping[str, str] | None = None):
        self._client = client
        self.group = group
        self._artifacts = artifacts
        self._tags = tags or {}

    @classmethod
    def connect(cls, group: str, artifacts: str, tags: Mapping[str, str] | None = None) -> "Registry":
        """Use region, credentials and endpoint URL of Airflow's connection, or of the environment."""
        from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook

        return cls(SageMakerHook(aws_conn_id="aws_default", config=BOTOCORE_CONFIG).get_conn(), group, artifacts, tags)

    def champion(self, besides: str | None = None) -> Version | None:
        """The newest Approved version, except those of the artifact `besides`."""
        approved = self._versions(ModelApprovalStatus="Approved")
        return next((version for version in approved if version.artifact != besides), None)

    def version(self, number: int) -> Version:
        """
        A version by its number.

        :raises ConfigurationError: this deployment has no such version
        """
        for summary in self._summaries({}):
            if summary["ModelPackageVersion"] == number:
                version = self._describe(summary["ModelPackageArn"])
                if version.artifact.startswith(self._artifacts):
                    return version
        raise ConfigurationError(f"the model package group {self.group} has no version {number} of this deployment")

    def find(self, artifact: str, since: datetime) -> Version | None:
        """
        The newest version of an artifact, whoever has registered it.

        The descriptions of this product's versions name their training jobs. So only other versions must be described
        one by one.

        :param since: when the training job was created
        """
        versions = self._versions(of_job=job_of(artifact), CreationTimeAfter=since)
        return next((version for version in versions if version.artifact == artifact), None)

    def register(self, request: dict[str, Any], approval_reason: str, since: datetime) -> Version:
        """
        Create a version of a model, or update its version if there is one. A status that a person has set does not
        change. Only a person can withdraw an approval, and not a run with a larger min_gain. And only a person can
        approve a version that was rolled back.

        :param request: CreateModelPackage's request, without group and token
        :param since: when the training job was created
        """
        artifact = request["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        approval = request["ModelApprovalStatus"]
        version = self.find(artifact, since)
        if version is None:
            version = self._create(request)
        elif version.manual_approval is not None:
            return self._update(version, request, {})
        elif version.approval == "Approved" or version.rolled_back:
            approval, approval_reason = version.approval, version.approval_reason
        decided = {DECIDED: approval, DECIDED_BECAUSE: _hash(approval_reason)}
        return self._update(
            version, request, decided, ModelApprovalStatus=approval, ApprovalDescription=approval_reason
        )

    def roll_back(self, version: Version, at: datetime, reason: str) -> Version:
        """
        Reject a version that the live endpoint has given up.

        :param at: when, by AWS's clock
        """
        reason = reason[:MAX_DESCRIPTION_CHARACTERS]
        decided = {DECIDED: "Rejected", DECIDED_BECAUSE: _hash(reason), ROLLED_BACK: at.isoformat(timespec="seconds")}
        self._client.update_model_package(
            ModelPackageArn=version.arn,
            CustomerMetadataProperties=decided,
            ModelApprovalStatus="Rejected",
            ApprovalDescription=reason,
        )
        return self._describe(version.arn)

    def _create(self, request: dict[str, Any]) -> Version:
        """Not approved yet: CreateModelPackage takes no reason, so status and reason are set together afterwards."""
        self._create_group()
        undecided: Approval = "PendingManualApproval"
        properties = {**request["CustomerMetadataProperties"], DECIDED: undecided, DECIDED_BECAUSE: _hash("")}
        request = {**request, "ModelApprovalStatus": undecided, "CustomerMetadataProperties": properties}
        artifact = request["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        token = hashlib.sha256(artifact.encode()).hexdigest()[:MAX_CLIENT_TOKEN_CHARACTERS]
        package = self._client.create_model_package(**request, ModelPackageGroupName=self.group, ClientToken=token)
        return self._describe(package["ModelPackageArn"])

    def _update(self, version: Version, request: dict[str, Any], properties: dict[str, str], **changes: str) -> Version:
        """Other properties do not change."""
        self._client.update_model_package(
            ModelPackageArn=version.arn,
            CustomerMetadataProperties={**request["CustomerMetadataProperties"], **properties},
            **changes,
        )
        return self._describe(version.arn)

    def _create_group(self) -> None:
        try:
            tags = {"Tags": as_tags(self._tags)} if self._tags else {}
            self._client.create_model_package_group(ModelPackageGroupName=self.group, **tags)
        except self._client.exceptions.ClientError as error:
            if "already exists" not in _message(error):
                raise

    def _versions(self, of_job: str | None = None, **filters: Any) -> Iterator[Version]:
        """Newest first, without those whose description names another job; none if the group does not exist yet."""
        for summary in self._summaries(filters):
            job = _JOB.search(summary.get("ModelPackageDescription", ""))
            if of_job is not None and job is not None and job[1] != of_job:
                continue
            try:
                version = self._describe(summary["ModelPackageArn"])
            except self._client.exceptions.ClientError as error:
                if DOES_NOT_EXIST not in _message(error):
                    raise
                continue  # somebody has deleted it since it was listed
            if version.artifact.startswith(self._artifacts):
                yield version

    def _summaries(self, filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.group, SortBy="CreationTime", SortOrder="Descending", **filters
        )
        try:
            for page in pages:
                yield from page["ModelPackageSummaryList"]
        except self._client.exceptions.ClientError as error:
            if DOES_NOT_EXIST not in _message(error):
                raise

    def _describe(self, arn: str) -> Version:
        return Version.of(self._client.describe_model_package(ModelPackageName=arn))


def _message(error: Any) -> str:
    message: str = error.response["Error"]["Message"]
    return message


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
