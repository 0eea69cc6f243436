"""SageMaker's state in one account and region, and the rules by which it changes."""

import threading
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol, TypeVar

from moto.core.base_backend import BaseBackend

from include.local_aws.cloud import S3, NoSuchObject, split_uri
from include.local_aws.pace import Pace
from include.local_aws.sagemaker.endpoint import Endpoint, EndpointConfig, Model
from include.local_aws.sagemaker.exceptions import ResourceInUse, ValidationException
from include.local_aws.sagemaker.training_job import TrainingJob


class Resource(Protocol):
    """What tags and lists need of a resource."""

    name: str
    arn: str
    tags: list[dict[str, str]]


T = TypeVar("T", bound=Resource)


class SageMakerBackend(BaseBackend):
    """Training jobs, models, endpoint configurations and endpoints."""

    pace: ClassVar[Pace] = Pace()
    _backends: ClassVar[list["SageMakerBackend"]] = []

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self._lock = threading.RLock()
        self.training_jobs: dict[str, TrainingJob] = {}
        self.models: dict[str, Model] = {}
        self.endpoint_configs: dict[str, EndpointConfig] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self._backends.append(self)

    @classmethod
    def stop_all(cls) -> None:
        """End every training that still runs."""
        for backend in cls._backends:
            for job in backend.training_jobs.values():
                job.abandon()

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self.region_name}:{self.account_id}:{kind}/{name.lower()}"

    # Training jobs

    def create_training_job(self, request: dict[str, Any]) -> TrainingJob:
        name = request["TrainingJobName"]
        arn = f"arn:aws:sagemaker:{self.region_name}:{self.account_id}:training-job/{name}"
        with self._lock:
            if name in self.training_jobs:
                raise ResourceInUse(
                    "Training job names must be unique within an AWS account and region, and a training job with "
                    f"this name already exists ({arn})"
                )
            self._check_training_request(request)
            job = TrainingJob(request, arn, self.account_id, self.region_name, self.pace)
            self.training_jobs[name] = job
        job.start()
        return job

    def _check_training_request(self, request: dict[str, Any]) -> None:
        image = request["AlgorithmSpecification"].get("TrainingImage", "")
        if "blazingtext" not in image:
            raise ValidationException(f"This local AWS trains with the BlazingText image only, not with '{image}'.")
        s3 = S3(self.account_id)
        for channel in request.get("InputDataConfig", []):
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            try:
                found = bool(s3.list_keys(*split_uri(uri)))
            except NoSuchObject:
                found = False
            if not found:
                raise ValidationException(
                    f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the '
                    "bucket exists in the selected region, that objects exist under that S3 prefix, and that the "
                    "role has access to them."
                )

    def training_job(self, name: str) -> TrainingJob:
        if name not in self.training_jobs:
            raise ValidationException("Requested resource not found.")
        return self.training_jobs[name]

    def stop_training_job(self, name: str) -> None:
        status = self.training_job(name).stop()
        if status not in {"InProgress", "Stopping"}:
            raise ValidationException(f"The request was rejected because the training job is in status {status}.")

    # Models and endpoint configurations

    def create_model(self, request: dict[str, Any]) -> Model:
        model = Model(request, self._arn("model", request["ModelName"]))
        return self._add(self.models, model, "model")

    def model(self, name: str) -> Model:
        return self._find(self.models, name, "model")

    def delete_model(self, name: str) -> None:
        with self._lock:
            del self.models[self.model(name).name]

    def create_endpoint_config(self, request: dict[str, Any]) -> EndpointConfig:
        for variant in request["ProductionVariants"]:
            self.model(variant["ModelName"])
        config = EndpointConfig(request, self._arn("endpoint-config", request["EndpointConfigName"]))
        return self._add(self.endpoint_configs, config, "endpoint configuration")

    def endpoint_config(self, name: str) -> EndpointConfig:
        return self._find(self.endpoint_configs, name, "endpoint configuration", "endpoint-config")

    def delete_endpoint_config(self, name: str) -> None:
        with self._lock:
            del self.endpoint_configs[self.endpoint_config(name).name]

    # Endpoints

    def create_endpoint(self, request: dict[str, Any]) -> Endpoint:
        config = self.endpoint_config(request["EndpointConfigName"])
        with self._lock:
            name = request["EndpointName"]
            self._refuse_existing(self.endpoints, name, self._arn("endpoint", name), "endpoint")
            self.endpoints[name] = Endpoint(
                request, self._arn("endpoint", name), config, self.account_id, self.pace, self.model
            )
        return self.endpoints[name]

    def endpoint(self, name: str) -> Endpoint:
        return self._find(self.endpoints, name, "endpoint")

    def update_endpoint(self, request: dict[str, Any]) -> Endpoint:
        with self._lock:
            endpoint = self._settled_endpoint(request["EndpointName"])
            endpoint.update(self.endpoint_config(request["EndpointConfigName"]))
        return endpoint

    def delete_endpoint(self, name: str) -> None:
        with self._lock:
            self._settled_endpoint(name).delete(when_gone=lambda: self.endpoints.pop(name))

    def _settled_endpoint(self, name: str) -> Endpoint:
        endpoint = self.endpoint(name)
        if endpoint.status in Endpoint.IN_PROGRESS:
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        return endpoint

    # Tags

    def tagged(self, arn: str) -> Resource:
        """The resource of an ARN."""
        kinds: Iterable[dict[str, Any]] = (
            self.training_jobs,
            self.models,
            self.endpoint_configs,
            self.endpoints,
        )
        for resources in kinds:
            for resource in list(resources.values()):
                if resource.arn == arn:
                    found: Resource = resource
                    return found
        raise ValidationException(f'Could not find resource "{arn}".')

    def _add(self, resources: dict[str, T], resource: T, kind: str) -> T:
        with self._lock:
            self._refuse_existing(resources, resource.name, resource.arn, kind)
            resources[resource.name] = resource
        return resource

    def _refuse_existing(self, resources: dict[str, Any], name: str, arn: str, kind: str) -> None:
        if name in resources:
            raise ValidationException(f'Cannot create already existing {kind} "{arn}".')

    def _find(self, resources: dict[str, T], name: str, kind: str, arn_kind: str = "") -> T:
        if name not in resources:
            raise ValidationException(f'Could not find {kind} "{self._arn(arn_kind or kind, name)}".')
        return resources[name]
