"""Runs of Glue's jobs, as processes of their own."""

import time

import pytest
import requests

from local_aws.glue import job_run
from tests.local_aws.conftest import error_of
from tests.local_aws.glue.conftest import job_request, run_job, wait
from tests.local_aws.server_process import ServerProcess, is_running

SLEEP = "import time; print('asleep', flush=True); time.sleep(600)"
READS_AND_WRITES = """
import sys, boto3
from helper import shout
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
s3 = boto3.client("s3")
text = s3.get_object(Bucket=arguments["--BUCKET"], Key="in.txt")["Body"].read().decode()
s3.put_object(Bucket=arguments["--BUCKET"], Key="out.txt", Body=shout(text).encode())
print("name", arguments["--JOB_NAME"], "run", arguments["--JOB_RUN_ID"], "others", sorted(arguments))
print("progress", file=sys.stderr)
"""


def log(client, suffix, run_id):
    group = f"/aws-glue/jobs/{suffix}"
    events = client("logs").get_log_events(logGroupName=group, logStreamName=run_id, startFromHead=True)["events"]
    return [event["message"] for event in events]


def test_a_run_reads_and_writes_objects_with_its_package_and_arguments(glue, create_job, client, settings):
    s3 = client("s3")
    s3.put_object(Bucket=settings.bucket, Key="in.txt", Body=b"quiet")
    s3.put_object(Bucket=settings.bucket, Key="lib/helper.py", Body=b"def shout(text): return text.upper()")
    name = create_job(
        READS_AND_WRITES,
        DefaultArguments={"--extra-py-files": f"s3://{settings.bucket}/lib/helper.py", "--BUCKET": "overridden"},
        NonOverridableArguments={"--FIXED": "yes"},
    )

    run = run_job(glue, name, Arguments={"--BUCKET": settings.bucket, "--FIXED": "no", "--conf": "a.b=1 --conf c.d=2"})

    assert (run["JobRunState"], run.get("ErrorMessage")) == ("SUCCEEDED", None)
    assert s3.get_object(Bucket=settings.bucket, Key="out.txt")["Body"].read() == b"QUIET"
    options, line = log(client, "output", run["Id"])
    assert line == (f"name {name} run {run['Id']} others ['--BUCKET', '--FIXED', '--JOB_NAME', '--JOB_RUN_ID']")
    assert "'--conf=a.b=1', '--conf=c.d=2'" in options
    assert log(client, "error", run["Id"]) == ["progress"]
    assert run["StartedOn"] <= run["CompletedOn"]
    assert (run["LogGroupName"], run["Attempt"], run["JobName"]) == ("/aws-glue/jobs", 0, name)


def test_the_page_shows_runs_with_their_logs(glue, create_job, local_aws):
    name = create_job("raise ValueError('no rows')")
    run = run_job(glue, name)

    jobs = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()["other_jobs"]

    (shown,) = [job for job in jobs if job["name"] == f"{name} {run['Id']}"]
    assert (shown["status"], shown["failure_reason"]) == ("FAILED", run["ErrorMessage"])
    log = requests.get(f"{local_aws.url}/_local/{shown['links']['log']}", timeout=5).text
    assert "ValueError: no rows" in log


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise ValueError('no rows')", "Error Category: UNCLASSIFIED_ERROR; ValueError: no rows"),
        ("raise SystemExit(3)", "Command failed with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "Command failed with exit code 137"),
    ],
)
def test_a_script_that_fails(glue, create_job, script, message):
    run = run_job(glue, create_job(script))

    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


def test_a_script_that_is_not_there(glue, create_job, client, settings):
    name = create_job()
    client("s3").delete_object(Bucket=settings.bucket, Key=f"{name}.py")

    run = run_job(glue, name)

    assert run["JobRunState"] == "FAILED"
    assert f"s3://{settings.bucket}/{name}.py does not exist" in run["ErrorMessage"]


def test_as_many_runs_at_a_time_as_the_job_allows(glue, create_job):
    name = create_job(SLEEP, ExecutionProperty={"MaxConcurrentRuns": 2})
    first, second = (glue.start_job_run(JobName=name)["JobRunId"] for _ in range(2))

    assert error_of(glue.start_job_run, JobName=name) == (
        "ConcurrentRunsExceededException",
        f"Concurrent runs exceeded for {name}",
    )
    assert [run["Id"] for run in glue.get_job_runs(JobName=name)["JobRuns"]] == [second, first]

    answer = glue.batch_stop_job_run(JobName=name, JobRunIds=[first, second, "jr_unknown"])
    assert [entry["JobRunId"] for entry in answer["SuccessfulSubmissions"]] == [first, second]
    assert [entry["ErrorDetail"]["ErrorCode"] for entry in answer["Errors"]] == ["EntityNotFoundException"]
    assert {wait(glue, name, run_id)["JobRunState"] for run_id in (first, second)} == {"STOPPED"}
    (error,) = glue.batch_stop_job_run(JobName=name, JobRunIds=[first])["Errors"]
    assert error["ErrorDetail"]["ErrorMessage"] == "Job run is in state STOPPED."


