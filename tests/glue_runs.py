"""
Glue jobs for tests of tasks: a run does the work of the job's script on one machine, without Spark. It waits as long as
there is an object ``hold``, and fails if there is one ``crash``.
"""

import stat
import sys
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]

PROGRAM = """#!{python}
import sys, time

sys.path.insert(0, "{repository}")
from include.aws.s3_stream import s3_client
from include.aws.storage import Storage
from include.spark.job import run
from include.spark.plan import Plan

arguments = dict(zip(sys.argv, sys.argv[1:]))
bucket, _, key = arguments["--PLAN"].removeprefix("s3://").partition("/")
storage = Storage(s3_client(), bucket, arguments.get("--KMS_KEY", ""))
while storage.exists("hold"):
    time.sleep(0.05)
if storage.exists("crash"):
    raise ValueError("no space")
run(Plan.from_json(storage.read_json(key)), storage, None)
"""


def write_program(path: Path) -> Path:
    """Write the program that runs the jobs."""
    path.write_text(PROGRAM.format(python=sys.executable, repository=REPOSITORY))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def wait_until(glue: Any, name: str, state: str) -> dict[str, Any]:
    """The newest run of a job as soon as it is in a state."""
    for _ in range(600):
        run: dict[str, Any] = glue.get_job_runs(JobName=name)["JobRuns"][0]
        if run["JobRunState"] == state:
            return run
        time.sleep(0.05)
    raise AssertionError(run)
