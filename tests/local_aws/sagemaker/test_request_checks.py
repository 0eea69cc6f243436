"""A refusal names the operation that was called and the member that is not supported."""

import pytest
from botocore import xform_name

from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import error_of

OUTPUT = {"S3OutputPath": "s3://bucket/out"}
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
DEFINITION = {
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": ROLE_ARN,
    "OutputDataConfig": OUTPUT,
    "ResourceConfig": {**RESOURCES, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
LIMITS = {"MaxParallelTrainingJobs": 1, "MaxNumberOfTrainingJobs": 1}
TUNING = {"HyperParameterTuningJobName": "x", "HyperParameterTuningJobConfig": {"Strategy": "Random"}}
TUNING["HyperParameterTuningJobConfig"]["ResourceLimits"] = LIMITS
CHECKPOINTS = {"CheckpointConfig": {"S3Uri": "s3://bucket/x"}}
BLUE_GREEN = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}
BLUE_GREEN["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 0
SOURCE = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}}}
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/x"
VARIANT = {"VariantName": "a", "ModelName": "x", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.mark.parametrize(
    ("operation", "request_", "member"),
    [
        ("CreateTrainingJob", {"TrainingJobName": "x", **DEFINITION, **CHECKPOINTS}, "CheckpointConfig"),
        (
            "CreateHyperParameterTuningJob",
            {**TUNING, "TrainingJobDefinition": {**DEFINITION, **CHECKPOINTS}},
            "TrainingJobDefinition.CheckpointConfig",
        ),
        (
            "CreateTransformJob",
            {
                "TransformJobName": "x",
                "ModelName": "x",
                "TransformInput": SOURCE,
                "TransformOutput": OUTPUT,
                "TransformResources": RESOURCES,
                "DataProcessing": {"InputFilter": "$.source"},
            },
            "DataProcessing",
        ),
        ("CreateModel", {"ModelName": "x", "InferenceExecutionConfig": {"Mode": "Direct"}}, "InferenceExecutionConfig"),
        (
            "CreateEndpointConfig",
            {"EndpointConfigName": "x", "ProductionVariants": [VARIANT], "ShadowProductionVariants": [VARIANT]},
            "ShadowProductionVariants",
        ),
        (
            "CreateEndpoint",
            {"EndpointName": "x", "EndpointConfigName": "x", "DeploymentConfig": BLUE_GREEN},
            "DeploymentConfig",
        ),
        (
            "UpdateModelPackage",
            {
                "ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/x",
                "ModelCard": {"ModelCardContent": "{}"},
            },
            "ModelCard",
        ),
    ],
)
def test_a_refusal_names_the_operation_and_the_member(sagemaker, operation, request_, member):
    code, message = error_of(getattr(sagemaker, xform_name(operation)), **request_)

    assert code == "ValidationException"
    assert message == f"The local AWS does not support {member} of {operation}."