def test_a_run_is_running_then_stopping_and_its_processes_end(glue, create_job, client):
    name = create_job("import os; print(os.getpid(), flush=True)\n" + SLEEP)
    run_id = glue.start_job_run(JobName=name)["JobRunId"]
    assert wait(glue, name, run_id, "RUNNING")["JobRunState"] == "RUNNING"
    while not wait(glue, name, run_id, "RUNNING", "FAILED") or len(lines := _output(client, run_id)) < 3:
        time.sleep(0.02)

    glue.delete_job(JobName=name)  # stops its runs

    _wait_until_gone(int(lines[1]))
    assert error_of(glue.get_job_run, JobName=name, RunId=run_id)[0] == "EntityNotFoundException"


def _output(client, run_id):
    try:
        return log(client, "output", run_id)
    except client("logs").exceptions.ResourceNotFoundException:
        return []


def _wait_until_gone(pid):
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_that_takes_longer_than_its_timeout(glue, create_job, monkeypatch):
    monkeypatch.setattr(job_run, "SECONDS_PER_MINUTE", 0.5)

    run = run_job(glue, create_job(SLEEP, Timeout=9), Timeout=1)

    assert (run["JobRunState"], run["Timeout"]) == ("TIMEOUT", 1)
    assert run["ErrorMessage"] == "The run took longer than its Timeout of 1 minutes."


@pytest.mark.parametrize("phase", ["Starting", "Running"])
def test_a_run_fails_in_a_phase_on_demand(glue, create_job, order_fault, phase):
    name = create_job()
    order_fault(phase=phase, name=name, message="no capacity")

    run = run_job(glue, name)

    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "no capacity")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"--extra-jars": "s3://b/x.jar"}, "--extra-jars"),
        ({"--job-language": "scala"}, "--job-language=scala"),
        ({"--job-bookmark-option": "job-bookmark-enable"}, "--job-bookmark-option=job-bookmark-enable"),
    ],
)
def test_job_arguments_without_an_effect_here_are_refused_by_name(glue, create_job, arguments, named):
    code, message = error_of(glue.start_job_run, JobName=create_job(), Arguments=arguments)

    assert (code, message) == ("NotImplemented", f"The local AWS does not support the job argument {named}.")


def test_arguments_are_bounded_as_on_aws(glue, create_job):
    code, _ = error_of(glue.start_job_run, JobName=create_job(), Arguments={"--SOURCES": "x" * 260 * 1024})

    assert code == "InvalidInputException"


def test_modules_that_the_environment_lacks_are_named(glue, create_job, client, settings):
    body = b"# comment\nnltk==3.10.4 \\\n    --hash=sha256:0\ntzdata==1 ; sys_platform == 'win32'\n"
    client("s3").put_object(Bucket=settings.bucket, Key="requirements.txt", Body=body)
    modules = {
        "--additional-python-modules": f"s3://{settings.bucket}/requirements.txt",
        "--python-modules-installer-option": "-r",
    }

    run = run_job(glue, create_job(), Arguments=modules)

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].endswith("is without: nltk==3.10.4 (it has none)")


def test_a_run_that_was_at_work_has_failed_after_a_kill_and_its_processes_are_gone(submit, tmp_path):
    arguments = ("--data-dir", str(tmp_path / "data"), "--pace", "0", "--spark-submit", str(submit))
    with ServerProcess(*arguments) as server:
        s3, glue = server.client("s3"), server.client("glue")
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="s.py", Body=f"import os; print(os.getpid(), flush=True); {SLEEP}".encode())
        glue.create_job(**job_request("job", "s3://kept/s.py", Tags={"a": "b"}))
        run_id = glue.start_job_run(JobName="job")["JobRunId"]
        while len(lines := _output(server.client, run_id)) < 3:
            time.sleep(0.02)
        server.kill()
    _wait_until_gone(int(lines[1]))

    with ServerProcess(*arguments) as server:
        glue = server.client("glue")
        run = glue.get_job_run(JobName="job", RunId=run_id)["JobRun"]
        assert run["JobRunState"] == "FAILED"
        assert run["ErrorMessage"].startswith("InternalServerError: We encountered an internal error.")
        assert log(server.client, "output", run_id) == lines
        assert glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:123456789012:job/job")["Tags"] == {"a": "b"}
        again = glue.start_job_run(JobName="job")["JobRunId"]
        assert [entry["Id"] for entry in glue.get_job_runs(JobName="job")["JobRuns"]] == [again, run_id]
