"""What processes import that are no API server."""

import os
import subprocess
import sys

from tests.conftest import AIRFLOW_HOME, REPOSITORY

LOAD = """
import sys
from airflow.plugins_manager import ensure_plugins_loaded, get_import_errors
ensure_plugins_loaded()
assert not get_import_errors(), get_import_errors()
print(*(name for name in sys.modules if name.startswith("hashtag_retrain.page.")))
"""


def test_no_other_process_imports_the_page(airflow_database):
    path = f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'plugins'}"
    environment = {**os.environ, "PYTHONPATH": path, "AIRFLOW_HOME": str(AIRFLOW_HOME)}
    done = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
