import resource
import socket
import subprocess
import sys
import time

import requests

from tests.conftest import REPOSITORY
from tests.local_aws.conftest import small_training_request, wait_for_job
from tests.local_aws.server_process import ServerProcess, end_through_another_thread, running_command


def test_a_taken_port_is_an_error_that_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "local_aws", "--port", port], cwd=REPOSITORY, capture_output=True, text=True
        )

    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_the_command_serves_until_it_is_told_to_stop():
    with running_command() as (process, url):
        assert requests.get(f"{url}/_local/health", timeout=5).ok
        started = time.monotonic()
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert time.monotonic() - started < 10


def test_it_ends_whichever_of_its_threads_the_signal_comes_to():
    with running_command() as (process, _):
        assert end_through_another_thread(process) == 0


def run_with_room_for(size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """No file that the server writes may have more bytes, as on a full or read-only disk."""
    return subprocess.run(
        [sys.executable, "-m", "local_aws", "--port", "0", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_a_data_directory_that_cannot_be_written_is_an_error_and_can_be_used_later(tmp_path):
    directory = str(tmp_path / "data")

    done = run_with_room_for(0, "--data-dir", directory)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {directory} cannot be used as a data directory: ")
    with ServerProcess("--data-dir", directory) as server:
        assert server.client("s3").list_buckets()["Buckets"] == []


def test_a_data_directory_that_cannot_be_made_is_an_error():
    done = run_with_room_for(0, "--data-dir", "/proc/data")

    assert (done.returncode, "/proc/data cannot be used as a data directory" in done.stderr) == (2, True)


def test_without_a_temporary_folder_objects_are_served_and_a_job_fails_in_words():
    with ServerProcess() as server:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket="bucket")
        request = small_training_request(s3, "bucket")
        sagemaker.create_training_job(**request)
        wait_for_job(sagemaker, request["TrainingJobName"])
        found = sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])

    assert found["TrainingJobStatus"] == "Failed"
    assert "No usable temporary directory found" in found["FailureReason"]
