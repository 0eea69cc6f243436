"""Rules for Create and Update requests beyond the service model: SageMaker's own, and what is not supported here."""

from collections.abc import Sequence
from typing import Any

from local_aws.cloud import S3, NoSuchObject, split_uri
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.training_run import DEFAULT_MAX_RUNTIME_SECONDS, MAX_RUNTIME, MAX_WAIT
from local_aws.sagemaker.tuning_request import TuningRequest
from local_aws.sagemaker.variants import desire, weight

NOT_SUPPORTED = {
    "CreateTrainingJob": (
        "CheckpointConfig",
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
    "Search": ("NestedFilters", "VisibilityConditions", "CrossAccountFilterOption"),
    "CreateTransformJob": ("DataCaptureConfig", "DataProcessing"),
    "CreateHyperParameterTuningJob": ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"),
    "CreateModel": ("InferenceExecutionConfig",),
    "CreateEndpointConfig": (
        "AsyncInferenceConfig",
        "ExplainerConfig",
        "ShadowProductionVariants",
        "DataCaptureConfig",
    ),
    "CreateEndpoint": ("DeploymentConfig",),
    "UpdateModelPackage": (
        "ModelPackageRegistrationType",
        "AdditionalInferenceSpecificationsToAdd",
        "ModelCard",
        "ModelLifeCycle",
    ),
}
"""Members that are refused: they would change what happens on AWS, and have no effect here."""
MAX_WAIT_WITHOUT_CHECKPOINTS = 3600
"""https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html"""
WITH_LOCAL_STORAGE = {
    *("c5d", "c6gd", "m5d", "m6gd", "r5d", "r6gd", "r7gd"),
    *("dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en"),
    *("p6-b200", "p6-b300", "p6e-gb200", "trn1", "trn1n", "trn2"),
}
"""SageMaker's families of instances with local NVMe storage, after EC2's list of instance store volumes."""
OF_A_DEBUG_HOOK = ("CollectionConfigurations", "HookParameters")
"""The SageMaker SDK 2.x sends a DebugHookConfig with nothing but a place for what nothing is collected for."""
UNCHANGED_DATA = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
"""A DataProcessing that neither filters nor joins."""


def refuse_unsupported(operation: str, request: dict[str, Any]) -> None:
    """
    :raises ValidationException: members of the request are not supported; the message names them and the operation
    """
    found = [
        *_present(request, NOT_SUPPORTED[operation]),
        *_present(request, OF_A_DEBUG_HOOK, "DebugHookConfig"),
        *_present(request, NOT_SUPPORTED["CreateTrainingJob"], "TrainingJobDefinition"),
    ]
    if found:
        raise ValidationException(f"The local AWS does not support {', '.join(found)} of {operation}.")


def _present(request: dict[str, Any], names: Sequence[str], inside: str = "") -> list[str]:
    """
    The members that have an effect.

    :param inside: the member of the request that contains them; empty for the request itself
    """
    members = (request.get(inside) or {}) if inside else request
    found = [name for name in names if members.get(name) and _has_effect(name, members[name])]
    return [f"{inside}.{name}" for name in found] if inside else found


def _has_effect(name: str, value: Any) -> bool:
    """Whether a member asks for more than what happens without it. The SageMaker SDKs send some that do not."""
    if name == "DataProcessing":
        return any(value.get(member, default) != default for member, default in UNCHANGED_DATA.items())
    return name != "DataCaptureConfig" or value.get("EnableCapture", True) is True


def check_training_request(request: dict[str, Any], s3: S3) -> None:
    """Check the image and the channels of a training job, or of a tuning job's definition."""
    image = request["AlgorithmSpecification"].get("TrainingImage", "")
    if "blazingtext" not in image:
        raise ValidationException(f"The local AWS trains with the BlazingText image only, not with '{image}'.")
    _check_spot(request.get("EnableManagedSpotTraining", False), request["StoppingCondition"])
    if resources := request.get("ResourceConfig"):
        _check_volume_key(resources.get("VolumeKmsKeyId"), resources.get("InstanceType", ""))
    for channel in request.get("InputDataConfig", []):
        _check_channel(channel, s3)


def _check_spot(is_spot: bool, condition: dict[str, Any]) -> None:
    wait, runtime = condition.get(MAX_WAIT, 0), condition.get(MAX_RUNTIME, DEFAULT_MAX_RUNTIME_SECONDS)
    if not is_spot and wait:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if is_spot and wait < runtime:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )
    if is_spot and wait > MAX_WAIT_WITHOUT_CHECKPOINTS:
        raise ValidationException(
            f"Invalid MaxWaitTimeInSeconds. It cannot exceed {MAX_WAIT_WITHOUT_CHECKPOINTS} seconds for an algorithm "
            "without checkpoints, such as BlazingText."
        )


