"""Asking an endpoint, as applications and people at a command line do."""

import io
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from include.aws.registry import Registry
from include.aws.requests import endpoint_request, model_package_request
from include.classifier import TEXTS_AT_ONCE, Classifier
from include.cli import main
from include.config.errors import ConfigurationError
from include.config.names import run_name
from include.config.ownership import as_tags, ownership_tags
from tests.conftest import IMAGE, ROLE_ARN

LONG_AGO = datetime(2006, 3, 21, tzinfo=UTC)


@pytest.fixture
def serve(client, settings, model_uri):
    """Register a model of the hashtag aws, and deploy it as a run does; return the endpoint's name."""
    sagemaker = client("sagemaker")

    def serve(registered: bool = True, hashtag: str = "aws", **properties: str) -> str:
        if registered:
            request = model_package_request(
                description="#aws",
                image=IMAGE,
                model_uri=model_uri,
                metrics_uri="s3://b/evaluation.json",
                approval="Approved",
                properties={"date": "2026-01-07", "recipe": "clean", **properties},
            )
            ours = model_uri.removesuffix("model.tar.gz")
            Registry(sagemaker, f"retrain-{hashtag}", ours).register(request, "good", LONG_AGO)
        name = run_name(settings.deployment, f"retrain_{hashtag}", str(uuid4()))
        requests = endpoint_request(
            name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
        )
        tags = as_tags(ownership_tags(f"retrain_{hashtag}/run", settings.deployment, "test"))
        sagemaker.create_model(**requests["Model"], Tags=tags)
        sagemaker.create_endpoint_config(**requests["EndpointConfig"], Tags=tags)
        sagemaker.create_endpoint(**requests["Endpoint"], Tags=tags)
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
        return name

    return serve


@pytest.fixture
def model_uri(client, settings, model_archive):
    client("s3").put_object(Bucket=settings.bucket, Key="twitter-data/model.tar.gz", Body=model_archive)
    return f"s3://{settings.bucket}/twitter-data/model.tar.gz"


def test_texts_get_labels_and_probabilities_that_add_up(serve):
    serve()

    found = list(Classifier.connect("aws").predict(["Hello, World AGAIN!", "good bye", "", "???"]))

    assert [prediction.label for prediction in found[:2]] == ["a", "b"]
    assert all(sum(prediction.probabilities.values()) == pytest.approx(1) for prediction in found[:2])


def test_the_temperature_of_the_registry_calibrates(serve):
    name = serve()
    plain = next(Classifier.connect("aws", name).predict(["hello world"]))
    serve(temperature="2.0000")
    calibrated = next(Classifier.connect("aws", name).predict(["hello world"]))

    assert calibrated.label == plain.label
    odds = [prediction.probabilities["a"] / prediction.probabilities["b"] for prediction in (plain, calibrated)]
    assert odds[1] == pytest.approx(odds[0] ** 0.5, rel=1e-3)


def test_as_many_labels_are_asked_for_as_the_version_has(serve):
    serve(labels="1")

    assert next(Classifier.connect("aws").predict(["hello world"])).probabilities == {"a": pytest.approx(1)}


def test_any_number_of_texts_is_asked_about_in_their_order(serve):
    serve()
    texts = ["hello again" if number % 3 else "good bye" for number in range(2 * TEXTS_AT_ONCE + 1)]

    labels = [prediction.label for prediction in Classifier.connect("aws").predict(iter(texts))]

    assert labels == ["a" if number % 3 else "b" for number in range(len(texts))]


def test_the_newest_endpoint_is_asked(serve):
    serve()
    newest = serve()

    assert Classifier.connect("aws").endpoint_name == newest


def test_what_cannot_be_asked_is_an_error_that_says_what_to_do(serve):
    other = serve(registered=False, hashtag="another")

    with pytest.raises(ConfigurationError, match=r"no endpoint of #aws is in service. A run of retrain_aws keeps"):
        Classifier.connect("aws")
    with pytest.raises(ConfigurationError, match=r"Could not find endpoint .*nowhere"):
        Classifier.connect("aws", "nowhere")
    with pytest.raises(ConfigurationError, match="is no registered version of #another"):
        Classifier.connect("another", other)


def test_an_answer_that_aws_refuses_is_exit_status_2(serve, order_fault, capsys):
    serve()
    order_fault(operation="InvokeEndpoint", error="AccessDeniedException")

    assert main(["predict", "aws", "hello"]) == 2
    assert "error: AWS: An error occurred (AccessDeniedException)" in capsys.readouterr().err


def test_the_command_prints_a_line_for_each_text(serve, capsys, monkeypatch, tmp_path):
    name = serve()
    (tmp_path / "texts.txt").write_text("hello again\n\ngood bye\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("good bye then\n"))

    assert main(["predict", "aws", "hello world", "--endpoint", name]) == 0
    assert main(["predict", "aws", "--file", str(tmp_path / "texts.txt")]) == 0
    assert main(["predict", "aws", "--file", "-", "--json"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[::2] for line in lines[:3]] == [
        ["a", "hello world"],
        ["a", "hello again"],
        ["b", "good bye"],
    ]
    answer = json.loads(lines[3])
    assert (answer["text"], answer["label"], set(answer["probabilities"])) == ("good bye then", "b", {"a", "b"})


@pytest.mark.parametrize(
    "arguments", [["aws"], ["aws", "a text", "--file", "-"], ["aws", "--file", "/nowhere"], ["A!", "x"]]
)
def test_bad_usage_is_exit_status_2(arguments, capsys):
    assert main(["predict", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
