"""SageMaker's state in one account and region, and the rules by which it changes."""

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

from moto.core.base_backend import BaseBackend

from include.blazingtext.hyperparameters import HYPERPARAMETERS
from local_aws.cloud import Cloud, NoSuchObject, split_uri
from local_aws.faults import Faults
from local_aws.pace import Pace
from local_aws.s3_objects import S3Objects
from local_aws.sagemaker.endpoint import Endpoint, EndpointConfig, Model
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.hyperparameter_ranges import check_ranges
from local_aws.sagemaker.model_package import ModelPackage, ModelPackageGroup, ModelRegistry
from local_aws.sagemaker.resource import Jobs, Resource, Resources
from local_aws.sagemaker.training_job import TrainingJob
from local_aws.sagemaker.transform_job import SUPPORTED_CONTENT_TYPES, TransformJob
from local_aws.sagemaker.tuning_job import HyperParameterTuningJob
from local_aws.store import Store

OBJECTIVE_METRIC = "validation:accuracy"
TUNABLE = frozenset({"epochs", "min_count", "learning_rate", "vector_dim", "word_ngrams", "buckets", "mode"})
"""https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext-tuning.html"""
NOT_SUPPORTED = {
    "TrainingJob": (
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "TensorBoardOutputConfig",
        "ProfilerRuleConfigurations",
        "RemoteDebugConfig",
        "InfraCheckConfig",
        "SessionChainingConfig",
        "ServerlessJobConfig",
        "MlflowConfig",
        "ModelPackageConfig",
    ),
    "TransformJob": ("DataCaptureConfig", "DataProcessing"),
    "HyperParameterTuningJob": ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"),
    "EndpointConfig": ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "DataCaptureConfig"),
    "Endpoint": ("DeploymentConfig", "RetainAllVariantProperties", "ExcludeRetainedVariantProperties"),
    "Model": ("InferenceExecutionConfig",),
    "UpdateModelPackage": (
        "ModelPackageRegistrationType",
        "AdditionalInferenceSpecificationsToAdd",
        "ModelCard",
        "ModelLifeCycle",
    ),
}
"""Members of Create requests that would change what happens, and that are not honoured here: refused by name."""


@dataclass(frozen=True)
class Services:
    """What all backends share."""

    pace: Pace = field(default_factory=Pace)
    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    s3_objects: S3Objects = field(default_factory=lambda: S3Objects(Store()))


