"""SageMaker's state in one account and region, and how requests change it."""

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

from moto.core.base_backend import BaseBackend

from local_aws.access import Access
from local_aws.alarms import alarms_of
from local_aws.cloud import Cloud
from local_aws.faults import Faults
from local_aws.pace import Pace
from local_aws.s3_objects import S3Objects
from local_aws.sagemaker import request_checks
from local_aws.sagemaker.deployment_policy import check_deployment_config
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.endpoint_config import EndpointConfig, Model
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.job import Jobs
from local_aws.sagemaker.model_package import ModelPackage, ModelRegistry
from local_aws.sagemaker.resource import Resource, Resources, now
from local_aws.sagemaker.training_job import TrainingJob
from local_aws.sagemaker.transform_job import TransformJob
from local_aws.sagemaker.tuning_job import HyperParameterTuningJob
from local_aws.sagemaker.variants import retain
from local_aws.store import Store


@dataclass(frozen=True)
class Services:
    """What all backends share."""

    pace: Pace = field(default_factory=Pace)
    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    s3_objects: S3Objects = field(default_factory=lambda: S3Objects(Store()))
    access: Access = field(default_factory=Access)

    def cloud(self, account_id: str, region: str) -> Cloud:
        """The services of one account and region."""
        return Cloud(account_id, region, self.s3_objects, self.pace, self.store, self.faults, self.access)


