import dataclasses
import os
import subprocess
import sys

import pytest

from include.errors import ConfigurationError
from local_stack.session import Session
from local_stack.settings import StackSettings
from tests.conftest import REPOSITORY


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


def airflow_command(home, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys, types, pathlib, local_stack.__main__ as command\n"
        f"command.StackSettings = lambda: types.SimpleNamespace(home=pathlib.Path({str(home)!r}))\n"
        "sys.exit(command.main(sys.argv[1:]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'plugins'}"}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, env=environment,
    )  # fmt: skip


def test_a_command_of_airflows_runs_in_the_environment_of_the_stack_that_runs(tmp_path):
    environment = {**os.environ, "AIRFLOW__CORE__DAGS_FOLDER": "/somewhere"}
    Session.begin(tmp_path, environment, tmp_path / "postgres")

    done = airflow_command(tmp_path, "config", "get-value", "core", "dags_folder")

    assert done.stdout.splitlines()[-1] == "/somewhere"


def test_without_a_stack_a_command_says_so(tmp_path):
    done = airflow_command(tmp_path, "backfill", "create", "--dag-id=retrain_aws")

    assert (done.returncode, done.stderr) == (1, "error: No local stack is running. Start one with: make up\n")


def test_what_a_stack_leaves_for_commands_is_readable_by_its_user_alone(tmp_path):
    Session.begin(tmp_path, {"secret": "x"}, tmp_path)

    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0
    assert Session.find(tmp_path).is_running


def test_a_stack_whose_process_has_died_runs_no_more(tmp_path):
    session = Session.begin(tmp_path, {}, tmp_path)

    assert not dataclasses.replace(session, created=session.created - 1).is_running  # the number is another one's now
