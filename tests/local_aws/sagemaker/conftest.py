"""Models that can be told apart, and endpoints of them."""

import itertools
import json

import pytest

from tests.conftest import TRAIN, archive_of
from tests.local_aws.conftest import configure, wait_for_endpoint

QUESTION = json.dumps({"instances": ["hello world"]}).encode()
OLD, NEW = b"__label__a", b"__label__c"
"""What the old and the new model answer to the question."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def new_archive(tmp_path_factory):
    train = TRAIN.replace(b"__label__a", NEW).replace(b"__label__b", b"__label__d")
    return archive_of(train, tmp_path_factory.mktemp("new-model"))


@pytest.fixture
def new_uri(client, settings, new_archive):
    client("s3").put_object(Bucket=settings.bucket, Key="new.tar.gz", Body=new_archive)
    return f"s3://{settings.bucket}/new.tar.gz"


@pytest.fixture
def live(sagemaker, model_uri):
    """An endpoint in service, with the old model."""
    return create(sagemaker, configure(sagemaker, model_uri))


def create(sagemaker, config):
    name = f"live-{next(_numbers)}"
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    wait_for_endpoint(sagemaker, name)
    return name


@pytest.fixture
def alarm(once):
    """Creates an alarm on an endpoint's metric; all are deleted after the test."""
    cloudwatch, names = once("cloudwatch"), []

    def alarm(endpoint, **changes):
        request = {
            "AlarmName": f"guard-{next(_numbers)}",
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Dimensions": [
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": "AllTraffic"},
            ],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            **changes,
        }
        cloudwatch.put_metric_alarm(**request)
        names.append(request["AlarmName"])
        return request["AlarmName"]

    yield alarm
    cloudwatch.delete_alarms(AlarmNames=names)


def blue_green(kind, wait=0, termination=0, alarms=(), **sizes):
    """A DeploymentConfig."""
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination}
    return {"BlueGreenUpdatePolicy": policy, **watching(alarms)}


def watching(alarms):
    if not alarms:
        return {}
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}


def percent(value):
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value):
    return {"Type": "INSTANCE_COUNT", "Value": value}