class SageMakerBackend(BaseBackend):
    """Jobs, models, endpoint configurations, endpoints and the model registry of an account and region."""

    services: ClassVar[Services] = Services()
    instances: ClassVar[list["SageMakerBackend"]] = []

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        services = self.services
        cloud = services.cloud(account_id, region_name)
        self.cloud = cloud
        self._lock = threading.RLock()
        self.training_jobs = Jobs(TrainingJob, cloud, "training job")
        self.transform_jobs = Jobs(TransformJob, cloud, "transform job")
        self.tuning_jobs = Jobs(HyperParameterTuningJob, cloud, "hyperparameter tuning job")
        self.models = Resources(Model, cloud, "model")
        self.endpoint_configs = Resources(EndpointConfig, cloud, "endpoint configuration")
        self.endpoints = Resources(Endpoint, cloud, "endpoint")
        self.registry = ModelRegistry(cloud)
        self._restore()
        self.instances.append(self)

    @property
    def collections(self) -> tuple[Resources[Any], ...]:
        return (
            self.training_jobs,
            self.transform_jobs,
            self.tuning_jobs,
            self.models,
            self.endpoint_configs,
            self.endpoints,
            self.registry.groups,
            self.registry.packages,
        )

    def _restore(self) -> None:
        for collection in self.collections:
            collection.restore()
        for tuning_job in self.tuning_jobs.values():
            self._bind(tuning_job)
        for endpoint in self.endpoints.values():
            self._bind_endpoint(endpoint)
        for collection in self.collections:
            collection.resume()

    @classmethod
    def stop_all(cls) -> None:
        """End every job that is still running."""
        for backend in cls.instances:
            for tuning_job in backend.tuning_jobs.values():
                tuning_job.abandon()
            for job in list(backend.training_jobs.values()):
                job.abandon()
        cls.instances.clear()

    # Training jobs

    def create_training_job(self, request: dict[str, Any], tuning_job_arn: str | None = None) -> TrainingJob:
        request_checks.refuse_unsupported("CreateTrainingJob", request)
        request_checks.require_members(request, "AlgorithmSpecification", "ResourceConfig", "StoppingCondition")
        with self._lock:
            self.training_jobs.refuse_existing(request["TrainingJobName"])
            request_checks.check_training_request(request, self.cloud.s3_as(request["RoleArn"]))
            job = self.training_jobs.create(request, status="InProgress", tuning_job_arn=tuning_job_arn)
        job.start()
        return job

    def delete_training_job(self, name: str) -> None:
        with self._lock:
            self.training_jobs.delete(name)

    # Transform jobs

    def create_transform_job(self, request: dict[str, Any]) -> TransformJob:
        request_checks.refuse_unsupported("CreateTransformJob", request)
        with self._lock:
            self.transform_jobs.refuse_existing(request["TransformJobName"])
            model = self.models.find(request["ModelName"])
            request_checks.check_transform_request(request, self.cloud.s3)
            job = self.transform_jobs.create(
                request, status="InProgress", artifact=self._container(model).get("ModelDataUrl")
            )
        job.start()
        return job

    # Hyperparameter tuning jobs

    def create_hyper_parameter_tuning_job(self, request: dict[str, Any]) -> HyperParameterTuningJob:
        request_checks.refuse_unsupported("CreateHyperParameterTuningJob", request)
        with self._lock:
            self.tuning_jobs.refuse_existing(request["HyperParameterTuningJobName"])
            request_checks.check_tuning_request(request, self.cloud.s3)
            job = self.tuning_jobs.create(request, status="InProgress")
            self._bind(job)
        job.start()
        return job

    def _bind(self, job: HyperParameterTuningJob) -> None:
        job.create_training_job, job.find_training_job = self.create_training_job, self.training_jobs.get

    def delete_hyper_parameter_tuning_job(self, name: str) -> None:
        with self._lock:
            self.tuning_jobs.delete(name)

    @property
    def searchable(self) -> dict[str, list[Resource]]:
        """What Search finds, by its Resource. Of every other kind there is nothing here."""
        return {
            "TrainingJob": list(self.training_jobs.values()),
            "HyperParameterTuningJob": list(self.tuning_jobs.values()),
            "Endpoint": list(self.endpoints.values()),
            "ModelPackageGroup": list(self.registry.groups.values()),
            "ModelPackage": list(self.model_packages(None)),
        }

    # Models and endpoint configurations

    def create_model(self, request: dict[str, Any]) -> Model:
        request_checks.refuse_unsupported("CreateModel", request)
        with self._lock:
            self.models.refuse_existing(request["ModelName"])
            container = request_checks.check_model_request(request)
            if package := container.get("ModelPackageName"):
                self.registry.package(package)
            return self.models.create(request)

    def _container(self, model: Model) -> dict[str, Any]:
        """A model's container, if need be that of its package."""
        container = model.container
        if package := container.get("ModelPackageName"):
            specification = self.registry.package(package).facts().get("InferenceSpecification", {})
            container = (specification.get("Containers") or [{}])[0]
        return container

    def delete_model(self, name: str) -> None:
        with self._lock:
            self.models.delete(name)

    def create_endpoint_config(self, request: dict[str, Any]) -> EndpointConfig:
        request_checks.refuse_unsupported("CreateEndpointConfig", request)
        with self._lock:
            self.endpoint_configs.refuse_existing(request["EndpointConfigName"])
            request_checks.check_variants(request["ProductionVariants"], request.get("KmsKeyId"))
            for variant in request["ProductionVariants"]:
                self.models.find(variant["ModelName"])
            return self.endpoint_configs.create(request)

    def delete_endpoint_config(self, name: str) -> None:
        with self._lock:
            self.endpoint_configs.delete(name)

    # Endpoints

    def create_endpoint(self, request: dict[str, Any]) -> Endpoint:
        request_checks.refuse_unsupported("CreateEndpoint", request)
        with self._lock:
            self.endpoints.refuse_existing(request["EndpointName"])
            config = self.endpoint_configs.find(request["EndpointConfigName"])
            # One document has all that the endpoint needs to continue after a kill.
            endpoint = self.endpoints.create(request, status="Creating", pending=self._pending(config))
            self._bind_endpoint(endpoint)
            endpoint.start()
        return endpoint

    def update_endpoint(self, request: dict[str, Any]) -> Endpoint:
        with self._lock:
            endpoint = self._updatable_endpoint(request["EndpointName"])
            pending = self._pending(self.endpoint_configs.find(request["EndpointConfigName"]))
            if request.get("RetainAllVariantProperties"):
                excluded = [
                    entry["VariantPropertyType"] for entry in request.get("ExcludeRetainedVariantProperties", [])
                ]
                pending["variants"] = retain(pending["variants"], endpoint.variants, excluded)
                request_checks.check_variants(pending["variants"])
            config = request.get("DeploymentConfig")
            if config is None and request.get("RetainDeploymentConfig"):
                config = endpoint.deployment_config
            if config is not None:
                alarms = alarms_of(self.region_name)
                check_deployment_config(config, endpoint.variants, pending["variants"], alarms)
            endpoint.update({**pending, "deployment_config": config})
        return endpoint

    def update_endpoint_weights_and_capacities(self, request: dict[str, Any]) -> Endpoint:
        with self._lock:
            endpoint = self._updatable_endpoint(request["EndpointName"])
            wanted = request["DesiredWeightsAndCapacities"]
            request_checks.check_weights_and_capacities(endpoint.variants, wanted)
            endpoint.change_weights_and_capacities(wanted)
        return endpoint

    def delete_endpoint(self, name: str) -> None:
        with self._lock:
            self._settled_endpoint(name).delete()

    def _pending(self, config: EndpointConfig) -> dict[str, Any]:
        """What an endpoint has to deploy."""
        models = {variant["VariantName"]: self.models.find(variant["ModelName"]) for variant in config.variants}
        containers = [self._container(model) for model in models.values()]
        pairs = list(zip(config.variants, containers, strict=True))
        return {
            "roles": {name: model.request.get("ExecutionRoleArn", "") for name, model in models.items()},
            "config_name": config.name,
            "started": now(),
            "variants": [variant | {"DeployedImages": _deployed_images(container)} for variant, container in pairs],
            "artifacts": {variant["VariantName"]: container.get("ModelDataUrl") for variant, container in pairs},
        }

    def _updatable_endpoint(self, name: str) -> Endpoint:
        endpoint = self._settled_endpoint(name)
        if endpoint.status == "Failed":
            raise ValidationException(f'Cannot update failed endpoint "{endpoint.arn}". It can only be deleted.')
        return endpoint

    def _bind_endpoint(self, endpoint: Endpoint) -> None:
        endpoint.when_deleted = lambda: self.endpoints.remove(endpoint.name)

    def _settled_endpoint(self, name: str) -> Endpoint:
        """
        An endpoint that is not in transition.

        :raises ValidationException: there is no such endpoint, or it is in transition
        """
        endpoint = self.endpoints.find(name)
        if endpoint.status in Endpoint.IN_PROGRESS:
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        return endpoint

    # Tags

    def tagged(self, arn: str) -> Resource:
        """
        The resource with an ARN.

        :raises ValidationException: there is no such resource
        """
        for collection in self.collections:
            for resource in list(collection.values()):
                if resource.arn == arn:
                    found: Resource = resource
                    return found
        raise ValidationException(f'Could not find resource "{arn}".')

    # Model registry

    def model_packages(self, group: str | None) -> list[ModelPackage]:
        """The packages of a group, or all packages."""
        if group is None:
            return list(self.registry.packages.values())
        return self.registry.versions(self.registry.group(group).name)

    def update_model_package(self, request: dict[str, Any]) -> ModelPackage:
        request_checks.refuse_unsupported("UpdateModelPackage", request)
        package = self.registry.package(request["ModelPackageArn"])
        package.update(request)
        return package


def _deployed_images(container: dict[str, Any]) -> list[dict[str, Any]]:
    """An image as DescribeEndpoint names it. No registry resolves it to a digest here."""
    image = container.get("Image")
    return [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now()}] if image else []
