import pytest

from include.aws.company import serving_under, training_under
from include.aws.requests import endpoint_request, training_request, tuning_request
from include.config.company import NO_RULES, CompanyRules
from local_aws.sagemaker.validation import check_request
from tests.conftest import IMAGE, ROLE_ARN

KEYS = {name: f"arn:aws:kms:us-east-1:123456789012:key/{name}-12ab" for name in ("volume", "output", "endpoint", "s3")}
ALL = {
    "subnets": ["subnet-1", "subnet-2"],
    "security_group_ids": ["sg-1"],
    "kms_keys": KEYS,
    "network_isolation": True,
    "encrypt_between_containers": True,
    "spot_training": {"max_wait_minutes": 50, "max_runtime_minutes": 20},
    "tags": {"cost-center": "1234"},
    "instance_types": ["ml.c5.xlarge", "ml.m5.large"],
}
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}


@pytest.fixture
def training():
    return training_request(
        job_name="job",
        image=IMAGE,
        role_arn=ROLE_ARN,
        train_uri="s3://bucket/train",
        validation_uri="s3://bucket/validation",
        output_uri="s3://bucket/models",
        instance_type="ml.c5.xlarge",
        hyperparameters={"mode": "supervised"},
        tags={"retrain:owner": "dag/run"},
    )


@pytest.fixture
def serving():
    return endpoint_request(
        name="run", image=IMAGE, role_arn=ROLE_ARN, model_uri="s3://bucket/model.tar.gz", instance_type="ml.m5.large"
    )


def test_without_rules_the_requests_are_what_they_were(training, serving):
    assert training_under(NO_RULES, training) == training
    assert serving_under(NO_RULES, serving) == serving


def test_a_training_has_every_rule(training):
    ruled = training_under(CompanyRules(**ALL), training)

    check_request("CreateTrainingJob", ruled)
    added = {name: value for name, value in ruled.items() if training.get(name) != value}
    assert added == {
        "VpcConfig": VPC,
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "EnableManagedSpotTraining": True,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models", "KmsKeyId": KEYS["output"]},
        "ResourceConfig": {**training["ResourceConfig"], "VolumeKmsKeyId": KEYS["volume"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": 1200, "MaxWaitTimeInSeconds": 3000},
        "Tags": [*training["Tags"], {"Key": "cost-center", "Value": "1234"}],
    }


def test_a_tunings_jobs_have_what_a_training_has(training):
    ruled = training_under(CompanyRules(**ALL), training)

    request = tuning_request(
        job_name="tune", training=ruled, metric="a", ranges={}, max_jobs=1, max_parallel_jobs=1, tags={}
    )

    definition = request["TrainingJobDefinition"]
    assert definition.pop("StaticHyperParameters") == ruled["HyperParameters"]
    assert definition == {name: value for name, value in ruled.items() if name in definition}
    assert set(ruled) - set(definition) == {"TrainingJobName", "HyperParameters", "Tags"}


def test_models_and_endpoint_configurations_have_network_and_key(serving):
    ruled = serving_under(CompanyRules(**ALL), serving)

    check_request("CreateModel", ruled["Model"])
    check_request("CreateEndpointConfig", ruled["EndpointConfig"])
    assert ruled == {
        "Model": {**serving["Model"], "VpcConfig": VPC, "EnableNetworkIsolation": True},
        "EndpointConfig": {**serving["EndpointConfig"], "KmsKeyId": KEYS["endpoint"]},
        "Endpoint": serving["Endpoint"],
    }
