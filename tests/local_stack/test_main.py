import os
import subprocess
import sys
from pathlib import Path

from local_stack.session import Session
from local_stack.settings import StackSettings
from tests.conftest import REPOSITORY


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
    (empty := tmp_path / "empty.csv").touch()

    for arguments, words in (
        (("aws", "yesterday", __file__), "error: date 'yesterday' is not a calendar date of the form 2026-01-31"),
        (("AWS", "2026-01-07", __file__), "error: hashtag 'AWS': only a-z, 0-9 and _ are allowed"),
        (("aws", "2026-01-07", "none.csv"), "error: none.csv is not a file"),
        (("aws", "2026-01-07", str(empty)), f"error: {empty} is empty"),
    ):
        done = local_stack(tmp_path, "upload", *arguments)
        assert done.returncode != 0
        assert words in done.stderr
