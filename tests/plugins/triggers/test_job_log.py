import itertools
from time import time

import pytest

from hashtag_retrain.triggers.job_log import JobLog

GROUP = "/aws/sagemaker/TrainingJobs"
_numbers = itertools.count(1)


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def write(logs):
    """Writes lines to a stream of a job of this test; returns the job's name."""
    job = f"with-a-log-{next(_numbers)}"
    written: set[str] = set()

    def write(stream: str, *lines: str) -> None:
        name = f"{job}/{stream}"
        if name not in written:
            logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
            written.add(name)
        events = [{"timestamp": int(time() * 1000), "message": line} for line in lines]
        logs.put_log_events(logGroupName=GROUP, logStreamName=name, logEvents=events)

    with_group(logs)
    write.job = job
    return write


def with_group(logs) -> None:
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=GROUP)


def test_each_line_is_read_once_in_its_order(logs, write):
    log = JobLog(logs, GROUP, f"{write.job}/")
    assert log.read() == []

    write("algo-1", "first", "second")
    assert log.read() == ["first", "second"]
    assert log.read() == []
    write("algo-1", "third")
    write("algo-2", "of another instance")

    assert log.read() == ["third", "of another instance"]
    assert log.lines == ["first", "second", "third", "of another instance"]


def test_a_job_whose_name_begins_alike_is_another_one(logs, write):
    write("algo-1", "ours")

    assert JobLog(logs, GROUP, f"{write.job[:-1]}/").read() == []


def test_before_any_job_has_written_there_is_nothing_to_read(logs):
    assert JobLog(logs, "/aws/nothing", "job/").read() == []


def test_a_log_that_cannot_be_read_is_told_and_fails_nothing(logs, write, order_fault, caplog):
    write("algo-1", "first")
    log = JobLog(logs, GROUP, f"{write.job}/")
    order_fault(operation="DescribeLogStreams", error="AccessDeniedException", times=1)

    assert log.read() == []
    assert f"The log {GROUP}, {write.job}/ in CloudWatch Logs, cannot be read: " in caplog.text
    assert log.read() == ["first"]
