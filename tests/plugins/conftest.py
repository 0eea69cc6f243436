import itertools
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from include.blazingtext.hyperparameters import to_request
from include.blazingtext.requests import training_request
from tests.conftest import ROLE_ARN
from tests.plugins.attempts import finish
from tests.plugins.endpoints import deploy_operator
from tests.plugins.jobs import IMAGE, train_operator

TRAIN = b"__label__a hello world again\n__label__b good bye then\n" * 40
_numbers = itertools.count(1)


def small_request(s3: Any, bucket: str, name: str, **changes: Any) -> dict[str, Any]:
    """CreateTrainingJob's, and the data that it names."""
    for channel in ("train", "validation"):
        s3.put_object(Bucket=bucket, Key=f"{channel}/{channel}.txt", Body=TRAIN)
    return training_request(
        job_name=name,
        image=IMAGE,
        role_arn=ROLE_ARN,
        train_uri=f"s3://{bucket}/train/",
        validation_uri=f"s3://{bucket}/validation/",
        output_uri=f"s3://{bucket}/models",
        instance_type="ml.c5.xlarge",
        hyperparameters=to_request({"epochs": 6, "buckets": 100, **changes}),
        tags={"team": "tweets"},
    )


@pytest.fixture
def request_of(client, settings) -> Callable[..., dict[str, Any]]:
    """CreateTrainingJob requests under one name for the same changes."""
    name = f"operators-{next(_numbers)}"
    return lambda **changes: small_request(client("s3"), settings.bucket, name, **changes)


@pytest.fixture(scope="session")
def artifact(local_aws) -> bytes:
    """A model as a training job has left it; one for all endpoints, which do not change it."""
    s3, bucket = boto3.client("s3", endpoint_url=local_aws.url), "operators-artifact"
    s3.create_bucket(Bucket=bucket)
    trained = finish(train_operator(small_request(s3, bucket, bucket)))
    return s3.get_object(Bucket=bucket, Key=trained["model_uri"].split("/", 3)[3])["Body"].read()


@pytest.fixture
def model_uri(client, settings, artifact) -> str:
    client("s3").put_object(Bucket=settings.bucket, Key="model.tar.gz", Body=artifact)
    return f"s3://{settings.bucket}/model.tar.gz"


@pytest.fixture
def prefix() -> str:
    """What the names of this test's endpoints begin with, and no other test's."""
    return f"retrain-operators-{next(_numbers)}-"


@pytest.fixture
def new_name(prefix) -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


@pytest.fixture
def deployed(model_uri, new_name) -> str:
    """The name of an endpoint in service, owned by dag/run."""
    name = new_name()
    finish(deploy_operator(name, model_uri))
    return name
