"""SageMaker's operations: take a parsed request, return the answer of the service model."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from local_aws.aws_errors import UnsupportedOperation
from local_aws.sagemaker.exceptions import SerializationException, ValidationException
from local_aws.sagemaker.models import SageMakerBackend
from local_aws.sagemaker.request_checks import refuse_unsupported
from local_aws.sagemaker.resource import Resource
from local_aws.sagemaker.search import selects
from local_aws.sagemaker.validation import check_request
from local_aws.service_models import service_model

MATCH_NOTHING = ("WarmPoolStatusEquals", "TrainingPlanArnEquals")
"""Filters of List requests for features that no resource has here."""


class SageMakerResponse(BaseResponse):
    """Each operation has a method with its name in snake case. Any other operation is refused by name."""

    def __init__(self) -> None:
        super().__init__(service_name="sagemaker")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> SageMakerBackend:
        from moto.sagemaker.models import sagemaker_backends

        backend: SageMakerBackend = sagemaker_backends[self.current_account][self.region]
        return backend

    def parse_parameters(self, request: Any) -> None:
        self._refusal = self._refuse(request.data)
        if self._refusal is None:  # moto's parser relies on the right types
            super().parse_parameters(request)

    def _refuse(self, body: bytes) -> ServiceException | None:
        """The error for a request that has no operation here or violates the service model."""
        operation = self._get_action()
        if operation not in OPERATIONS:
            return UnsupportedOperation(f"The local AWS does not support SageMaker's {operation}.")
        try:
            check_request(operation, json.loads(body or b"{}"))
        except ValidationException as error:
            return error
        except (ValueError, RecursionError):
            return SerializationException("The request's body is not a JSON object.")
        return None

    def call_action(self) -> Any:
        return super().call_action() if self._refusal is None else self._refused(self._refusal)

    def _refused(self, error: Exception) -> Any:
        status, headers, body = self.serialized(ActionResult(error))
        headers["status"] = str(status)
        return status, headers, body

    # Training jobs

    def create_training_job(self) -> ActionResult:
        return ActionResult({"TrainingJobArn": self.backend.create_training_job(self.params).arn})

    def describe_training_job(self) -> ActionResult:
        return ActionResult(self.backend.training_jobs.find(self.params["TrainingJobName"]).describe())

    def list_training_jobs(self) -> ActionResult:
        return self._page("TrainingJobSummaries", self.backend.training_jobs.values(), order="Ascending")

    def stop_training_job(self) -> ActionResult:
        self.backend.training_jobs.stop(self.params["TrainingJobName"])
        return EmptyResult()

    def delete_training_job(self) -> ActionResult:
        self.backend.delete_training_job(self.params["TrainingJobName"])
        return EmptyResult()

    # Transform jobs

    def create_transform_job(self) -> ActionResult:
        return ActionResult({"TransformJobArn": self.backend.create_transform_job(self.params).arn})

    def describe_transform_job(self) -> ActionResult:
        return ActionResult(self.backend.transform_jobs.find(self.params["TransformJobName"]).describe())

    def list_transform_jobs(self) -> ActionResult:
        return self._page("TransformJobSummaries", self.backend.transform_jobs.values())

    def stop_transform_job(self) -> ActionResult:
        self.backend.transform_jobs.stop(self.params["TransformJobName"])
        return EmptyResult()

    # Hyperparameter tuning jobs

    def create_hyper_parameter_tuning_job(self) -> ActionResult:
        job = self.backend.create_hyper_parameter_tuning_job(self.params)
        return ActionResult({"HyperParameterTuningJobArn": job.arn})

    def describe_hyper_parameter_tuning_job(self) -> ActionResult:
        return ActionResult(self.backend.tuning_jobs.find(self.params["HyperParameterTuningJobName"]).describe())

    def list_hyper_parameter_tuning_jobs(self) -> ActionResult:
        jobs = self.backend.tuning_jobs.values()
        return self._page("HyperParameterTuningJobSummaries", jobs, sort_by="Name", order="Ascending")

    def list_training_jobs_for_hyper_parameter_tuning_job(self) -> ActionResult:
        tuning_job = self.backend.tuning_jobs.find(self.params["HyperParameterTuningJobName"])
        jobs = tuning_job.jobs()
        by_objective = self.params.get("SortBy") == "FinalObjectiveMetricValue"
        if by_objective:
            jobs = [job for job in jobs if tuning_job.objective_of(job) is not None]
        return self._page(
            "TrainingJobSummaries",
            jobs,
            sort_by="Name",
            order="Ascending",
            summarize=tuning_job.summarize_training_job,
            sort_key=tuning_job.objective_of if by_objective else None,
        )

    def stop_hyper_parameter_tuning_job(self) -> ActionResult:
        self.backend.tuning_jobs.stop(self.params["HyperParameterTuningJobName"])
        return EmptyResult()

    def delete_hyper_parameter_tuning_job(self) -> ActionResult:
        self.backend.delete_hyper_parameter_tuning_job(self.params["HyperParameterTuningJobName"])
        return EmptyResult()

    # Models

    def create_model(self) -> ActionResult:
        return ActionResult({"ModelArn": self.backend.create_model(self.params).arn})

    def describe_model(self) -> ActionResult:
        return ActionResult(self.backend.models.find(self.params["ModelName"]).describe())

    def list_models(self) -> ActionResult:
        return self._page("Models", self.backend.models.values())

    def delete_model(self) -> ActionResult:
        self.backend.delete_model(self.params["ModelName"])
        return EmptyResult()

    # Endpoint configurations

    def create_endpoint_config(self) -> ActionResult:
        return ActionResult({"EndpointConfigArn": self.backend.create_endpoint_config(self.params).arn})

    def describe_endpoint_config(self) -> ActionResult:
        return ActionResult(self.backend.endpoint_configs.find(self.params["EndpointConfigName"]).describe())

    def list_endpoint_configs(self) -> ActionResult:
        return self._page("EndpointConfigs", self.backend.endpoint_configs.values())

    def delete_endpoint_config(self) -> ActionResult:
        self.backend.delete_endpoint_config(self.params["EndpointConfigName"])
        return EmptyResult()

    # Endpoints

    def create_endpoint(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.backend.create_endpoint(self.params).arn})

    def describe_endpoint(self) -> ActionResult:
        return ActionResult(self.backend.endpoints.find(self.params["EndpointName"]).describe())

    def list_endpoints(self) -> ActionResult:
        return self._page("Endpoints", self.backend.endpoints.values())

    def update_endpoint(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.backend.update_endpoint(self.params).arn})

    def update_endpoint_weights_and_capacities(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.backend.update_endpoint_weights_and_capacities(self.params).arn})

    def delete_endpoint(self) -> ActionResult:
        self.backend.delete_endpoint(self.params["EndpointName"])
        return EmptyResult()

    # Model registry

    def create_model_package_group(self) -> ActionResult:
        return ActionResult({"ModelPackageGroupArn": self.backend.registry.create_group(self.params).arn})

    def describe_model_package_group(self) -> ActionResult:
        return ActionResult(self.backend.registry.group(self.params["ModelPackageGroupName"]).describe())

    def list_model_package_groups(self) -> ActionResult:
        groups = self.backend.registry.groups.values()
        return self._page("ModelPackageGroupSummaryList", groups, order="Ascending")

    def delete_model_package_group(self) -> ActionResult:
        self.backend.registry.delete_group(self.params["ModelPackageGroupName"])
        return EmptyResult()

    def create_model_package(self) -> ActionResult:
        return ActionResult({"ModelPackageArn": self.backend.registry.create_package(self.params).arn})

    def describe_model_package(self) -> ActionResult:
        return ActionResult(self.backend.registry.package(self.params["ModelPackageName"]).describe())

    def list_model_packages(self) -> ActionResult:
        kind = self.params.get(
            "ModelPackageType", "Versioned" if "ModelPackageGroupName" in self.params else "Unversioned"
        )
        packages = self.backend.model_packages(self.params.get("ModelPackageGroupName"))
        found = [
            package
            for package in packages
            if kind in {"Both", "Versioned" if package.group else "Unversioned"}
            and self.params.get("ModelApprovalStatus", package.approval) == package.approval
        ]
        return self._page("ModelPackageSummaryList", found, order="Ascending")

    def update_model_package(self) -> ActionResult:
        return ActionResult({"ModelPackageArn": self.backend.update_model_package(self.params).arn})

    def delete_model_package(self) -> ActionResult:
        self.backend.registry.delete_package(self.params["ModelPackageName"])
        return EmptyResult()

    # Tags

    def add_tags(self) -> ActionResult:
        resource = self.backend.tagged(self.params["ResourceArn"])
        return ActionResult({"Tags": resource.change_tags(self.params["Tags"])})

    def list_tags(self) -> ActionResult:
        return self._cut("Tags", self.backend.tagged(self.params["ResourceArn"]).tags, default_size=50)

    def delete_tags(self) -> ActionResult:
        resource = self.backend.tagged(self.params["ResourceArn"])
        resource.change_tags([], removed=self.params["TagKeys"])
        return EmptyResult()

    # Search

    def search(self) -> ActionResult:
        kind, expression = self.params["Resource"], self.params.get("SearchExpression", {})
        refuse_unsupported("Search", {**self.params, **expression})
        found = [
            resource
            for resource in self.backend.searchable.get(kind, [])
            if selects(expression, {**resource.facts(), "Tags": resource.tags})
        ]
        by, order = self.params.get("SortBy", "LastModifiedTime"), self.params.get("SortOrder", "Descending")
        found.sort(key=lambda resource: str(resource.facts().get(by, "")), reverse=order == "Descending")
        records = service_model().shape_for("SearchRecord").members
        return self._cut("Results", found, lambda resource: {kind: resource.as_shape(records[kind].name)})

    # Lists: AWS filters, then sorts, then returns a page

    def _page(
        self,
        key: str,
        resources: Iterable[Any],
        sort_by: str = "CreationTime",
        order: str = "Descending",
        summarize: Callable[[Any], dict[str, Any]] = Resource.summarize,
        sort_key: Callable[[Any], Any] | None = None,
    ) -> ActionResult:
        """
        :param sort_by: the operation's default for SortBy
        :param order: the operation's default for SortOrder
        :param sort_key: replaces the key of SortBy
        """
        found = [resource for resource in list(resources) if self._matches(resource)]
        sort_key = sort_key or _SORT_KEYS[self.params.get("SortBy", sort_by)]
        found.sort(
            key=lambda resource: (sort_key(resource), resource.created, resource.name),
            reverse=self.params.get("SortOrder", order) == "Descending",
        )
        return self._cut(key, found, summarize)

    def _cut(
        self, key: str, found: list[Any], summarize: Callable[[Any], Any] = lambda entry: entry, default_size: int = 10
    ) -> ActionResult:
        token = self.params.get("NextToken") or "0"
        if not re.fullmatch(r"[0-9]{1,9}", token):
            raise ValidationException(f"Invalid NextToken: {token[:100]}")
        start = int(token)
        end = start + self.params.get("MaxResults", default_size)
        page: dict[str, Any] = {key: [summarize(entry) for entry in found[start:end]]}
        if end < len(found):
            page["NextToken"] = str(end)
        return ActionResult(page)

    def _matches(self, resource: Any) -> bool:
        return (
            self.params.get("NameContains", "").lower() in resource.name.lower()
            and self.params.get("StatusEquals", resource.status) == resource.status
            and self._is_within("CreationTime", resource.created)
            and self._is_within("LastModifiedTime", resource.modified)
            and not any(self.params.get(name) for name in MATCH_NOTHING)
        )

    def _is_within(self, member: str, time: datetime) -> bool:
        after, before = (self._time(f"{member}{bound}") for bound in ("After", "Before"))
        return (after is None or time > after) and (before is None or time < before)

    def _time(self, member: str) -> datetime | None:
        time: datetime | None = self.params.get(member)
        return time.replace(tzinfo=UTC) if time is not None else None  # moto's parser drops the time zone


_SORT_KEYS: dict[str, Callable[[Any], Any]] = {
    "Name": lambda resource: resource.name,
    "CreationTime": lambda resource: resource.created,
    "Status": lambda resource: resource.status or "",
}

OPERATIONS = frozenset(
    "".join(word.capitalize() for word in name.split("_"))
    for name in vars(SageMakerResponse)
    if name.split("_")[0] in {"create", "describe", "list", "stop", "update", "delete", "add", "search"}
)
