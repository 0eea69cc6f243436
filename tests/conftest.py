"""
One local AWS and one Airflow database for all tests, in this process; nothing of AWS or Airflow is replaced by a fake.

Airflow reads its configuration when it is first imported, so the environment is set before that.
"""

import os
import shutil
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="retrain-tests-airflow-"))

for name in [name for name in os.environ if name.startswith(("AWS_", "RETRAIN_", "AIRFLOW_"))]:
    del os.environ[name]
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_VERSION_INFLATION_CHECK_LEVEL": "error",
        "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws"}',
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "RETRAIN_POLL_SECONDS": "0.2",
        "RETRAIN_SECONDS_BEFORE_DEFERRAL": "0",  # as with AWS, where polls are further apart
    }
)

import gc  # noqa: E402

gc.disable()  # until all tests are collected: what is imported is no garbage

import fcntl  # noqa: E402
import functools  # noqa: E402
import itertools  # noqa: E402
import sqlite3  # noqa: E402
import tarfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import closing  # noqa: E402
from dataclasses import replace  # noqa: E402
from typing import Any  # noqa: E402

import boto3  # noqa: E402
import hypothesis  # noqa: E402
import pytest  # noqa: E402
import requests  # noqa: E402
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook  # noqa: E402
from cadwyn import VersionBundle  # noqa: E402
from cadwyn.route_generation import _EndpointTransformer  # noqa: E402
from jsonschema import Draft202012Validator  # noqa: E402

import tests.quick_clients  # noqa: E402, F401
from include.aws.storage import Storage  # noqa: E402
from include.config.settings import Settings  # noqa: E402
from local_aws.glue.models import GlueBackend  # noqa: E402
from local_aws.glue.spark import Spark  # noqa: E402
from local_aws.pace import Pace  # noqa: E402
from local_aws.server import LocalAws  # noqa: E402
from tests.answers import CheckedAnswers  # noqa: E402
from tests.glue_runs import write_program  # noqa: E402
from tests.openlineage import emitted  # noqa: E402

ROLE_ARN = "arn:aws:iam::123456789012:role/sagemaker"
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
TRAIN = b"__label__a hello world again\n__label__b good bye then\n" * 40
TESTS = REPOSITORY / "tests"
FIRST = (TESTS / "dags" / "test_retrain_hashtag.py", TESTS / "live", TESTS / "dags", Path("/"))
_numbers = itertools.count(1)

# Hypothesis fails a test if one example takes longer than 200 ms. On a busy machine that happens by chance. With the
# variable CI set, Hypothesis starts from its own profile for CI, which draws the same examples in every run; this
# profile inherits that, so that a change fails in CI only because of the change.
hypothesis.settings.register_profile("without-deadline", deadline=None)
hypothesis.settings.load_profile("without-deadline")


# A tenth of a DAG run's time went into the source lines of the stack, which each hook reads to name its caller to AWS.
AwsBaseHook._get_caller = lambda self, target_function_name="execute": "Tests"
# And an eighth into checking, for each of a task's parameters, that its schema is one.
_check_schema = Draft202012Validator.check_schema
_checked_schemas: set[str] = set()


def _check_schema_once(schema: Any, **options: Any) -> None:
    key = repr(schema)
    if key not in _checked_schemas:
        _check_schema(schema, **options)
        _checked_schemas.add(key)


Draft202012Validator.check_schema = _check_schema_once

# And five seconds of each worker into the ten older versions of the API that tasks ask: they ask the newest one.
_make_routers = _EndpointTransformer.transform


def _make_newest_routers(transformer: _EndpointTransformer) -> Any:
    transformer.routes_that_never_existed.clear()  # those of older versions only
    return _make_routers(transformer)


_EndpointTransformer.transform = _make_newest_routers
VersionBundle.__iter__ = lambda bundle: iter(bundle.versions[:1])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    The longest files first, so that at the end no worker waits for another one's. Of the first three, one needs
    Airflow's database: its worker makes it while the others work.
    """
    items.sort(
        key=lambda item: next(place for place, path in enumerate(FIRST) if path in (item.path, *item.path.parents))
    )


def pytest_collection_finish() -> None:
    """Airflow and AWS's models are a million objects. To look for garbage among them took a fifth of the time."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(200_000, 20, 100)


