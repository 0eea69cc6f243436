from include.blazingtext.hyperparameters import to_request
from include.blazingtext.requests import endpoint_request, training_request
from include.local_aws.sagemaker.validation import check_request
from tests.conftest import ROLE_ARN

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"


def test_the_training_request_is_what_sagemakers_service_model_asks_for():
    request = training_request(
        job_name="retrain-aws-2026-01-07-abc", image=IMAGE, role_arn=ROLE_ARN, train_uri="s3://bucket/train/",
        validation_uri="s3://bucket/validation/", output_uri="s3://bucket/models", instance_type="ml.c5.xlarge",
        hyperparameters=to_request({}), tags={"retrain:owner": "dag/run"},
    )  # fmt: skip

    check_request("CreateTrainingJob", request)
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["train", "validation"]


def test_the_endpoint_requests_are_what_sagemakers_service_model_asks_for():
    request = endpoint_request(
        name="retrain-aws-abc", image=IMAGE, role_arn=ROLE_ARN, model_uri="s3://bucket/model.tar.gz",
        instance_type="ml.m5.large",
    )  # fmt: skip

    check_request("CreateModel", request["Model"])
    check_request("CreateEndpointConfig", request["EndpointConfig"])
    check_request("CreateEndpoint", request["Endpoint"])
