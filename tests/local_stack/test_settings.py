import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.config.errors import ConfigurationError
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


def local_stack(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'plugins'}"
    return subprocess.run(
        [sys.executable, "-m", "local_stack", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "LOCAL_STACK_HOME": str(home)},
    )


def test_a_command_of_airflows_runs_in_the_environment_of_the_stack_that_runs(tmp_path):
    environment = {**os.environ, "AIRFLOW__CORE__DAGS_FOLDER": "/somewhere"}
    Session.begin(tmp_path, environment, tmp_path / "postgres")

    done = local_stack(tmp_path, "config", "get-value", "core", "dags_folder")

    assert done.stdout.splitlines()[-1] == "/somewhere"


def test_without_a_stack_a_command_says_so(tmp_path):
    done = local_stack(tmp_path, "backfill", "create", "--dag-id=retrain_aws")

    assert (done.returncode, done.stderr) == (1, "error: No local stack is running. Start one with: make up\n")


def test_an_upload_that_names_no_hashtag_date_or_file_is_refused_in_words(tmp_path):
    Session.begin(tmp_path, {**os.environ, **StackSettings().environment("sqlite://")}, tmp_path)

    for arguments, words in (
        (("aws", "yesterday", __file__), "error: date 'yesterday' is not a calendar date of the form 2026-01-31"),
        (("AWS", "2026-01-07", __file__), "error: hashtag 'AWS': only a-z, 0-9 and _ are allowed"),
        (("aws", "2026-01-07", "none.csv"), "error: none.csv is not a file"),
    ):
        done = local_stack(tmp_path, "upload", *arguments)
        assert done.returncode != 0
        assert words in done.stderr


def test_what_a_stack_leaves_for_commands_is_readable_by_its_user_alone(tmp_path):
    Session.begin(tmp_path, {"secret": "x"}, tmp_path)

    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0
    assert Session.find(tmp_path).is_running


def test_a_stack_whose_process_has_died_runs_no_more(tmp_path):
    session = Session.begin(tmp_path, {}, tmp_path)

    assert not dataclasses.replace(session, created=session.created - 1).is_running  # the number is another one's now


def test_what_a_killed_stack_has_left_running_is_known(tmp_path):
    session = Session.begin(tmp_path, {}, tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as part:
        session.note_part(tmp_path, "scheduler", part.pid)

        assert Session.find(tmp_path).leftovers() == [part.pid]
        part.kill()
        part.wait()

    assert Session.find(tmp_path).leftovers() == []