def pytest_sessionfinish() -> None:
    """pytest looks for garbage five times after this; it need not look at what is still used."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _remove_airflow_home() -> Iterator[None]:
    yield
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """The local AWS, with short phases. IAM's policies hold for its users; the key of the tests may do everything."""
    with LocalAws(pace=Pace(0.0005), enforces_iam=True) as server:
        server.application = CheckedAnswers(server.application)
        os.environ["AWS_ENDPOINT_URL"] = server.url
        yield server
        del os.environ["AWS_ENDPOINT_URL"]


@pytest.fixture(autouse=True)
def _answers_obey_the_service_model(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "local_aws" in request.fixturenames:
        answers = request.getfixturevalue("local_aws").application
        found, answers.violations = answers.violations, []
        assert not found


@pytest.fixture(scope="session")
def client(local_aws: LocalAws) -> Any:
    """boto3 clients of the local AWS by service name, for all tests: each takes a tenth of a second to make."""
    return functools.cache(lambda service: boto3.client(service, endpoint_url=local_aws.url))


@pytest.fixture(scope="session")
def sagemaker(client: Any) -> Any:
    return client("sagemaker")


@pytest.fixture
def settings(client: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A deployment with a bucket of its own, in the environment as well."""
    bucket = f"bucket-{next(_numbers)}"
    client("s3").create_bucket(Bucket=bucket)
    monkeypatch.setenv("RETRAIN_BUCKET", bucket)
    monkeypatch.setenv("RETRAIN_ROLE_ARN", ROLE_ARN)
    return Settings.from_environment()


@pytest.fixture
def storage(client: Any, settings: Settings) -> Storage:
    return Storage(client("s3"), settings.bucket)


@pytest.fixture(scope="session")
def model_archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small model as a training job leaves it. Where any model will do, a job for each test would take a second."""
    return archive_of(TRAIN, tmp_path_factory.mktemp("model"))


def archive_of(train: bytes, folder: Path) -> bytes:
    """A small model.tar.gz, trained on lines of BlazingText's format."""
    import fasttext

    (folder / "train.txt").write_bytes(train)
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=5, epoch=20, lr=0.5, minCount=1, bucket=100, thread=1, verbose=0
    )
    model.save_model(str(folder / "model.bin"))
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(folder / "model.bin", arcname="model.bin")
    return (folder / "model.tar.gz").read_bytes()


@pytest.fixture
def model_uri(client: Any, settings: Settings, model_archive: bytes) -> str:
    """Of a model that can be deployed."""
    client("s3").put_object(Bucket=settings.bucket, Key="model.tar.gz", Body=model_archive)
    return f"s3://{settings.bucket}/model.tar.gz"


@pytest.fixture
def order_fault(local_aws: LocalAws) -> Iterator[Any]:
    """Orders a fault from the local AWS, by its members; all are withdrawn after the test."""

    def order(**fault: Any) -> dict[str, Any]:
        response = requests.post(f"{local_aws.url}/_local/faults", json=fault, timeout=5)
        assert response.status_code == 201, response.text
        ordered: dict[str, Any] = response.json()
        return ordered

    yield order
    requests.delete(f"{local_aws.url}/_local/faults", timeout=5)


@pytest.fixture(scope="session")
def glue_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_program(tmp_path_factory.mktemp("glue") / "submit")


@pytest.fixture
def glue(client: Any, local_aws: LocalAws, glue_program: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of Glue. Its jobs need no Spark (see `tests.glue_runs`), unless the variable WITH_SPARK is set."""
    if not os.environ.get("WITH_SPARK"):
        monkeypatch.setattr(GlueBackend, "machine", replace(GlueBackend.machine, spark=Spark(glue_program)))
        monkeypatch.setattr(Spark, "unmet", lambda self, requirements: [])  # Glue would install them
    return client("glue")


@pytest.fixture
def openlineage(tmp_path: Path) -> Iterator[Any]:
    """Reads the OpenLineage events that were emitted since the test began."""
    with emitted(tmp_path) as events:
        yield events


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A migrated metadata database. Of xdist's workers one makes it, and the others copy it: it takes some seconds."""
    from airflow.utils.db import initdb

    if "PYTEST_XDIST_WORKER" not in os.environ:
        initdb()
        return
    own, made = AIRFLOW_HOME / "airflow.db", tmp_path_factory.getbasetemp().parent / "airflow.db"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists():
            copy_database(made, own)
        else:
            initdb()
            copy_database(own, made)


def copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)
