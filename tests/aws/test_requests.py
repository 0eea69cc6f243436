from include.aws.requests import endpoint_request, model_package_request, training_request, tuning_request
from include.blazingtext.hyperparameters import TUNING_METRIC, to_request, tuning_ranges
from local_aws.sagemaker.validation import check_request
from tests.conftest import IMAGE, ROLE_ARN


def training():
    return training_request(
        job_name="retrain-aws-2026-01-07-abc",
        image=IMAGE,
        role_arn=ROLE_ARN,
        train_uri="s3://bucket/train/",
        validation_uri="s3://bucket/validation/",
        output_uri="s3://bucket/models",
        instance_type="ml.c5.xlarge",
        hyperparameters=to_request({}),
        tags={"retrain:owner": "dag/run"},
    )


def test_the_training_request_is_what_sagemakers_service_model_asks_for():
    request = training()

    check_request("CreateTrainingJob", request)
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["train", "validation"]


def test_the_tuning_request_is_what_sagemakers_service_model_asks_for():
    request = tuning_request(
        job_name="tune-aws-abc",
        training=training(),
        metric=TUNING_METRIC,
        ranges=tuning_ranges(),
        max_jobs=10,
        max_parallel_jobs=2,
        tags={"a": "b"},
    )

    check_request("CreateHyperParameterTuningJob", request)
    definition = request["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {
        "mode": "supervised",
        "buckets": "200000",
        "early_stopping": "False",
        "patience": "5",
        "min_epochs": "5",
    }
    assert [channel["ChannelName"] for channel in definition["InputDataConfig"]] == ["train", "validation"]


def test_the_model_package_request_is_what_sagemakers_service_model_asks_for():
    request = model_package_request(
        description="#aws, tweets of 2026-01-07",
        image=IMAGE,
        model_uri="s3://bucket/model.tar.gz",
        metrics_uri="s3://bucket/evaluation.json",
        approval="Approved",
        properties={"accuracy": "0.9", "too_long": "x" * 257, "not allowed": "50% (é)", "report": "s3://b/a b/é.html"},
    )

    check_request("CreateModelPackage", request | {"ModelPackageGroupName": "retrain-aws"})
    assert set(request["CustomerMetadataProperties"]) == {"accuracy", "report"}


def test_the_endpoint_requests_are_what_sagemakers_service_model_asks_for():
    request = endpoint_request(
        name="retrain-aws-abc",
        image=IMAGE,
        role_arn=ROLE_ARN,
        model_uri="s3://bucket/model.tar.gz",
        instance_type="ml.m5.large",
    )

    check_request("CreateModel", request["Model"])
    check_request("CreateEndpointConfig", request["EndpointConfig"])
    check_request("CreateEndpoint", request["Endpoint"])
