import pytest

from include.config.errors import ConfigurationError
from local_stack.settings import StackSettings


def test_ports_come_from_the_environment():
    settings = StackSettings.from_environment({"AIRFLOW_PORT": "8090", "LOCAL_AWS_PORT": "4576"})

    assert settings.airflow_url == "http://127.0.0.1:8090"
    assert settings.environment("sqlite://")["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4576"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"AIRFLOW_PORT": "http"}, "AIRFLOW_PORT='http' is not a port number"),
        ({"LOCAL_AWS_PORT": "70000"}, "LOCAL_AWS_PORT='70000' is not a port number"),
        ({"LOCAL_AWS_PORT": "8080"}, "AIRFLOW_PORT and LOCAL_AWS_PORT are both 8080"),
    ],
)
def test_a_wrong_port_is_an_error_that_names_the_variable(environment, message):
    with pytest.raises(ConfigurationError, match=message):
        StackSettings.from_environment(environment)


def test_what_is_set_for_a_real_deployment_does_not_reach_the_local_one(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
    monkeypatch.setenv("RETRAIN_PREFIX", "production")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com")

    environment = StackSettings().environment("sqlite://")

    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "RETRAIN_PREFIX"} & set(environment)
    assert "127.0.0.1" in environment["NO_PROXY"]
