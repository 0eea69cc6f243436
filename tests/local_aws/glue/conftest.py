"""A small program that is called as spark-submit is. Spark itself is tested by `make test-spark`."""

import itertools
import stat
import sys
import time
from dataclasses import replace

import pytest

from local_aws.glue.models import GlueBackend
from local_aws.glue.spark import Spark
from tests.conftest import ROLE_ARN

SUBMIT = """#!{python}
import os, runpy, sys

words = sys.argv[1:]
start = next(index for index, word in enumerate(words) if word.endswith(".py") and words[index - 1] != "--py-files")
if "--py-files" in words:
    for path in words[words.index("--py-files") + 1].split(","):
        sys.path.insert(0, os.path.dirname(path) if path.endswith(".py") else path)
print("options", words[:start])
sys.argv = words[start:]
runpy.run_path(words[start], run_name="__main__")
"""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def submit(tmp_path_factory):
    program = tmp_path_factory.mktemp("spark") / "bin" / "spark-submit"
    program.parent.mkdir()
    program.write_text(SUBMIT.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.fixture
def glue(once, local_aws, submit, monkeypatch):
    monkeypatch.setattr(GlueBackend, "machine", replace(GlueBackend.machine, spark=Spark(submit)))
    return once("glue")


@pytest.fixture
def create_job(glue, client, settings):
    """Creates a job with a script; returns its name."""

    def create(script="pass", **members):
        name = f"job-{next(_numbers)}"
        client("s3").put_object(Bucket=settings.bucket, Key=f"{name}.py", Body=script.encode())
        glue.create_job(**job_request(name, f"s3://{settings.bucket}/{name}.py", **members))
        return name

    return create


def job_request(name, script, **members):
    command = {"Name": "glueetl", "ScriptLocation": script}
    return {"Name": name, "Role": ROLE_ARN, "Command": command, "GlueVersion": "5.1", **members}


def wait(glue, name, run_id, *states):
    """The run as soon as it is in one of these states, or has ended."""
    for _ in range(1200):
        run = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        if run["JobRunState"] in (states or ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")):
            return run
        time.sleep(0.02)
    raise AssertionError(run)


def run_job(glue, name, **request):
    return wait(glue, name, glue.start_job_run(JobName=name, **request)["JobRunId"])
