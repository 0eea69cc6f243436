"""Builders of SageMaker requests: pure functions without a client."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from include.config.ownership import as_tags

VOLUME_GIGABYTES = 10
MAX_RUNTIME_SECONDS = 3600
"""SageMaker stops a job after this. A training with a million tweets takes minutes, so only a job that hangs is hit."""
SHARED_WITH_TUNING = (
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
)
"""Members of CreateTrainingJob that the definition of a tuning's training jobs has, too."""
VARIANT = "AllTraffic"
_PROPERTY = re.compile(r"[\w .:/=+\-@]+")


def training_request(
    *,
    job_name: str,
    image: str,
    role_arn: str,
    train_uri: str,
    validation_uri: str,
    output_uri: str,
    instance_type: str,
    hyperparameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The request of CreateTrainingJob, on one instance."""
    return {
        "TrainingJobName": job_name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": role_arn,
        "InputDataConfig": [_channel("train", train_uri), _channel("validation", validation_uri)],
        "OutputDataConfig": {"S3OutputPath": output_uri},
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": VOLUME_GIGABYTES,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS},
        "HyperParameters": dict(hyperparameters),
        "Tags": as_tags(tags),
    }


def tuning_request(
    *,
    job_name: str,
    training: Mapping[str, Any],
    metric: str,
    ranges: Mapping[str, Sequence[Mapping[str, str]]],
    max_jobs: int,
    max_parallel_jobs: int,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """
    The request of CreateHyperParameterTuningJob, which maximises a metric.

    :param training: the request of CreateTrainingJob to tune; hyperparameters without a range keep its values
    :param metric: its name, as the algorithm publishes it
    :param ranges: ParameterRanges
    """
    tuned = {entry["Name"] for entries in ranges.values() for entry in entries}
    static = {name: value for name, value in training["HyperParameters"].items() if name not in tuned}
    return {
        "HyperParameterTuningJobName": job_name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": metric},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": max_jobs, "MaxParallelTrainingJobs": max_parallel_jobs},
            "ParameterRanges": dict(ranges),
            "RandomSeed": 0,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": static,
            "AlgorithmSpecification": training["AlgorithmSpecification"],
            **{name: training[name] for name in SHARED_WITH_TUNING if name in training},
        },
        "Tags": as_tags(tags),
    }


def endpoint_request(
    *, name: str, image: str, role_arn: str, model_uri: str, instance_type: str, instances: int = 1
) -> dict[str, dict[str, Any]]:
    """The three requests of a deployment, in the form of SageMakerEndpointOperator. All three use one name."""
    return {
        "Model": {
            "ModelName": name,
            "ExecutionRoleArn": role_arn,
            "PrimaryContainer": {"Image": image, "ModelDataUrl": model_uri},
        },
        "EndpointConfig": {
            "EndpointConfigName": name,
            "ProductionVariants": [
                {
                    "VariantName": VARIANT,
                    "ModelName": name,
                    "InitialInstanceCount": instances,
                    "InstanceType": instance_type,
                }
            ],
        },
        "Endpoint": {"EndpointName": name, "EndpointConfigName": name},
    }


def model_package_request(
    *,
    description: str,
    image: str,
    model_uri: str,
    metrics_uri: str,
    approval: str,
    properties: Mapping[str, str],
) -> dict[str, Any]:
    """
    The request of CreateModelPackage, without the group.

    :param properties: CustomerMetadataProperties. Those that SageMaker would refuse (too long, forbidden characters)
        are left out: a missing property is better than a failed run.
    """
    return {
        "ModelPackageDescription": description,
        "InferenceSpecification": {
            "Containers": [{"Image": image, "ModelDataUrl": model_uri}],
            "SupportedContentTypes": ["application/json", "application/jsonlines"],
            "SupportedResponseMIMETypes": ["application/json", "application/jsonlines"],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": metrics_uri}}},
        "ModelApprovalStatus": approval,
        "CustomerMetadataProperties": {
            name: value for name, value in properties.items() if _PROPERTY.fullmatch(value) and len(value) <= 256
        },
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/plain", "DataSource": {"S3DataSource": source}}
