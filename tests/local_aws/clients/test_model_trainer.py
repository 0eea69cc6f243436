"""The SageMaker Python SDK's ModelTrainer, unmodified, with BlazingText's image and no source code."""

import json

import boto3
import pytest

from include.blazingtext.hyperparameters import to_request
from tests.conftest import IMAGE, TRAIN

# The SDK reports every train() to AWS over the Internet, unless this says otherwise.
CONFIGURATION = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def calls() -> list[str]:
    """The names of the operations that the SDK has called, repetitions left out."""
    return []


@pytest.fixture
def role(client) -> str:
    """A role that SageMaker may assume: the SDK looks at it before it trains."""
    iam = client("iam")
    try:
        arn = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        may_read_and_write = {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        }
        iam.put_role_policy(RoleName="trainer", PolicyName="s3", PolicyDocument=json.dumps(may_read_and_write))
        return arn
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName="trainer")["Role"]["Arn"]


@pytest.fixture
def trainer(settings, calls, role):
    """A trainer whose name does not begin as the channels' prefixes do: its output would be taken for input."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training.configs import Compute
    from sagemaker.train import ModelTrainer

    session = boto3.Session()

    def note(model, **_):
        if calls[-1:] != [model.name]:
            calls.append(model.name)

    session.events.register("before-call", note)
    # Without a bucket the SDK asks for the account's number, at an address of STS that no setting changes.
    sagemaker_session = Session(session, default_bucket=settings.bucket, sagemaker_config=CONFIGURATION)
    return ModelTrainer(
        training_image=IMAGE,
        base_job_name=settings.bucket,  # the SDK adds the time in seconds
        role=role,
        sagemaker_session=sagemaker_session,
        compute=Compute(instance_type="ml.c5.xlarge", instance_count=1),
        hyperparameters=to_request({"epochs": 20, "buckets": 100, "learning_rate": 0.5}),
    )


@pytest.fixture
def inputs(client, settings):
    from sagemaker.core.training.configs import InputData

    for name in ("train", "validation"):
        client("s3").put_object(Bucket=settings.bucket, Key=f"data/{name}/{name}.txt", Body=TRAIN)
    return [
        InputData(channel_name=name, data_source=f"s3://{settings.bucket}/data/{name}/")
        for name in ("train", "validation")
    ]


def metrics(job) -> dict[str, float]:
    return {metric.metric_name: metric.value for metric in job.final_metric_data_list}


def test_a_model_trainer_trains_and_shows_the_log(trainer, inputs, caplog, calls):
    with caplog.at_level("INFO", logger="sagemaker"):
        trainer.train(inputs)  # waits, and asks every five seconds

    job = trainer._latest_training_job
    assert job.training_job_status == "Completed"
    assert metrics(job) == {"train:accuracy": 1.0, "validation:accuracy": 1.0}
    assert "#validation_accuracy: 1.0000" in caplog.text
    # The log's client is the SDK's own, of no session.
    assert calls[-2:] == ["CreateTrainingJob", "DescribeTrainingJob"]
    # The names of the request's parts that only this client sends.
    assert job.output_data_config.compression_type == "GZIP"
    assert job.algorithm_specification.training_input_mode == "File"


def test_a_model_trainer_uploads_a_local_file(trainer, tmp_path, calls):
    from sagemaker.core.training.configs import InputData

    path = tmp_path / "train.txt"
    path.write_bytes(TRAIN)
    trainer.hyperparameters["early_stopping"] = "False"
    trainer.train([InputData(channel_name="train", data_source=str(path))], wait=False, logs=False)
    job = trainer._latest_training_job
    job.wait(poll=0, timeout=60)

    assert job.training_job_status == "Completed"
    assert metrics(job) == {"train:accuracy": 1.0}
    assert calls[-3:] == ["PutObject", "CreateTrainingJob", "DescribeTrainingJob"]


def test_a_model_trainer_raises_with_a_failed_jobs_reason(trainer, inputs):
    from sagemaker.core.utils.exceptions import FailedStatusError

    trainer.hyperparameters = {"mode": "supervised", "epochs": "abc"}
    trainer.train(inputs, wait=False, logs=False)

    with pytest.raises(FailedStatusError, match="AlgorithmError: u'abc' is not valid"):
        trainer._latest_training_job.wait(poll=0, timeout=60)
