"""The lock: complete, exact, with hashes, and of versions that work together."""

import importlib
import re

import pytest
from packaging.version import Version

from tests.conftest import REPOSITORY

LOCKS = ("requirements.txt", "requirements-dev.txt", "spark/requirements.txt", "include/spark/requirements.txt")


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_with_hashes_and_no_registry_is_named(name):
    text = (REPOSITORY / name).read_text()
    requirements = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]

    assert requirements
    assert all(re.match(r"[a-z0-9._\[\]-]+==\S+", line) for line in requirements)
    assert text.count("--hash=sha256:") >= len(requirements)
    assert "://" not in text


@pytest.mark.parametrize("name", ["charset-normalizer", "nltk", "regex", "zstandard"])
def test_spark_has_the_versions_of_one_machine_where_the_output_depends_on_them(name):
    texts = [(REPOSITORY / lock).read_text() for lock in (LOCKS[0], *LOCKS[2:])]
    versions = {re.search(rf"^{name}==(\S+)", text, re.MULTILINE)[1] for text in texts}

    assert len(versions) == 1


def test_the_first_lines_say_how_to_install_it():
    assert "--no-deps -r requirements.txt" in (REPOSITORY / "requirements.txt").read_text()[:700]


@pytest.mark.parametrize(
    "module",
    [
        "airflow.providers.celery.executors.celery_executor",  # of docker-compose.yaml alone
        "airflow.providers.postgres.hooks.postgres",
        "sagemaker.core.image_uris",
        "psycopg2",
        "redis",
    ],
)
def test_what_only_a_deployment_uses_imports_too(module):
    importlib.import_module(module)


def test_the_sdk_knows_the_training_image():
    from sagemaker.core import image_uris

    assert image_uris.retrieve("blazingtext", "eu-west-1").split("/")[-1] == "blazingtext:1"


def test_versions_are_those_that_were_measured():
    from importlib.metadata import version

    assert Version(version("nltk")) == Version("3.10.4")  # other versions give other tokens
    assert Version(version("moto")) == Version("5.2.5")  # the local AWS relies on its inner workings
