"""SageMaker's operations: from a parsed request to the service model's answer."""

import json
from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from include.local_aws.sagemaker.exceptions import SerializationException, UnsupportedOperation, ValidationException
from include.local_aws.sagemaker.models import SageMakerBackend
from include.local_aws.sagemaker.validation import check_request


class SageMakerResponse(BaseResponse):
    """One method per operation, by the operation's name in snake case; any other operation is refused by name."""

    def __init__(self) -> None:
        super().__init__(service_name="sagemaker")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> SageMakerBackend:
        from moto.sagemaker.models import sagemaker_backends

        backend: SageMakerBackend = sagemaker_backends[self.current_account][self.region]
        return backend

    def parse_parameters(self, request: Any) -> None:
        try:
            self._body_is_readable = isinstance(json.loads(request.data or b"{}"), dict)
        except ValueError:
            self._body_is_readable = False
        if self._body_is_readable:
            super().parse_parameters(request)

    def call_action(self) -> Any:
        operation = self._get_action()
        if not self._body_is_readable:
            return self._refused(SerializationException("The request's body is not a JSON object."))
        if operation not in OPERATIONS:
            return self._refused(UnsupportedOperation(f"The local AWS does not support SageMaker's {operation}."))
        try:
            check_request(operation, self.params)
        except ValidationException as error:
            return self._refused(error)
        return super().call_action()

    def _refused(self, error: Exception) -> Any:
        status, headers, body = self.serialized(ActionResult(error))
        headers["status"] = str(status)
        return status, headers, body

    def create_training_job(self) -> ActionResult:
        return ActionResult({"TrainingJobArn": self.backend.create_training_job(self.params).arn})

    def describe_training_job(self) -> ActionResult:
        return ActionResult(self.backend.training_job(self.params["TrainingJobName"]).describe())

    def stop_training_job(self) -> ActionResult:
        self.backend.stop_training_job(self.params["TrainingJobName"])
        return EmptyResult()

    def list_training_jobs(self) -> ActionResult:
        return self._page("TrainingJobSummaries", self.backend.training_jobs.values())

    def create_model(self) -> ActionResult:
        return ActionResult({"ModelArn": self.backend.create_model(self.params).arn})

    def describe_model(self) -> ActionResult:
        return ActionResult(self.backend.model(self.params["ModelName"]).describe())

    def delete_model(self) -> ActionResult:
        self.backend.delete_model(self.params["ModelName"])
        return EmptyResult()

    def list_models(self) -> ActionResult:
        return self._page("Models", self.backend.models.values())

    def create_endpoint_config(self) -> ActionResult:
        return ActionResult({"EndpointConfigArn": self.backend.create_endpoint_config(self.params).arn})

    def describe_endpoint_config(self) -> ActionResult:
        return ActionResult(self.backend.endpoint_config(self.params["EndpointConfigName"]).describe())

    def delete_endpoint_config(self) -> ActionResult:
        self.backend.delete_endpoint_config(self.params["EndpointConfigName"])
        return EmptyResult()

    def list_endpoint_configs(self) -> ActionResult:
        return self._page("EndpointConfigs", self.backend.endpoint_configs.values())

    def create_endpoint(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.backend.create_endpoint(self.params).arn})

    def describe_endpoint(self) -> ActionResult:
        return ActionResult(self.backend.endpoint(self.params["EndpointName"]).describe())

    def update_endpoint(self) -> ActionResult:
        return ActionResult({"EndpointArn": self.backend.update_endpoint(self.params).arn})

    def delete_endpoint(self) -> ActionResult:
        self.backend.delete_endpoint(self.params["EndpointName"])
        return EmptyResult()

    def list_endpoints(self) -> ActionResult:
        return self._page("Endpoints", self.backend.endpoints.values())

    def add_tags(self) -> ActionResult:
        resource = self.backend.tagged(self.params["ResourceArn"])
        tags = {tag["Key"]: tag for tag in [*resource.tags, *self.params["Tags"]]}
        resource.tags = list(tags.values())
        return ActionResult({"Tags": resource.tags})

    def list_tags(self) -> ActionResult:
        return ActionResult({"Tags": self.backend.tagged(self.params["ResourceArn"]).tags})

    def delete_tags(self) -> ActionResult:
        resource = self.backend.tagged(self.params["ResourceArn"])
        resource.tags = [tag for tag in resource.tags if tag["Key"] not in self.params["TagKeys"]]
        return EmptyResult()

    def _page(self, key: str, resources: Iterable[Any]) -> ActionResult:
        """Filter, then sort, then cut a page, as AWS does."""
        found = [resource for resource in list(resources) if self._matches(resource)]
        by_name = self.params.get("SortBy") == "Name"
        found.sort(
            key=lambda resource: (resource.name if by_name else resource.created, resource.name),
            reverse=self.params.get("SortOrder", "Descending") == "Descending",
        )
        token = self.params.get("NextToken") or "0"
        if not token.isdecimal():
            raise ValidationException(f"Invalid NextToken: {token[:100]}")
        start = int(token)
        end = start + self.params.get("MaxResults", 10)
        page: dict[str, Any] = {key: [resource.summarize() for resource in found[start:end]]}
        if end < len(found):
            page["NextToken"] = str(end)
        return ActionResult(page)

    def _matches(self, resource: Any) -> bool:
        return (
            self.params.get("NameContains", "").lower() in resource.name.lower()
            and self.params.get("StatusEquals", getattr(resource, "status", None)) == getattr(resource, "status", None)
            and ("CreationTimeAfter" not in self.params or resource.created > self.params["CreationTimeAfter"])
            and ("CreationTimeBefore" not in self.params or resource.created < self.params["CreationTimeBefore"])
        )


OPERATIONS = frozenset(
    "".join(word.capitalize() for word in name.split("_"))
    for name in vars(SageMakerResponse)
    if name.split("_")[0] in {"create", "describe", "list", "stop", "update", "delete", "add"}
)