class SageMakerBackend(BaseBackend):
    """Jobs, models, endpoint configurations, endpoints and the model registry of an account and region."""

    services: ClassVar[Services] = Services()
    instances: ClassVar[list["SageMakerBackend"]] = []

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        services = self.services
        cloud = Cloud(account_id, region_name, services.s3_objects, services.pace, services.store, services.faults)
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
        """End everything that still runs."""
        for backend in cls.instances:
            for tuning_job in backend.tuning_jobs.values():
                tuning_job.abandon()
            for job in list(backend.training_jobs.values()):
                job.abandon()
        cls.instances.clear()

    # Training jobs

    def create_training_job(self, request: dict[str, Any], tuning_job_arn: str | None = None) -> TrainingJob:
        _refuse_unsupported("TrainingJob", request)
        _require("TrainingJob", request, "AlgorithmSpecification", "ResourceConfig", "StoppingCondition")
        with self._lock:
            self.training_jobs.refuse_existing(request["TrainingJobName"])
            self._check_training_image(request["AlgorithmSpecification"].get("TrainingImage", ""))
            for channel in request.get("InputDataConfig", []):
                self._check_input(channel)
            job = self.training_jobs.create(request, status="InProgress", tuning_job_arn=tuning_job_arn)
        job.start()
        return job

    def _check_training_image(self, image: str) -> None:
        if "blazingtext" not in image:
            raise ValidationException(f"The local AWS trains with the BlazingText image only, not with '{image}'.")

    def _check_input(self, channel: dict[str, Any]) -> None:
        if channel["ChannelName"] in {".", ".."}:
            raise ValidationException(f"'{channel['ChannelName']}' is no name of a channel.")
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            kind = source["S3DataType"] if source else ", ".join(channel["DataSource"])
            raise ValidationException(f"The local AWS does not support {kind} as a data source; it takes S3Prefix.")
        if channel.get("CompressionType", "None") != "None":
            raise ValidationException("CompressionType Gzip is for Pipe mode, which the local AWS does not support.")
        self._require_objects(source["S3Uri"])

    def _require_objects(self, uri: str) -> None:
        try:
            found = bool(self.cloud.s3.list_keys(*split_uri(uri)))
        except NoSuchObject:
            found = False
        if not found:
            raise ValidationException(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the '
                "bucket exists in the selected region, that objects exist under that S3 prefix, and that the "
                "role has access to them."
            )

    def stop_training_job(self, name: str) -> None:
        self.training_jobs.refuse_stop(name)
        self.training_jobs.find(name).stop()

    def delete_training_job(self, name: str) -> None:
        with self._lock:
            _require_ended(self.training_jobs.find(name), "training job")
            self.training_jobs.remove(name)

    # Transform jobs

    def create_transform_job(self, request: dict[str, Any]) -> TransformJob:
        _refuse_unsupported("TransformJob", request)
        with self._lock:
            self.transform_jobs.refuse_existing(request["TransformJobName"])
            model = self.models.find(request["ModelName"])
            source = request["TransformInput"]
            if source.get("ContentType") not in SUPPORTED_CONTENT_TYPES:
                raise ValidationException(
                    f"BlazingText's batch transform takes ContentType {', '.join(SUPPORTED_CONTENT_TYPES)}, not "
                    f"'{source.get('ContentType')}'."
                )
            data = source["DataSource"]["S3DataSource"]
            if data["S3DataType"] != "S3Prefix":
                raise ValidationException(f"The local AWS does not support {data['S3DataType']} in batch transform.")
            self._require_objects(data["S3Uri"])
            artifact = self._model_artifact(model)
            job = self.transform_jobs.create(request, status="InProgress", artifact=artifact)
        job.start()
        return job

    def stop_transform_job(self, name: str) -> None:
        self.transform_jobs.refuse_stop(name)
        self.transform_jobs.find(name).stop()

    # Hyperparameter tuning jobs

    def create_hyper_parameter_tuning_job(self, request: dict[str, Any]) -> HyperParameterTuningJob:
        _refuse_unsupported("HyperParameterTuningJob", request)
        with self._lock:
            self.tuning_jobs.refuse_existing(request["HyperParameterTuningJobName"])
            self._check_tuning_request(request)
            job = self.tuning_jobs.create(request, status="InProgress")
            self._bind(job)
        job.start()
        return job

    def _check_tuning_request(self, request: dict[str, Any]) -> None:
        config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
        if definition is None:
            raise ValidationException("TrainingJobDefinition is required.")
        if config["Strategy"] == "Hyperband":
            raise ValidationException(
                "The local AWS does not support strategy Hyperband; it has Random, Grid and Bayesian."
            )
        for needed in ("ResourceConfig", "OutputDataConfig", "StoppingCondition"):
            if needed not in definition:
                raise ValidationException(
                    f"TrainingJobDefinition needs {needed}; HyperParameterTuningResourceConfig is not supported."
                )
        objective = config.get("HyperParameterTuningJobObjective") or definition.get("TuningObjective") or {}
        if objective.get("MetricName") != OBJECTIVE_METRIC:
            raise ValidationException(
                f"The objective metric for the hyperparameter tuning job, [{objective.get('MetricName')}], isn't valid "
                f"for the BlazingText algorithm. Choose a valid objective metric: {OBJECTIVE_METRIC}."
            )
        if config["Strategy"] != "Grid" and "MaxNumberOfTrainingJobs" not in config["ResourceLimits"]:
            raise ValidationException("ResourceLimits needs MaxNumberOfTrainingJobs unless the strategy is Grid.")
        ranges = config.get("ParameterRanges") or definition.get("HyperParameterRanges") or {}
        check_ranges(ranges, config["Strategy"])
        names = [entry["Name"] for kind in ranges.values() for entry in kind]
        if not_tunable := sorted(set(names) - TUNABLE):
            known = "can be set but not tuned" if set(not_tunable) <= set(HYPERPARAMETERS) else "not tunable"
            raise ValidationException(f"Hyperparameters of BlazingText that are {known}: {', '.join(not_tunable)}.")
        if both := sorted(set(names) & set(definition.get("StaticHyperParameters", {}))):
            raise ValidationException(f"Hyperparameters are both static and in a range: {', '.join(both)}.")
        self._check_training_image(definition["AlgorithmSpecification"].get("TrainingImage", ""))
        for channel in definition.get("InputDataConfig", []):
            self._check_input(channel)

    def _bind(self, job: HyperParameterTuningJob) -> None:
        job.create_training_job, job.find_training_job = self.create_training_job, self.training_jobs.get

    def stop_hyper_parameter_tuning_job(self, name: str) -> None:
        self.tuning_jobs.refuse_stop(name)
        self.tuning_jobs.find(name).stop()

    def delete_hyper_parameter_tuning_job(self, name: str) -> None:
        with self._lock:
            _require_ended(self.tuning_jobs.find(name), "hyperparameter tuning job")
            self.tuning_jobs.remove(name)

    # Models and endpoint configurations

    def create_model(self, request: dict[str, Any]) -> Model:
        _refuse_unsupported("Model", request)
        with self._lock:
            self.models.refuse_existing(request["ModelName"])
            containers = request.get("Containers") or [request.get("PrimaryContainer")]
            if len(containers) != 1 or containers[0] is None:
                raise ValidationException(f"The local AWS serves models of one container; {len(containers)} are given.")
            self._check_container(containers[0])
            return self.models.create(request)

    def _check_container(self, container: dict[str, Any]) -> None:
        if package := container.get("ModelPackageName"):
            self.registry.package(package)
            return
        if container.get("Mode", "SingleModel") != "SingleModel" or "ModelDataSource" in container:
            raise ValidationException("The local AWS serves a single model from ModelDataUrl only.")
        if "Image" not in container:
            raise ValidationException("The container needs an Image or a ModelPackageName.")

    def _model_artifact(self, model: Model) -> str | None:
        container = model.container
        if package := container.get("ModelPackageName"):
            specification = self.registry.package(package).facts().get("InferenceSpecification", {})
            container = (specification.get("Containers") or [{}])[0]
        uri: str | None = container.get("ModelDataUrl")
        return uri

    def delete_model(self, name: str) -> None:
        with self._lock:
            self.models.remove(self.models.find(name).name)

    def create_endpoint_config(self, request: dict[str, Any]) -> EndpointConfig:
        _refuse_unsupported("EndpointConfig", request)
        with self._lock:
            self.endpoint_configs.refuse_existing(request["EndpointConfigName"])
            names = [variant["VariantName"] for variant in request["ProductionVariants"]]
            if len(set(names)) < len(names):
                raise ValidationException("Production variant names must be unique.")
            if not any(variant.get("InitialVariantWeight", 1.0) for variant in request["ProductionVariants"]):
                raise ValidationException("At least one production variant needs a weight above 0.")
            for variant in request["ProductionVariants"]:
                if "ModelName" not in variant:
                    raise ValidationException("The local AWS does not support production variants without ModelName.")
                self.models.find(variant["ModelName"])
            return self.endpoint_configs.create(request)

    def delete_endpoint_config(self, name: str) -> None:
        with self._lock:
            self.endpoint_configs.remove(self.endpoint_configs.find(name).name)

    # Endpoints

    def create_endpoint(self, request: dict[str, Any]) -> Endpoint:
        _refuse_unsupported("Endpoint", request)
        with self._lock:
            name = request["EndpointName"]
            self.endpoints.refuse_existing(name)
            config = self.endpoint_configs.find(request["EndpointConfigName"])
            # With all that it needs to go on after a kill in the one document.
            endpoint = self.endpoints.create(request, status="Creating", pending=self._pending(config))
            self._bind_endpoint(endpoint)
            endpoint.start()
        return endpoint

    def update_endpoint(self, request: dict[str, Any]) -> Endpoint:
        _refuse_unsupported("Endpoint", request)
        with self._lock:
            endpoint = self._settled_endpoint(request["EndpointName"])
            if endpoint.status == "Failed":
                raise ValidationException(f'Cannot update failed endpoint "{endpoint.arn}". It can only be deleted.')
            endpoint.update(self._pending(self.endpoint_configs.find(request["EndpointConfigName"])))
        return endpoint

    def delete_endpoint(self, name: str) -> None:
        with self._lock:
            self._settled_endpoint(name).delete()

    def _pending(self, config: EndpointConfig) -> dict[str, Any]:
        """What an endpoint is to deploy."""
        models = {variant["VariantName"]: self.models.find(variant["ModelName"]) for variant in config.variants}
        artifacts = {variant: self._model_artifact(model) for variant, model in models.items()}
        return {"config_name": config.name, "variants": config.variants, "artifacts": artifacts}

    def _bind_endpoint(self, endpoint: Endpoint) -> None:
        endpoint.when_deleted = lambda: self.endpoints.remove(endpoint.name)

    def _settled_endpoint(self, name: str) -> Endpoint:
        endpoint = self.endpoints.find(name)
        if endpoint.status in Endpoint.IN_PROGRESS:
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        return endpoint

    # Tags

    def tagged(self, arn: str) -> Resource:
        """
        The resource of an ARN.

        :raises ValidationException: there is none
        """
        for collection in self.collections:
            for resource in list(collection.values()):
                if resource.arn == arn:
                    found: Resource = resource
                    return found
        raise ValidationException(f'Could not find resource "{arn}".')

    def model_packages(self, group: str | None) -> list[ModelPackage]:
        """A group's packages, or all of them."""
        if group is None:
            return list(self.registry.packages.values())
        return self.registry.versions(self.registry.group(group).name)

    def update_model_package(self, request: dict[str, Any]) -> ModelPackage:
        _refuse_unsupported("UpdateModelPackage", request)
        package = self.registry.package(request["ModelPackageArn"])
        package.update(request)
        return package

    def model_package_groups(self) -> list[ModelPackageGroup]:
        return list(self.registry.groups.values())


def _refuse_unsupported(kind: str, request: dict[str, Any]) -> None:
    if found := [name for name in NOT_SUPPORTED[kind] if request.get(name)]:
        operation = kind if kind.startswith("Update") else f"Create{kind}"
        raise ValidationException(f"The local AWS does not support {', '.join(found)} of {operation}.")


def _require(kind: str, request: dict[str, Any], *members: str) -> None:
    """Members that the service model leaves open for cases that there are none of here."""
    if missing := [name for name in members if name not in request]:
        raise ValidationException(f"Create{kind} needs {', '.join(missing)} here.")


def _require_ended(job: Resource, noun: str) -> None:
    if job.status in {"InProgress", "Stopping"}:
        raise ValidationException(f"The request was rejected because the {noun} is in status {job.status}.")
