"""The one seam to SageMaker's model registry: a group for each hashtag, a version for each evaluated model."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from include.config.settings import BOTOCORE_CONFIG

Approval = Literal["Approved", "Rejected", "PendingManualApproval"]
"""SageMaker's ModelApprovalStatus."""
MAX_CLIENT_TOKEN_CHARACTERS = 36
MAX_DESCRIPTION_CHARACTERS = 1024
DOES_NOT_EXIST = "does not exist"
"""So AWS words it for groups and packages; the code is ValidationException, as for any other fault."""
DECIDED, DECIDED_BECAUSE = "approval", "approval_reason"
"""Properties with the status that this product gave, and a hash of the reason that it wrote beside it; where a version
has others, a person has changed them."""

_JOB = re.compile(r"\(training job (\S+)\)$")


def description_of(job: str, words: str) -> str:
    """A version's description, which says which training job has made its model."""
    end = f" (training job {job})"
    return words[: MAX_DESCRIPTION_CHARACTERS - len(end)] + end


def job_of(artifact: str) -> str:
    """The training job whose artifact lies at a URI."""
    return artifact.removesuffix("/output/model.tar.gz").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Version:
    """A model package of the hashtag's group."""

    arn: str
    number: int
    approval: Approval
    artifact: str
    """URI of its model.tar.gz."""
    properties: dict[str, str]
    """What was registered beside it: figures, fingerprints, URIs; empty for one that somebody else has registered."""
    approval_reason: str = ""

    @property
    def manual_approval(self) -> Approval | None:
        """The approval status, where it is a person's and not this product's own."""
        decided = self.properties.get(DECIDED), self.properties.get(DECIDED_BECAUSE)
        return self.approval if decided != (self.approval, _hash(self.approval_reason)) else None

    @classmethod
    def of(cls, package: dict[str, Any]) -> "Version":
        """Out of DescribeModelPackage's answer."""
        containers = package.get("InferenceSpecification", {}).get("Containers", [{}])
        return cls(
            arn=package["ModelPackageArn"],
            number=package["ModelPackageVersion"],
            approval=package["ModelApprovalStatus"],
            artifact=containers[0].get("ModelDataUrl", ""),
            properties=package.get("CustomerMetadataProperties", {}),
            approval_reason=package.get("ApprovalDescription", ""),
        )


class Registry:
    """
    The versions of one group whose artifacts lie below one URI; another deployment's are passed over.

    :param client: a boto3 SageMaker client
    :param artifacts: what the URIs of this deployment's artifacts begin with
    """

    def __init__(self, client: Any, group: str, artifacts: str):
        self._client = client
        self.group = group
        self._artifacts = artifacts

    @classmethod
    def connect(cls, group: str, artifacts: str, aws_conn_id: str = "aws_default") -> "Registry":
        """With the region, the credentials and the endpoint of an Airflow connection, or of the environment."""
        from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook

        return cls(SageMakerHook(aws_conn_id=aws_conn_id, config=BOTOCORE_CONFIG).get_conn(), group, artifacts)

    def champion(self, besides: str | None = None) -> Version | None:
        """The newest Approved version, other than that of the artifact `besides`."""
        approved = self._versions(ModelApprovalStatus="Approved")
        return next((version for version in approved if version.artifact != besides), None)

    def find(self, artifact: str, since: datetime) -> Version | None:
        """
        The newest version of an artifact that was made at `since`, whoever registered it. What this product registered
        says in its description which job made it, so that only versions of others must be described one by one.
        """
        versions = self._versions(of_job=job_of(artifact), CreationTimeAfter=since)
        return next((version for version in versions if version.artifact == artifact), None)

    def register(self, request: dict[str, Any], approval_reason: str, since: datetime) -> Version:
        """
        Make a version of a model, or bring the version that it has up to date; a person's word on it stands, and a
        version that was approved is withdrawn by a person only, not by a run that asks for more.

        :param request: CreateModelPackage's, without group and token
        :param since: when the artifact was made
        """
        artifact = request["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        approval = request["ModelApprovalStatus"]
        version = self.find(artifact, since)
        if version is None:
            version = self._create(request)
        elif version.manual_approval is not None:
            return self._update(version, request, {})
        elif version.approval == "Approved":
            approval, approval_reason = version.approval, version.approval_reason
        decided = {DECIDED: approval, DECIDED_BECAUSE: _hash(approval_reason)}
        return self._update(
            version, request, decided, ModelApprovalStatus=approval, ApprovalDescription=approval_reason
        )

    def _create(self, request: dict[str, Any]) -> Version:
        """Not approved yet: creation takes no reason, so status and reason are written together, behind it."""
        self._create_group()
        undecided: Approval = "PendingManualApproval"
        properties = {**request["CustomerMetadataProperties"], DECIDED: undecided, DECIDED_BECAUSE: _hash("")}
        request = {**request, "ModelApprovalStatus": undecided, "CustomerMetadataProperties": properties}
        artifact = request["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        token = hashlib.sha256(artifact.encode()).hexdigest()[:MAX_CLIENT_TOKEN_CHARACTERS]
        package = self._client.create_model_package(**request, ModelPackageGroupName=self.group, ClientToken=token)
        return self._describe(package["ModelPackageArn"])

    def _update(self, version: Version, request: dict[str, Any], properties: dict[str, str], **changes: str) -> Version:
        """Properties that are not named stay as they are."""
        self._client.update_model_package(
            ModelPackageArn=version.arn,
            CustomerMetadataProperties={**request["CustomerMetadataProperties"], **properties},
            **changes,
        )
        return self._describe(version.arn)

    def _create_group(self) -> None:
        try:
            self._client.create_model_package_group(ModelPackageGroupName=self.group)
        except self._client.exceptions.ClientError as error:
            if "already exists" not in _message(error):
                raise

    def _versions(self, of_job: str | None = None, **filters: Any) -> Iterator[Version]:
        """The newest first, without those that say they are of another job; none where there is no such group yet."""
        for summary in self._summaries(filters):
            job = _JOB.search(summary.get("ModelPackageDescription", ""))
            if of_job is not None and job is not None and job[1] != of_job:
                continue
            try:
                version = self._describe(summary["ModelPackageArn"])
            except self._client.exceptions.ClientError as error:
                if DOES_NOT_EXIST not in _message(error):
                    raise
                continue  # a person has deleted it since it was listed
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