def _check_volume_key(key: str | None, instance_type: str) -> None:
    """AWS encrypts local storage with a key of the hardware."""
    if key and WITH_LOCAL_STORAGE & set(instance_type.split(".")[1:2]):
        raise ValidationException(f"A KMS key for the volume is not supported for instance type {instance_type}.")


def require_members(request: dict[str, Any], *members: str) -> None:
    """Require members that the service model makes optional for cases that are not supported here."""
    if missing := [name for name in members if name not in request]:
        raise ValidationException(f"CreateTrainingJob needs {', '.join(missing)} here.")


def check_tuning_request(request: dict[str, Any], s3: S3) -> None:
    tuning = TuningRequest(request)
    tuning.check()
    check_training_request(tuning.definition, s3)


def check_transform_request(request: dict[str, Any], s3: S3) -> None:
    data = request["TransformInput"]["DataSource"]["S3DataSource"]
    if data["S3DataType"] != "S3Prefix":
        raise ValidationException(f"The local AWS does not support {data['S3DataType']} in batch transform.")
    _require_objects(data["S3Uri"], s3)


def check_model_request(request: dict[str, Any]) -> dict[str, Any]:
    """Return the model's only container."""
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    if len(containers) != 1 or containers[0] is None:
        raise ValidationException(f"The local AWS serves models of one container; {len(containers)} are given.")
    container: dict[str, Any] = containers[0]
    if "ModelPackageName" in container:
        return container
    if container.get("Mode", "SingleModel") != "SingleModel" or "ModelDataSource" in container:
        raise ValidationException("The local AWS serves a single model from ModelDataUrl only.")
    if "Image" not in container:
        raise ValidationException("The container needs an Image or a ModelPackageName.")
    return container


def check_variants(variants: list[dict[str, Any]], kms_key: str | None = None) -> None:
    """
    Check the production variants of an endpoint configuration.

    :param kms_key: that of its volumes
    """
    for variant in variants:
        _check_volume_key(kms_key, variant.get("InstanceType", ""))
    _require_unique_names(variants)
    if not any(variant.get("InitialVariantWeight", 1.0) for variant in variants):
        raise ValidationException("At least one production variant needs a weight above 0.")
    if not all("ModelName" in variant for variant in variants):
        raise ValidationException("The local AWS does not support production variants without ModelName.")


def check_weights_and_capacities(variants: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """
    Check what the variants of an endpoint are to become.

    :param variants: those in service
    :raises ValidationException: with AWS's code
    """
    _require_unique_names(wanted)
    names = {variant["VariantName"] for variant in variants}
    if unknown := [entry["VariantName"] for entry in wanted if entry["VariantName"] not in names]:
        raise ValidationException(f"Could not find the production variants {', '.join(unknown)}.")
    _check_desired_capacities(wanted)
    if not any(variant.get("DesiredWeight", weight(variant)) for variant in desire(variants, wanted)):
        raise ValidationException("At least one production variant needs a weight above 0.")


def _require_unique_names(variants: list[dict[str, Any]]) -> None:
    if len({variant["VariantName"] for variant in variants}) < len(variants):
        raise ValidationException("Production variant names must be unique.")


def _check_desired_capacities(wanted: list[dict[str, Any]]) -> None:
    if any(entry.get("ServerlessUpdateConfig") for entry in wanted):
        raise ValidationException(
            "The local AWS does not support ServerlessUpdateConfig of UpdateEndpointWeightsAndCapacities."
        )
    if any(entry.get("DesiredInstanceCount") == 0 for entry in wanted):
        raise ValidationException("A production variant needs at least one instance.")


def _check_channel(channel: dict[str, Any], s3: S3) -> None:
    if channel["ChannelName"] in {".", ".."}:
        raise ValidationException(f"'{channel['ChannelName']}' is not a name of a channel.")
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source["S3DataType"] != "S3Prefix":
        kind = source["S3DataType"] if source else ", ".join(channel["DataSource"])
        raise ValidationException(f"The local AWS does not support {kind} as a data source; it takes S3Prefix.")
    if channel.get("CompressionType", "None") != "None":
        raise ValidationException("CompressionType Gzip is for Pipe mode, which the local AWS does not support.")
    _require_objects(source["S3Uri"], s3)


def _require_objects(uri: str, s3: S3) -> None:
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
