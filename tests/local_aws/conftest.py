"""Requests and waits that the tests of the local AWS share; and every answer of SageMaker's is checked."""

import functools
import itertools
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from include.aws.requests import endpoint_request, training_request
from include.blazingtext.hyperparameters import to_request
from local_aws.cloud import Cloud
from local_aws.pace import Pace
from local_aws.s3_objects import S3Objects
from local_aws.store import Store
from tests.conftest import IMAGE, ROLE_ARN, TRAIN

_numbers = itertools.count(1)


@pytest.fixture
def runtime(client):
    return client("sagemaker-runtime")


@pytest.fixture(scope="session")
def once(local_aws):
    """Clients that do not try again."""
    config = Config(retries={"total_max_attempts": 1})
    return functools.cache(lambda service: boto3.client(service, endpoint_url=local_aws.url, config=config))


@pytest.fixture
def request_of(client, settings):
    """CreateTrainingJob requests on a small train and validation file."""
    return lambda **hyperparameters: small_training_request(client("s3"), settings.bucket, **hyperparameters)


def small_training_request(s3, bucket, **hyperparameters):
    for channel in ("train", "validation"):
        if s3.list_objects_v2(Bucket=bucket, Prefix=f"{channel}/{channel}.txt")["KeyCount"] == 0:
            s3.put_object(Bucket=bucket, Key=f"{channel}/{channel}.txt", Body=TRAIN)
    small = {"epochs": 20, "buckets": 100, "learning_rate": 0.5, "early_stopping": True}
    return training_request(
        job_name=f"job-{next(_numbers)}",
        image=IMAGE,
        role_arn=ROLE_ARN,
        train_uri=f"s3://{bucket}/train",
        validation_uri=f"s3://{bucket}/validation/",
        output_uri=f"s3://{bucket}/models",
        instance_type="ml.c5.xlarge",
        hyperparameters={**to_request(small), **hyperparameters},
        tags={"team": "tweets"},
    )


@pytest.fixture
def trained(sagemaker, request_of):
    """A completed training job's description."""
    return train(sagemaker, request_of())


def train(sagemaker, request):
    sagemaker.create_training_job(**request)
    wait_for_job(sagemaker, request["TrainingJobName"])
    return sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])


def wait_for_job(sagemaker, name):
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    try:
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    except WaiterError as error:
        assert "terminal failure" in str(error)


def deploy(sagemaker, model_uri) -> str:
    name = f"endpoint-{next(_numbers)}"
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    sagemaker.create_model(**request["Model"])
    sagemaker.create_endpoint_config(**request["EndpointConfig"])
    sagemaker.create_endpoint(**request["Endpoint"], Tags=[{"Key": "a", "Value": "b"}])
    return name


def configure(sagemaker, *model_uris, instances=1, weights=(1.0, 1.0), names=("AllTraffic", "Second")) -> str:
    """A configuration with a variant and a model for each URI. The first model has the configuration's name."""
    name = f"config-{next(_numbers)}"
    variants = []
    for number, uri in enumerate(model_uris):
        model = f"{name}-{number}" if number else name
        sagemaker.create_model(
            ModelName=model, ExecutionRoleArn=ROLE_ARN, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": uri}
        )
        variants.append(
            {
                "VariantName": names[number],
                "ModelName": model,
                "InitialInstanceCount": instances,
                "InstanceType": "ml.m5.large",
                "InitialVariantWeight": weights[number],
            }
        )
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    return name


def wait_for_endpoint(sagemaker, name, waiter="endpoint_in_service"):
    sagemaker.get_waiter(waiter).wait(EndpointName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})


def wait_until(condition, seconds=20.0):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition does not hold yet"
        time.sleep(0.005)


def error_of(call, **arguments) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.fixture
def cloudwatch(once):
    """A client of CloudWatch; all alarms are deleted after the test."""
    client = once("cloudwatch")
    yield client
    client.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]])


@pytest.fixture
def publish():
    """Publishes a value of an endpoint's errors, as the local AWS does."""
    endpoint = f"alarmed-{next(_numbers)}"
    cloud = Cloud("123456789012", "us-east-1", S3Objects(Store()), Pace(0.0005))

    def publish(value):
        cloud.put_metrics("AWS/SageMaker", {"EndpointName": endpoint}, {"Errors": (value, "Count")})

    publish.dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    return publish


def alarm_request(publish, **changes):
    request = {
        "AlarmName": f"alarm-{next(_numbers)}",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Errors",
        "Dimensions": publish.dimensions,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {name: value for name, value in {**request, **changes}.items() if value is not None}


def put_alarm(cloudwatch, publish, **changes):
    request = alarm_request(publish, **changes)
    cloudwatch.put_metric_alarm(**request)
    return request["AlarmName"]


def described_alarm(cloudwatch, name):
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm


def wait_for_state(cloudwatch, name, state):
    wait_until(lambda: described_alarm(cloudwatch, name)["StateValue"] == state)
