"""The two commands' first step: a Python that fits, or a clear error."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PYTHONS = ("/usr/bin/python3", "python3", "python3.13", "python3.12", "python3.11")


def old_python(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.13" && exit 0\nexit 1\n')
    path.chmod(0o755)
    return path


def make(target: str, folder: Path, **options: str) -> subprocess.CompletedProcess[str]:
    settings = [f"{name}={value}" for name, value in {"VENV": str(folder / "venv"), **options}.items()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", target, *settings], cwd=REPOSITORY, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_an_older_python_is_a_clear_error(tmp_path, target):
    done = make(target, tmp_path, PYTHON=str(old_python(tmp_path, "python3.10")))

    assert done.returncode != 0
    assert "is Python 3.10.13; this project needs Python 3.11, 3.12 or 3.13." in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_python_that_fits_is_a_clear_error(tmp_path):
    done = make("demo", tmp_path, PYTHON="")

    assert done.returncode != 0
    assert "This project needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert "make PYTHON=/path/to/python3.12 demo" in done.stderr


def test_the_distributions_python_is_preferred_if_it_fits():
    command = ["make", "--no-print-directory", "--eval", "chosen: ; @echo $(PYTHON)", "chosen"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
    chosen = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True).stdout.strip()
    fits = "import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    runs = {name: shutil.which(name) and subprocess.run([name, "-c", fits]).returncode == 0 for name in PYTHONS}

    assert chosen == next(name for name in PYTHONS if runs[name])


def test_no_java_is_a_clear_error_of_the_tests_with_spark_before_anything_is_installed(tmp_path):
    environment = {**os.environ, "JAVA_HOME": str(tmp_path)}
    done = subprocess.run(["make", "test-spark"], cwd=REPOSITORY, env=environment, capture_output=True, text=True)

    assert done.returncode != 0
    assert "Spark needs Java 17, and there is none. On Debian: apt-get install openjdk-17-jre-headless" in done.stderr


def test_no_chromium_is_a_clear_error_of_the_tests_with_a_browser_before_anything_is_installed(tmp_path):
    (tmp_path / "make").symlink_to(shutil.which("make"))
    done = subprocess.run(
        ["make", "test-browser"], cwd=REPOSITORY, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert "The page's tests need Chromium, and there is none. On Debian: apt-get install chromium" in done.stderr


def test_make_alone_lists_what_there_is():
    listed = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    assert all(f"make {target} " in listed for target in ("demo", "up", "test", "check", "lock", "clean"))
