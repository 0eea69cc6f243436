import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from local_aws.blazingtext.inference import ContainerError
from local_aws.cloud import Cloud
from local_aws.faults import Fault
from local_aws.pace import Pace
from local_aws.s3_objects import S3Objects
from local_aws.sagemaker.artifact import ArtifactError
from local_aws.sagemaker.fleet import Fleet, log_group
from local_aws.store import Store
from tests.local_aws.sagemaker.conftest import OLD, QUESTION

JSON = "application/json"
VARIANTS = [
    {"VariantName": "b", "ModelName": "fleet-model-b"},
    {"VariantName": "a", "ModelName": "fleet-model-a", "InitialVariantWeight": 2.0, "CurrentWeight": 0.0},
]
_numbers = itertools.count(1)


@pytest.fixture
def fleet():
    """Of an endpoint of its own, without models."""
    cloud = Cloud("123456789012", "us-east-1", S3Objects(Store()), Pace(0.0005))
    return Fleet(cloud, f"fleet-{next(_numbers)}", "config", VARIANTS, {"a": "x", "b": "y"})


@pytest.fixture
def loaded(fleet, model_archive):
    fleet.load("a", model_archive)
    return fleet


def ask(fleet, body=QUESTION, content_type=JSON):
    return fleet.answer("a", body, content_type, "", time.perf_counter())


@pytest.fixture
def sums(client):
    """The sums of an endpoint's metrics, with some dimensions."""

    def sums(fleet, **dimensions):
        now, names = datetime.now(UTC), ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
        metric = {
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]
            + [{"Name": "EndpointName", "Value": fleet.endpoint_name}],
            "StartTime": now - timedelta(hours=1),
            "EndTime": now + timedelta(hours=1),
            "Period": 86_400,
            "Statistics": ["Sum"],
        }
        found = [client("cloudwatch").get_metric_statistics(**metric, MetricName=name)["Datapoints"] for name in names]
        return [sum(point["Sum"] for point in points) for points in found]

    return sums


def messages(client, fleet):
    events = client("logs").filter_log_events(logGroupName=log_group(fleet.endpoint_name))["events"]
    return [(event["logStreamName"].partition("/")[0], event["message"]) for event in events]


def test_a_container_that_was_loaded_answers_and_its_log_says_so(loaded, client):
    body, content_type = ask(loaded)

    assert OLD.decode() in body
    assert content_type == JSON
    assert messages(client, loaded) == [
        ("a", "Arguments: serve"),
        ("a", "Number of server workers: 1"),
        ("a", "Loaded model.bin"),
    ]


def test_the_log_has_the_cause_for_which_a_container_does_not_start(fleet, client):
    with pytest.raises(ArtifactError, match=r'Failed to extract model data archive .* from URL "s3://b/k"'):
        fleet.load("a", b"no archive", "s3://b/k")

    assert messages(client, fleet)[1][1].startswith("Failed to extract model data archive")
    assert fleet.predictors == {}


def test_an_invocation_counts_for_the_variant_and_for_its_configuration(loaded, sums):
    ask(loaded)
    ask(loaded)
    refused(loaded, b"{")

    assert sums(loaded, VariantName="a") == [3, 1, 0]
    assert sums(loaded, VariantName="a", EndpointConfigName="config") == [3, 1, 0]
    assert sums(loaded, VariantName="b") == [0, 0, 0]


def refused(fleet, body=QUESTION):
    with pytest.raises(ContainerError) as error:
        ask(fleet, body)
    return error.value.status, str(error.value)


@pytest.mark.parametrize(
    ("fault", "status", "message", "counted"),
    [
        ({"error": "503", "message": "as ordered"}, 503, "as ordered", [1, 0, 1]),
        ({"error": "429"}, 429, "was ordered for this model", [1, 1, 0]),
        ({"error": "NoAnswer"}, 0, "timed out while waiting for a response", [1, 0, 1]),
    ],
)
def test_a_container_fails_as_ordered_and_only_the_one_of_the_model(loaded, sums, fault, status, message, counted):
    loaded.cloud.faults.add(Fault(model="fleet-model-b", error="500"))
    loaded.cloud.faults.add(Fault(model="fleet-model-a", **fault))

    found, words = refused(loaded)

    assert found == status
    assert message in words
    assert sums(loaded, VariantName="a") == counted
    assert OLD.decode() in ask(loaded)[0]


def test_weights_are_the_current_ones_and_what_is_kept_loads_the_fleet_again(fleet):
    assert fleet.weights() == {"a": 0.0, "b": 1.0}
    assert Fleet(fleet.cloud, fleet.endpoint_name, **fleet.document()).weights() == fleet.weights()
