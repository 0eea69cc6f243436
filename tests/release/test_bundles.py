"""What `make mwaa` and `make astro` write. `make test-bundles` installs it."""

import hashlib
import os
import re
import subprocess
import sys
import textwrap
import zipfile

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from include.tweets.punkt import NLTK_DATA
from release.deployment import environment_lines, exports
from tests.conftest import REPOSITORY
from tests.release.conftest import NOWHERE, make, release

COMMAND_LINE = ("include/cli.py", "include/live/command.py", "include/samples.py")
NOT_DEPLOYED = (*COMMAND_LINE, "include/sample_data/", "include/spark/requirements.in")


@pytest.fixture(scope="module", params=["mwaa", "astro"])
def bundle(request, tmp_path_factory) -> dict[str, bytes]:
    return make(request.param, tmp_path_factory.mktemp(request.param))


def test_a_bundle_is_what_a_deployment_needs_of_the_repository_and_nothing_else(bundle):
    tracked = subprocess.run(
        ["git", "ls-files", "dags", "include", "plugins"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    needed = {name for name in tracked if not name.startswith(NOT_DEPLOYED)}
    platforms = {"requirements.txt", "startup.sh", "Dockerfile", "packages.txt"}

    names = {name.removeprefix("plugins/") if "include/" in name else name for name in bundle}

    assert names - platforms == needed


def test_nothing_in_it_imports_what_was_left_out(bundle):
    left_out = [name.removesuffix(".py").replace("/", ".") for name in COMMAND_LINE]
    code = {name: content.decode() for name, content in bundle.items() if name.endswith(".py")}

    for module in left_out:
        package, _, name = module.rpartition(".")
        words = re.compile(
            rf"import {re.escape(module)}\b|from {re.escape(module)} import|from {package} import .*\b{name}\b"
        )
        assert [path for path, text in code.items() if words.search(text)] == []


def test_every_file_is_the_repositorys(bundle):
    for name, content in bundle.items():
        path = REPOSITORY / (name.removeprefix("plugins/") if "include/" in name else name)
        if name.count("/"):
            assert content == path.read_bytes(), name


def test_nltks_data_is_in_it(bundle):
    folder = NLTK_DATA.relative_to(REPOSITORY).as_posix()
    names = {path.relative_to(NLTK_DATA).as_posix() for path in NLTK_DATA.rglob("*.t*")}

    assert len(names) >= 4
    assert {f"{folder}/{name}" for name in names} <= {name.removeprefix("plugins/") for name in bundle}


def test_the_same_code_is_the_same_bytes(tmp_path):
    digests = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "release", "mwaa", "--constraints", NOWHERE, "--out", str(tmp_path / seed)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": seed}
        subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
        files = sorted((tmp_path / seed).rglob("*.*"))
        digests.add(hashlib.sha256(b"".join(path.read_bytes() for path in files if path.is_file())).hexdigest())

    assert len(digests) == 1


def test_in_plugins_zip_only_plugins_are_plugins_and_all_can_read_the_files(tmp_path):
    make("mwaa", tmp_path)

    with zipfile.ZipFile(tmp_path / "plugins.zip") as archive:
        assert {name for name in archive.namelist() if name.count("/") == 0} == {
            ".airflowignore",
            "hashtag_retrain_plugin.py",
        }
        assert archive.read(".airflowignore").splitlines()[-2:] == [b"*.py", b"!*_plugin.py"]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_settings_of_the_environment_go_into_the_bundle_and_others_are_asked_for(tmp_path):
    bundle = make(
        "mwaa",
        tmp_path / "a",
        RETRAIN_BUCKET="team tweets",
        RETRAIN_ROLE_ARN="arn:aws:iam::1:role/r",
        RETRAIN_NOTIFIER="a.b:c",
        RETRAIN_ALLOWED_HOSTS="localhost",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    asked = release("astro", "--out", str(tmp_path / "b"), RETRAIN_BUCKET="tweets")

    lines = [line for line in bundle["startup.sh"].decode().splitlines() if line.startswith("export")]
    assert lines == [
        "export RETRAIN_BUCKET='team tweets'",
        "export RETRAIN_ROLE_ARN=arn:aws:iam::1:role/r",
        "export RETRAIN_NOTIFIER=a.b:c",
    ]
    assert "Fill in RETRAIN_ROLE_ARN in" in asked.stdout
    assert 'ENV RETRAIN_BUCKET="tweets"' in (tmp_path / "b" / "Dockerfile").read_text()


@given(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"])))
def test_any_value_reaches_a_shell_as_it_is(value):
    script = exports({"RETRAIN_PREFIX": value}) + 'printf %s "$RETRAIN_PREFIX"'

    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode() == value


def test_a_dockerfile_takes_a_value_as_it_is():
    assert environment_lines({"A": 'a$b"c\\d'}) == 'ENV A="a\\$b\\"c\\\\d"\n'


def test_astros_pins_are_the_runtimes():
    lock = (REPOSITORY / "requirements.txt").read_text()
    pinned = re.findall(r"^[a-z].*$", (REPOSITORY / "release" / "astro" / "requirements.txt").read_text(), re.MULTILINE)

    assert pinned
    assert all(f"{line} \\" in lock for line in pinned)


def test_astros_requirements_do_not_change_its_airflow(tmp_path):
    lines = make("astro", tmp_path)["requirements.txt"].decode().splitlines()

    named = [Requirement(line) for line in lines if not line.startswith("#")]
    assert [line.name for line in named if line.name.startswith("apache")] == ["apache-airflow-providers-amazon"]
    assert named[-1].extras == {"aiobotocore"}


def test_the_values_for_the_helm_chart_name_the_locks_airflow_and_the_images_stage():
    page = (REPOSITORY / "docs" / "deploying.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    values = yaml.safe_load(textwrap.dedent(block))

    assert f"apache-airflow=={values['airflowVersion']} \\" in (REPOSITORY / "requirements.txt").read_text()
    assert {"RETRAIN_BUCKET", "RETRAIN_ROLE_ARN"} <= {variable["name"] for variable in values["env"]}
    (stage,) = re.findall(r"docker build --target (\w+)", page)
    assert f"AS {stage}\n" in (REPOSITORY / "Dockerfile").read_text()
