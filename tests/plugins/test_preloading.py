import json
import subprocess
import sys

import pytest
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker

from hashtag_retrain import preloading
from tests.conftest import REPOSITORY

HEAVY = {"nltk", "pandas", "sagemaker", "scipy", "sklearn"}
PARSE = """
import json, sys
from pathlib import Path

import airflow.dag_processing.manager, structlog
from airflow.dag_processing.processor import DagFileParseRequest, _parse_file
from airflow.jobs.job import Job
from airflow.plugins_manager import ensure_plugins_loaded, get_import_errors

Job()
ensure_plugins_loaded()
assert not get_import_errors(), get_import_errors()
before = set(sys.modules)
dags = Path("dags").resolve()
for file in dags.glob("*.py"):
    request = DagFileParseRequest(file=str(file), bundle_path=dags, bundle_name="dags-folder")
    assert not _parse_file(request, structlog.get_logger()).import_errors
print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
"""


@pytest.fixture(scope="module")
def modules(airflow_database) -> tuple[set[str], set[str]]:
    """What a component imports when it starts, and what its forks import to parse the DAG files."""
    done = subprocess.run([sys.executable, "-c", PARSE], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout.splitlines()[-1])
    return set(before), set(after)


def test_a_fork_that_parses_the_dags_imports_only_the_dag_files(modules):
    others = {name for name in modules[1] if not name.startswith("unusual_prefix_")}

    assert others == set(), "Add these to IMPORTED_FOR_DAGS."


def test_no_component_imports_what_only_one_task_needs(modules):
    assert {name.partition(".")[0] for name in set.union(*modules)} & HEAVY == set()


def test_only_the_api_server_imports_the_page(modules):
    assert not [name for name in set.union(*modules) if name.startswith("hashtag_retrain.page.")]


def test_a_task_that_starts_preloads_nothing(monkeypatch):
    monkeypatch.setattr(preloading, "import_all", lambda names: pytest.fail("called"))

    preloading.on_starting(component=TaskRunnerMarker())
