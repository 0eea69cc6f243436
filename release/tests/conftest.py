"""A local AWS in the product's own environment, and environments for bundles, as their platforms make them."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from release.mwaa import PYTHON, constraints

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
INSIDE = Path(__file__).with_name("inside.py")
SETTINGS = {"RETRAIN_BUCKET": "local-tweets", "RETRAIN_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker"}
CREDENTIALS = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
MWAA_HAS = (
    "apache-airflow-providers-amazon[aiobotocore]",
    "apache-airflow[celery,statsd]==3.3.1",
    "apache-airflow-core[gunicorn]==3.3.1",
    "apache-airflow-providers-fab",
    "apache-airflow-providers-postgres",
    "apache-airflow-providers-standard",
    "watchtower",
    "psycopg2-binary",  # MWAA compiles psycopg2
)
"""What MWAA's image installs (aws/amazon-mwaa-docker-images), but for its brokers, types and tools."""
MADE_ON = "2026-08-13"
"""The day after Airflow 3.3.1's constraints were made: nothing newer is in MWAA's image."""
MWAA_PROTECTS = {"PYTHONPATH", "AIRFLOW_HOME", "AWS_REGION", "AWS_DEFAULT_REGION", "PYTHONUNBUFFERED"}
"""Variables that a startup script cannot set, as far as they concern the product."""


@dataclass(frozen=True)
class Installed:
    """A bundle in place."""

    python: Path
    variables: dict[str, str]

    def __call__(self, what: str, **variables: str) -> dict[str, Any]:
        """What `inside.py` finds there."""
        done = self._run(str(self.python), str(INSIDE), what, **variables)
        return json.loads(done.stdout.splitlines()[-1])

    def migrate(self) -> "Installed":
        self._run(str(self.python.with_name("airflow")), "db", "migrate")
        return self

    def _run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return call(*command, cwd=self.python.parents[1], env={**self.variables, **variables})


def call(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done


@dataclass(frozen=True)
class Environment:
    """A fresh environment of Python packages. uv links them from its cache, so this takes little time and space."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Environment":
        uv = (str(BIN / "uv"), "venv", "--quiet", "--seed", "--no-python-downloads", "--python", PYTHON)
        call(*uv, str(folder), env={**os.environ, "PYENV_VERSION": PYTHON})  # where pyenv has it, but does not use it
        return cls(folder)

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def uv(self, *arguments: str) -> None:
        call(str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(self.python), *arguments)


@pytest.fixture(scope="session")
def local_aws() -> Iterator[str]:
    """Its address; it has the sample tweets."""
    command = [sys.executable, "-m", "local_aws", "--port", "0", "--pace", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split("ready on ")[1].strip()
        for line in process.stdout:
            if "AWS_SECRET_ACCESS_KEY" in line:  # the last line of the banner
                break
        upload = [sys.executable, "-m", "include.cli", "upload-samples"]
        call(*upload, cwd=REPOSITORY, env={**os.environ, **SETTINGS, **CREDENTIALS, "AWS_ENDPOINT_URL": url})
        yield url
        process.terminate()


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory, local_aws: str) -> Any:
    """Installs a bundle as its platform does."""
    ways = {"image": in_an_image, "mwaa": on_mwaa, "astro": on_astro}

    @cache
    def installed(platform: str) -> Installed:
        folder = tmp_path_factory.mktemp(platform)
        home = folder / "airflow"
        python, own = ways[platform](Environment.make(folder / "environment"), home)
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
            "AWS_ENDPOINT_URL": local_aws,
            "RETRAIN_POLL_SECONDS": "0.2",
            "RETRAIN_SECONDS_BEFORE_DEFERRAL": "0",  # as with AWS, where polls are further apart
            **CREDENTIALS,
            **own,
        }
        return Installed(python, variables).migrate()

    return installed


def in_an_image(environment: Environment, home: Path) -> tuple[Path, dict[str, str]]:
    """As the Dockerfile does, for the Helm chart and docker compose."""
    environment.uv("--require-hashes", "--no-deps", "-r", str(REPOSITORY / "requirements.txt"))
    for name in ("dags", "include", "plugins"):
        shutil.copytree(REPOSITORY / name, home / name)
    return environment.python, {"PYTHONPATH": f"{home}:{home / 'plugins'}", **SETTINGS}


def on_mwaa(environment: Environment, home: Path) -> tuple[Path, dict[str, str]]:
    """MWAA's packages, then the bundle's by pip, under the same constraints; plugins.zip; the startup script."""
    bundle = make("mwaa", home.parent / "bundle")
    allowed = home.parent / "constraints.txt"
    allowed.write_text(constraints.fetch() or constraints.COPY.read_text())
    environment.uv("--exclude-newer", MADE_ON, "-c", str(allowed), *MWAA_HAS)
    pip = (str(environment.python), "-m", "pip", "install", "--quiet")
    call(*pip, "--constraint", str(allowed), "-r", str(bundle / "requirements.txt"), "-c", str(allowed))
    call(str(environment.python), "-m", "pip", "check")

    shutil.copytree(bundle / "dags", home / "dags")
    with zipfile.ZipFile(bundle / "plugins.zip") as archive:
        archive.extractall(home / "plugins")
    exported = call("bash", "-c", f"set -a; . {bundle / 'startup.sh'}; env -0", env={}).stdout
    variables = dict(line.split("=", 1) for line in exported.split("\0") if line)
    assert not MWAA_PROTECTS & set(variables)
    return environment.python, {"PYTHONPATH": "/python", **variables}


def on_astro(environment: Environment, home: Path) -> tuple[Path, dict[str, str]]:
    """The runtime's Airflow, then the bundle's requirements, resolved on top of it. The project is Airflow's home."""
    bundle = make("astro", home)
    environment.uv("-c", str(REPOSITORY / "requirements.txt"), "apache-airflow==3.3.2")
    environment.uv("-r", str(bundle / "requirements.txt"))
    lines = [line.removeprefix("ENV ").split("=", 1) for line in (bundle / "Dockerfile").read_text().splitlines()]
    settings = {name: value.strip('"') for name, *rest in lines if name.startswith("RETRAIN_") for value in rest}
    return environment.python, {"PYTHONPATH": str(home), **settings}


def make(platform: str, folder: Path) -> Path:
    """The bundle, by the command that people use."""
    variables = {**os.environ, **SETTINGS}
    call(sys.executable, "-m", "release", platform, "--out", str(folder), cwd=REPOSITORY, env=variables)
    return folder
