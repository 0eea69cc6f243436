"""An operator's connection, region and settings reach its trigger, which runs in another process."""

import json

import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook

from hashtag_retrain.hooks import hook_arguments
from tests.plugins.endpoints import delete_operator

THEIRS = {"conn_type": "aws", "login": "hooks-key", "password": "x", "extra": {"region_name": "eu-west-1"}}


@pytest.fixture
def their_connection(local_aws, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HOOKS_THEIRS", json.dumps(THEIRS))
    return "hooks_theirs"


def operator_of(connection: str, **arguments):
    config = {"connect_timeout": 7, "retries": {"mode": "standard", "total_max_attempts": 3}}
    return delete_operator("hooks-endpoint", aws_conn_id=connection, botocore_config=config, **arguments)


def client_of(operator, hook):
    """Of a hook in another process, which gets the arguments as JSON."""
    return hook(**json.loads(json.dumps(hook_arguments(operator)))).get_conn()


@pytest.mark.parametrize("hook", [SageMakerHook, S3Hook])
@pytest.mark.parametrize(("region", "effective"), [("ap-south-1", "ap-south-1"), (None, "eu-west-1")])
def test_a_hook_in_another_process_is_the_operators(their_connection, hook, region, effective):
    client = client_of(operator_of(their_connection, region_name=region), hook)

    assert client.meta.region_name == effective
    assert client._get_credentials().access_key == "hooks-key"
    assert client.meta.config.connect_timeout == 7
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_what_the_operator_does_not_say_is_the_default(local_aws):
    client = client_of(delete_operator("hooks-endpoint"), SageMakerHook)

    assert client.meta.region_name == "us-east-1"
    assert client._get_credentials().access_key == "test"


def test_a_certificate_that_is_not_to_be_checked_is_not_checked_there_either(their_connection):
    operator = operator_of(their_connection, verify=False)

    assert SageMakerHook(**hook_arguments(operator)).verify is False
    assert client_of(operator, S3Hook)._endpoint.http_session._verify is False
