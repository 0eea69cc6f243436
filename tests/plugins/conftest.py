import itertools
from collections.abc import Callable
from typing import Any

import pytest

from include.aws.requests import training_request
from include.blazingtext.hyperparameters import to_request
from tests.conftest import IMAGE, ROLE_ARN, TRAIN
from tests.plugins.attempts import finish
from tests.plugins.endpoints import deploy_operator

_numbers = itertools.count(1)


@pytest.fixture
def request_of(client, settings):
    """CreateTrainingJob requests under one name for the same changes."""
    number = next(_numbers)
    for channel in ("train", "validation"):
        client("s3").put_object(Bucket=settings.bucket, Key=f"{channel}/{channel}.txt", Body=TRAIN)

    def request(**changes: Any) -> dict[str, Any]:
        hyperparameters = to_request({"epochs": 6, "buckets": 100, **changes})
        return training_request(
            job_name=f"operators-{number}",
            image=IMAGE,
            role_arn=ROLE_ARN,
            train_uri=f"s3://{settings.bucket}/train/",
            validation_uri=f"s3://{settings.bucket}/validation/",
            output_uri=f"s3://{settings.bucket}/models",
            instance_type="ml.c5.xlarge",
            hyperparameters=hyperparameters,
            tags={"team": "tweets"},
        )

    return request


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
