import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.conftest import REPOSITORY

NAMES = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)


def environment(folder: Path, *options: str, **exported: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "compose/environment.py", "--directory", str(folder), *options]
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(command, cwd=REPOSITORY, env=clean | exported, capture_output=True, text=True)


def settings(folder: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (folder / ".env").read_text(), re.MULTILINE))


def test_the_secrets_are_fresh_and_nobody_else_reads_them(tmp_path):
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        assert environment(folder).returncode == 0
        assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
        written.append(settings(folder))

    secrets = [name for name in written[0] if written[0][name] != written[1][name]]
    assert secrets == [
        "AIRFLOW_FERNET_KEY",
        "AIRFLOW_JWT_SECRET",
        "AIRFLOW_API_SECRET_KEY",
        "AIRFLOW_DATABASE_PASSWORD",
        "AIRFLOW_UI_PASSWORD",
    ]
    assert all(len(written[0][name]) >= 24 and re.fullmatch(r"[\w=-]+", written[0][name]) for name in secrets)


def test_airflow_takes_the_fernet_key(tmp_path):
    from cryptography.fernet import Fernet

    environment(tmp_path)

    assert Fernet(settings(tmp_path)["AIRFLOW_FERNET_KEY"])


def test_what_people_fill_in_is_asked_for(tmp_path):
    done = environment(tmp_path)

    assert done.stdout.splitlines()[1:] == [
        "RETRAIN_BUCKET has no value: fill it in in .env.",
        "RETRAIN_ROLE_ARN has no value: fill it in in .env.",
    ]


def test_for_the_local_aws_nothing_is_left_to_fill_in(tmp_path):
    done = environment(tmp_path, "--local")

    assert "docker compose up --build --wait" in done.stdout
    assert settings(tmp_path)["COMPOSE_PROFILES"] == "local-aws"
    assert environment(tmp_path, "--check").returncode == 0


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / ".env").write_text("RETRAIN_BUCKET=mine\n")
    done = environment(tmp_path, "--local")

    assert done.returncode == 1
    assert "exists, and stays as it is" in done.stderr
    assert (tmp_path / ".env").read_text() == "RETRAIN_BUCKET=mine\n"


def test_the_check_says_that_there_is_no_file(tmp_path):
    done = environment(tmp_path, "--check")

    assert done.returncode == 1
    assert "make env" in done.stderr
    assert not (tmp_path / ".env").exists()


def test_exported_variables_that_win_are_named_and_their_values_are_not(tmp_path):
    environment(tmp_path, "--local")
    done = environment(
        tmp_path, "--check", AWS_ACCESS_KEY_ID="AKIAREAL", AWS_DEFAULT_REGION="us-east-1", AWS_SESSION_TOKEN="t0ken"
    )

    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"]
    assert "AKIAREAL" not in done.stdout and "t0ken" not in done.stdout


def test_a_misspelt_variable_is_named(tmp_path):
    environment(tmp_path, "--local")
    with (tmp_path / ".env").open("a") as file:
        file.write("RETRAIN_BUKET=mine\n")

    assert (
        "RETRAIN_BUKET is in .env, and docker-compose.yaml does not read it" in environment(tmp_path, "--check").stdout
    )


@examples(max_examples=40)
@given(text=st.text(), exported=st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_any_file_is_checked_without_a_word_of_its_values(text, exported):
    from compose.environment import check, variables

    example = (REPOSITORY / ".env.example").read_text()
    for finding in check(text, example, exported):
        name = finding.split()[0]
        assert name in {*variables(text), *exported, *variables(example, optional=True)}
