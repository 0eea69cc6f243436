"""docker-compose.yaml, without an engine. `make test-compose` starts it."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

FILES = ("docker-compose.yaml", "docker-compose.edit.yaml")
TEXT, EDIT_TEXT = ((REPOSITORY / name).read_text() for name in FILES)
COMPOSE, EDIT = yaml.safe_load(TEXT), yaml.safe_load(EDIT_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (REPOSITORY / ".env.example").read_text()
ONE_SHOT = {"airflow-init", "local-aws-samples"}
LASTING = sorted(set(SERVICES) - ONE_SHOT)
RESTORING = ("VISIBILITY_TIMEOUT", "UNACKED_RESTORE_THROTTLE")
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(?:(:[-?])((?:[^{}]|\{[^{}]*\})*))?\}")


def variables() -> dict[str, tuple[str, str]]:
    """Each variable's operator and default, or message."""
    found: dict[str, tuple[str, str]] = {}
    for name, operator, rest in VARIABLE.findall(TEXT + EDIT_TEXT):
        found[name] = max(found.get(name, ("", "")), (operator, rest))
        for nested, inner_operator, default in VARIABLE.findall(rest):
            found.setdefault(nested, (inner_operator, default))
    return found


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


@pytest.mark.parametrize("name", FILES)
def test_the_file_fits_the_specification(name):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", name]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_every_variable_is_in_the_example_with_its_default():
    written = dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE))
    defaults = {name: rest if operator == ":-" else "" for name, (operator, rest) in variables().items()}
    del written["COMPOSE_FILE"], written["COMPOSE_PROFILES"]
    defaults["AIRFLOW_URL"] = ""  # made of another variable; the comment says it

    assert written == defaults


def test_every_setting_of_the_product_reaches_it():
    sources = [path.read_text() for folder in ("include", "plugins") for path in (REPOSITORY / folder).rglob("*.py")]
    settings = {name for source in sources for name in re.findall(r"\bRETRAIN_[A-Z_]+[A-Z]\b", source)}

    assert settings <= set(COMPOSE["x-airflow"]["environment"])


def test_only_the_ui_is_published_and_only_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    while_editing = [port for service in EDIT["services"].values() for port in service.get("ports", [])]

    assert list(published) == ["airflow-apiserver"]
    assert all(port.startswith("127.0.0.1:") for port in [*published["airflow-apiserver"], *while_editing])


