"""The SageMaker SDK 2.x as it comes: train, attach, tune, deploy, predict, transform, register, delete."""

import json

import boto3
import pytest
import sagemaker
from conftest import ROLE, TWEETS
from sagemaker.deserializers import JSONDeserializer, JSONLinesDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONLinesSerializer, JSONSerializer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

BUCKET = "sdk-2"
TEXTS = ["kernel latency", "coupon webinar"]


@pytest.fixture(scope="session")
def session() -> sagemaker.Session:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for channel in ("train", "validation"):
        s3.put_object(Bucket=BUCKET, Key=f"{channel}/{channel}.txt", Body=TWEETS)
    # Without a bucket of one's own the SDK asks STS at AWS's own address, whatever AWS_ENDPOINT_URL says.
    return sagemaker.Session(default_bucket=BUCKET)


@pytest.fixture
def estimator(session: sagemaker.Session) -> Estimator:
    image = sagemaker.image_uris.retrieve("blazingtext", "us-east-1")
    estimator = Estimator(
        image, ROLE, 1, "ml.c5.xlarge", output_path=f"s3://{BUCKET}/models", sagemaker_session=session
    )
    estimator.set_hyperparameters(
        mode="supervised", epochs=10, min_count=1, vector_dim=10, learning_rate=0.5, buckets=1000
    )
    return estimator


@pytest.fixture
def inputs() -> dict[str, TrainingInput]:
    return {
        channel: TrainingInput(f"s3://{BUCKET}/{channel}", distribution="FullyReplicated", content_type="text/plain")
        for channel in ("train", "validation")
    }


@pytest.fixture
def trained(estimator: Estimator, inputs: dict[str, TrainingInput]) -> Estimator:
    estimator.fit(inputs, logs="None")
    return estimator


@pytest.fixture
def predictor(trained: Estimator) -> Predictor:
    return trained.deploy(1, "ml.m5.large", serializer=JSONSerializer(), deserializer=JSONDeserializer())


def labels(answers: list[dict]) -> list[str]:
    return [answer["label"][0] for answer in answers]


EXPECTED = ["__label__technical", "__label__marketing"]


def test_fit_shows_the_jobs_log_to_its_end(estimator, inputs, capsys):
    estimator.fit(inputs, logs=True)

    shown = capsys.readouterr().out
    assert "#train_accuracy: 1" in shown
    assert "Training seconds:" in shown


def test_an_estimator_attaches_to_a_job_and_deploys_it(trained, session):
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
    tuner.fit(inputs, wait=True)

    again = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=session)
    assert again.best_training_job() == tuner.best_training_job()
    assert len(again.analytics().dataframe()) == 2


def test_an_endpoint_predicts_is_updated_and_deleted(predictor, trained):
    body = {"instances": TEXTS, "configuration": {"k": 2}}
    assert labels(predictor.predict(body)) == EXPECTED

    lines = Predictor(
        predictor.endpoint_name, predictor.sagemaker_session, JSONLinesSerializer(), JSONLinesDeserializer()
    )
    assert labels(lines.predict([{"source": text} for text in TEXTS])) == EXPECTED

    predictor.update_endpoint(initial_instance_count=1, instance_type="ml.m5.xlarge")
    assert labels(predictor.predict(body)) == EXPECTED

    predictor.delete_model()
    predictor.delete_endpoint(delete_endpoint_config=True)
    waiter = boto3.client("sagemaker").get_waiter("endpoint_deleted")
    waiter.wait(EndpointName=predictor.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_a_predictor_without_a_content_type_is_answered(predictor):
    """As the first version of the SDK asked, and the notebooks of its time."""
    runtime = boto3.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=predictor.endpoint_name, Body=json.dumps({"instances": TEXTS}))

    assert labels(json.load(answer["Body"])) == EXPECTED


def test_a_transformer_writes_a_line_for_each_line(trained, name):
    s3 = boto3.client("s3")
    body = "".join(json.dumps({"source": text}) + "\n" for text in TEXTS)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in.jsonl", Body=body)
    transformer = trained.transformer(
        1, "ml.m5.large", output_path=f"s3://{BUCKET}/{name}/out", accept="application/jsonlines", assemble_with="Line"
    )

    transformer.transform(f"s3://{BUCKET}/{name}/in.jsonl", content_type="application/jsonlines", split_type="Line")
    transformer.wait(logs=False)

    answers = s3.get_object(Bucket=BUCKET, Key=f"{name}/out/in.jsonl.out")["Body"].read().splitlines()
    assert labels(map(json.loads, answers)) == EXPECTED


def test_a_registered_model_is_deployed(trained, session, name):
    package = trained.register(
        content_types=["application/json"],
        response_types=["application/json"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name=name,
        approval_status="Approved",
    )
    package.deploy(1, "ml.m5.large", endpoint_name=name)

    predictor = Predictor(name, session, JSONSerializer(), JSONDeserializer())
    assert labels(predictor.predict({"instances": TEXTS})) == EXPECTED
    predictor.delete_endpoint()
