"""docker-compose.yaml as a running stack of a copy of this package, for the tests with an engine."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import requests

REPOSITORY = Path(__file__).parents[1]
SOURCES = ("dags", "plugins", "include", "local_aws", "compose")
PROJECT = "retrain-test"
STAND_INS = {
    "AIRFLOW_BASE_IMAGE": "retrain-stand-in/airflow",
    "POSTGRES_IMAGE": "retrain-stand-in/postgres",
    "REDIS_IMAGE": "retrain-stand-in/redis",
}


class Stack:
    """
    A stack for the local AWS, as a user has it after `make env LOCAL=1`.

    :param folder: for the copy of the package
    :param settings: more lines for .env
    """

    def __init__(self, folder: Path, ports: tuple[int, int], settings: dict[str, str]):
        self.folder = folder
        self.url, self._aws_url = (f"http://127.0.0.1:{port}" for port in ports)
        _copy_package(folder)
        written = {"COMPOSE_PROJECT_NAME": PROJECT, "AIRFLOW_PORT": str(ports[0]), "LOCAL_AWS_PORT": str(ports[1])}
        self._run([sys.executable, "compose/environment.py", "--local"])
        with (folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in (written | settings).items())
        self._settings = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if "=" in line)

    def compose(self, *arguments: str) -> str:
        """Run docker compose; return what it prints."""
        return self._run(["docker", "compose", *arguments])

    def up(self, *options: str) -> None:
        """Start what does not run, with two workers, and wait until all of it is healthy."""
        self.compose("up", "--wait", "--wait-timeout", "900", "--scale", "airflow-worker=2", *options)

    def kill(self, service: str) -> None:
        """As if the kernel had ended the service's containers."""
        self.compose("kill", "--signal", "SIGKILL", service)

    def services(self) -> list[dict[str, Any]]:
        """The running containers."""
        return [json.loads(line) for line in self.compose("ps", "--format", "json").splitlines()]

    def api(self, method: str, path: str, **arguments: Any) -> Any:
        """Call Airflow's API as the user admin."""
        login = {"username": "admin", "password": self._settings["AIRFLOW_UI_PASSWORD"]}
        token = requests.post(f"{self.url}/auth/token", json=login, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, f"{self.url}/api/v2/{path}", headers=headers, timeout=60, **arguments)
        answer.raise_for_status()
        return answer.json()

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Trigger a run; return its id."""
        run = self.api("POST", f"dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.api("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        instances = self.api("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {instance["task_id"]: instance["state"] for instance in instances}

    def aws(self, service: str) -> Any:
        """A client of the local AWS."""
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self._aws_url, **keys)

    def _run(self, command: list[str]) -> str:
        # Only .env counts: nothing that the shell of the tests exports.
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done.stdout


def wait_for(what: Callable[[], Any], seconds: float) -> Any:
    """
    Ask until the answer is true; return it.

    :raises TimeoutError: it is not in time
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(1)
    raise TimeoutError(f"not within {seconds} s")


def _copy_package(folder: Path) -> None:
    """What docker-compose.yaml uses, readable for the user of the containers."""
    folder.mkdir()
    for source in SOURCES:
        shutil.copytree(REPOSITORY / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*REPOSITORY.glob("docker-compose*.yaml"), *REPOSITORY.glob("requirements*.txt")):
        shutil.copy(file, folder)
    for name in ("Dockerfile", ".dockerignore", ".env.example"):
        shutil.copy(REPOSITORY / name, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