@pytest.mark.parametrize("name", LASTING)
def test_a_service_that_stays_has_a_health_check_and_comes_back(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_no_log_of_a_container_grows_without_bound(name):
    assert {"max-size", "max-file"} <= set(SERVICES[name]["logging"]["options"])


def test_every_volume_is_declared_and_every_service_with_a_state_has_one():
    mounts = {
        name: dict(volume.split(":")[:2] for volume in service.get("volumes", [])) for name, service in SERVICES.items()
    }

    assert {volume for mount in mounts.values() for volume in mount} == set(COMPOSE["volumes"])
    assert mounts["postgres"] == {"postgres": "/var/lib/postgresql/data"}
    assert mounts["redis"] == {"redis": "/data"} and "--appendonly yes" in SERVICES["redis"]["command"]
    assert f"--data-dir={mounts['local-aws']['local-aws']}" in SERVICES["local-aws"]["command"]
    assert mounts["local-aws"]["local-aws"] in (REPOSITORY / "Dockerfile").read_text()  # which sets the volume's owner


def test_up_with_wait_knows_that_the_services_that_end_may_end():
    """`docker compose up --wait` fails at a service that ends, unless another one depends on its success."""
    waited_for = {
        name
        for service in SERVICES.values()
        for name, dependency in service.get("depends_on", {}).items()
        if dependency["condition"] == "service_completed_successfully"
    }

    assert waited_for == ONE_SHOT


def test_what_a_killed_worker_has_taken_comes_back_while_its_token_is_valid(monkeypatch):
    from airflow.configuration import conf
    from airflow.providers.celery.executors.default_celery import get_default_celery_config

    environment = COMPOSE["x-airflow"]["environment"]
    for name in ("__CELERY__BROKER_URL", *(f"__CELERY_BROKER_TRANSPORT_OPTIONS__{option}" for option in RESTORING)):
        monkeypatch.setenv(f"AIRFLOW{name}", environment[f"AIRFLOW{name}"])
    options = get_default_celery_config(conf)["broker_transport_options"]

    assert options["unacked_restore_throttle"] == 1
    assert options["visibility_timeout"] < conf.getfloat("scheduler", "task_queued_timeout") / 2


@pytest.mark.parametrize(
    "name", ["airflow-init", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-worker"]
)
def test_airflow_knows_the_command(name):
    from airflow.cli.cli_parser import get_parser

    assert get_parser().parse_args(words(SERVICES[name]["command"])).func


def test_the_command_of_the_local_aws_is_one(tmp_path):
    command = words(re.sub(r"\$\{.*\}", "http://127.0.0.1:8080", SERVICES["local-aws"]["command"][-1]))
    options = [*SERVICES["local-aws"]["command"][3:-1], *command]
    taken = [
        option.replace("--host=0.0.0.0", "--host=203.0.113.1") for option in options
    ]  # nobody's: it cannot be bound
    taken = [option.replace("/opt/airflow", str(tmp_path)) for option in taken]
    done = subprocess.run([sys.executable, "-m", "local_aws", *taken], cwd=REPOSITORY, capture_output=True, text=True)

    assert "cannot listen on 203.0.113.1:4566" in done.stderr


def test_the_samples_are_uploaded_by_a_command_that_there_is():
    command = words(SERVICES["local-aws-samples"]["command"])
    done = subprocess.run([sys.executable, *command[1:], "--help"], cwd=REPOSITORY, capture_output=True, text=True)

    assert command[0] == "python" and done.returncode == 0, done.stderr


def start_api_server(folder: Path, password: str) -> Path:
    """Run the API server's command with an airflow that does nothing; return the file of passwords."""
    airflow = folder / "airflow"
    airflow.write_text("#!/bin/sh\n")
    airflow.chmod(0o755)
    file = folder / "passwords.json"
    program, *arguments = (word.replace("$$", "$") for word in SERVICES["airflow-apiserver"]["command"])
    environment = {
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW_UI_PASSWORD": password,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(file),
    }
    subprocess.run([program, *arguments], env=environment, check=True)
    return file


@pytest.mark.parametrize("password", ["plain", "\"quoted\" and 'so' \\ $HOME é"])
def test_the_ui_asks_for_the_password_of_the_environment(tmp_path, monkeypatch, password):
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    file = start_api_server(tmp_path, password)
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(file))

    assert "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in TEXT
    assert SimpleAuthManager.get_passwords() == {"admin": password}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_part_of_airflow_takes_edits_of_the_mounted_code():
    running = {name for name, service in SERVICES.items() if service["image"] == "hashtag-retrain"} - ONE_SHOT
    mounted = {name: service["volumes"] for name, service in EDIT["services"].items() if "volumes" in service}
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    copied = {
        f"./{source}:{target}:ro"
        for source, target in re.findall(r" (\S+) (/opt/airflow/(?:dags|plugins|include))\n", dockerfile)
    }

    assert set(mounted) == running
    assert all(set(volumes) == copied for volumes in mounted.values())


def test_what_the_images_copy_is_in_the_context_and_their_targets_are_there():
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    context = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word for line in re.findall(r"^COPY --chown=\S+ (.*) \S+$", dockerfile, re.MULTILINE) for word in line.split()
    }
    built = {service["image"]: service["build"]["target"] for service in SERVICES.values() if "build" in service}

    assert copied <= context
    assert set(built) == {service["image"] for service in SERVICES.values() if "pull_policy" in service}
    assert set(built.values()) == set(re.findall(r"AS (\S+)$", dockerfile, re.MULTILINE)) - {"packages"}


def test_what_must_be_given_is_what_make_env_asks_for():
    required = {name for name, (operator, _) in variables().items() if operator == ":?"}
    command = [sys.executable, "-c", "import environment, json; print(json.dumps(environment.REQUIRED))"]
    asked = json.loads(subprocess.run(command, cwd=REPOSITORY / "compose", capture_output=True, check=True).stdout)

    assert set(asked) == required
