"""A local AWS in a process of the product's own environment, whose Glue jobs run with the Spark of these tests."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

REPOSITORY = Path(__file__).parents[1]
PRODUCT = REPOSITORY / ".venv" / "bin" / "python"
ROLE = "arn:aws:iam::123456789012:role/glue"
BUCKET = "spark"
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def local_aws() -> Iterator[str]:
    """Its address, which every client finds in the environment."""
    submit = Path(sys.executable).parent / "spark-submit"
    command = [str(PRODUCT), "-m", "local_aws", "--port", "0", "--pace", "0", "--spark-submit", str(submit)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split("ready on ")[1].strip()
        for line in process.stdout:
            if "AWS_SECRET_ACCESS_KEY" in line:  # the last line of the banner
                break
        os.environ.update(
            AWS_ENDPOINT_URL=url,
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
        )
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield url
        process.terminate()


@pytest.fixture(scope="session")
def s3() -> Any:
    return boto3.client("s3")


@pytest.fixture(scope="session")
def run_glue_job(s3: Any) -> Callable[..., dict[str, Any]]:
    """Runs a script as a job of its own; returns the run when it has ended, with its output."""
    glue, logs = boto3.client("glue"), boto3.client("logs")

    def run(script: str, **arguments: str) -> dict[str, Any]:
        name = f"job-{next(_numbers)}"
        s3.put_object(Bucket=BUCKET, Key=f"{name}.py", Body=script.encode())
        command = {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/{name}.py"}
        glue.create_job(Name=name, Role=ROLE, Command=command, GlueVersion="5.1")
        run_id = glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
        while (found := glue.get_job_run(JobName=name, RunId=run_id)["JobRun"])["JobRunState"] in {
            "STARTING",
            "RUNNING",
        }:
            time.sleep(0.2)
        where = {"logStreamName": run_id, "startFromHead": True}
        events = {
            stream: logs.get_log_events(logGroupName=f"/aws-glue/jobs/{stream}", **where)["events"]
            for stream in ("output", "error")
        }
        return {**found, **{name: [event["message"] for event in lines] for name, lines in events.items()}}

    return run
