"""The SageMaker SDK 1.x as it comes: train, attach, tune, deploy, predict, update, transform, delete."""

import json

import boto3
import pytest
import sagemaker
from conftest import ROLE, TWEETS
from sagemaker.amazon.amazon_estimator import get_image_uri
from sagemaker.estimator import Estimator
from sagemaker.predictor import RealTimePredictor, json_deserializer, json_serializer
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

BUCKET = "sdk-1"
TEXTS = ["kernel latency", "coupon webinar"]
EXPECTED = ["__label__technical", "__label__marketing"]


@pytest.fixture(scope="module")
def session() -> sagemaker.Session:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for channel in ("train", "validation"):
        s3.put_object(Bucket=BUCKET, Key=f"{channel}/{channel}.txt", Body=TWEETS)
    return sagemaker.Session(default_bucket=BUCKET)


@pytest.fixture
def estimator(session: sagemaker.Session) -> Estimator:
    image = get_image_uri("us-east-1", "blazingtext")
    estimator = Estimator(
        image, ROLE, 1, "ml.c5.xlarge", output_path=f"s3://{BUCKET}/models", sagemaker_session=session
    )
    estimator.set_hyperparameters(
        mode="supervised", epochs=10, min_count=1, vector_dim=10, learning_rate=0.5, buckets=1000
    )
    return estimator


@pytest.fixture
def trained(estimator: Estimator, inputs: dict[str, str]) -> Estimator:
    estimator.fit(inputs, logs=False)
    return estimator


@pytest.fixture
def inputs() -> dict[str, str]:
    return {channel: f"s3://{BUCKET}/{channel}" for channel in ("train", "validation")}


def labels(answers: list[dict]) -> list[str]:
    return [answer["label"][0] for answer in answers]


def test_an_estimator_attaches_to_a_job(trained, session):
    again = Estimator.attach(trained.latest_training_job.name, sagemaker_session=session)

    assert again.model_data == trained.model_data
    assert again.hyperparameters()["epochs"] == "10"
    assert set(again.training_job_analytics.dataframe()["metric_name"]) == {"train:accuracy", "validation:accuracy"}


def test_a_tuner_finds_the_best_job_and_another_attaches_to_it(estimator, inputs, session):
    tuner = HyperparameterTuner(
        estimator,
        "validation:accuracy",
        {"learning_rate": ContinuousParameter(0.01, 0.5), "epochs": IntegerParameter(5, 10)},
        max_jobs=2,
        max_parallel_jobs=2,
    )
    tuner.fit(inputs)
    tuner.wait()

    again = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=session)
    assert again.best_training_job() == tuner.best_training_job()
    assert len(again.analytics().dataframe()) == 2


def test_an_endpoint_predicts_is_updated_and_deleted(trained, estimator, inputs, session, name):
    trained.deploy(1, "ml.m4.xlarge", endpoint_name=name)
    estimator.fit(inputs, logs=False)
    estimator.deploy(1, "ml.m5.xlarge", endpoint_name=name, update_endpoint=True)

    predictor = RealTimePredictor(name, session, json_serializer, json_deserializer)
    assert labels(predictor.predict({"instances": TEXTS})) == EXPECTED

    predictor.delete_model()
    predictor.delete_endpoint()
    waiter = boto3.client("sagemaker").get_waiter("endpoint_deleted")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_a_transformer_writes_a_line_for_each_line(trained, session, name):
    s3 = boto3.client("s3")
    body = "".join(json.dumps({"source": text}) + "\n" for text in TEXTS)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in.jsonl", Body=body)
    transformer = trained.transformer(
        1, "ml.m4.xlarge", output_path=f"s3://{BUCKET}/{name}/out", accept="application/jsonlines", assemble_with="Line"
    )
    transformer.transform(f"s3://{BUCKET}/{name}/in.jsonl", content_type="application/jsonlines", split_type="Line")
    Transformer.attach(transformer.latest_transform_job.name, sagemaker_session=session).wait()

    answers = s3.get_object(Bucket=BUCKET, Key=f"{name}/out/in.jsonl.out")["Body"].read().splitlines()
    assert labels(map(json.loads, answers)) == EXPECTED
