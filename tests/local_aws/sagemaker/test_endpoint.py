import json

import pytest
from botocore.exceptions import WaiterError

from local_aws.pace import AWS_SECONDS
from local_aws.sagemaker.models import SageMakerBackend
from tests.local_aws.conftest import deploy, error_of, wait_for_endpoint


def test_a_failed_endpoint_can_only_be_deleted(sagemaker, settings):
    name = deploy(sagemaker, f"s3://{settings.bucket}/none.tar.gz")
    with pytest.raises(WaiterError):
        wait_for_endpoint(sagemaker, name)

    assert (
        "Cannot update failed endpoint"
        in error_of(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=name)[1]
    )
    sagemaker.delete_endpoint(EndpointName=name)


def test_an_endpoint_answers_from_its_own_model(sagemaker, runtime, trained):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)

    answer = runtime.invoke_endpoint(
        EndpointName=name,
        ContentType="application/json",
        Body=json.dumps({"instances": ["hello world", "good bye"], "configuration": {"k": 2}}),
    )

    first, second = json.loads(answer["Body"].read())
    assert (first["label"][0], second["label"][0]) == ("__label__a", "__label__b")
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"] == "application/json"


def test_an_endpoint_in_transition_can_neither_be_deleted_nor_updated(sagemaker, model_uri, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 1 / AWS_SECONDS["Creating"])
    name = deploy(sagemaker, model_uri)

    for operation, arguments in (
        (sagemaker.delete_endpoint, {}),
        (sagemaker.update_endpoint, {"EndpointConfigName": name}),
    ):
        code, message = error_of(operation, EndpointName=name, **arguments)
        assert code == "ValidationException"
        assert message.startswith('Cannot update in-progress endpoint "arn:')
    wait_for_endpoint(sagemaker, name)
    sagemaker.delete_endpoint(EndpointName=name)
    wait_for_endpoint(sagemaker, name, "endpoint_deleted")


def test_a_failed_update_leaves_the_old_configuration_answering(sagemaker, runtime, model_uri, settings):
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)
    broken = deploy(sagemaker, f"s3://{settings.bucket}/no-such-model.tar.gz")

    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    wait_for_endpoint(sagemaker, name)

    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    assert endpoint["EndpointConfigName"] == name
    assert "Failed to download model data" in endpoint["FailureReason"]
    assert runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=b'{"instances": ["hello"]}')


def test_deleting_twice_at_the_same_time_is_refused_once(sagemaker, model_uri):
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)

    sagemaker.delete_endpoint(EndpointName=name)

    assert error_of(sagemaker.delete_endpoint, EndpointName=name)[0] == "ValidationException"
    wait_for_endpoint(sagemaker, name, "endpoint_deleted")


def test_data_capture_that_is_off_asks_for_nothing(sagemaker, model_uri):
    name = deploy(sagemaker, model_uri)
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]
    request = {"EndpointConfigName": f"{name}-2", "ProductionVariants": [variant]}
    capture = {
        "EnableCapture": False,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }

    on = {**capture, "EnableCapture": True}
    _, message = error_of(sagemaker.create_endpoint_config, **request, DataCaptureConfig=on)
    assert "does not support DataCaptureConfig" in message
    sagemaker.create_endpoint_config(**request, DataCaptureConfig=capture)
    assert sagemaker.describe_endpoint_config(EndpointConfigName=f"{name}-2")["DataCaptureConfig"] == capture
