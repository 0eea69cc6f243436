import socket
import subprocess
import sys
import time

import requests

from tests.conftest import REPOSITORY
from tests.local_aws.server_process import ServerProcess


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
    command = [sys.executable, "-m", "local_aws", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        url = line.split("ready on ")[1].split()[0]
        assert requests.get(f"{url}/_local/health", timeout=5).ok
        started = time.monotonic()
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert time.monotonic() - started < 10


def test_it_ends_whichever_of_its_threads_the_signal_comes_to():
    with ServerProcess() as server:
        assert server.ask_to_end_through_another_thread() == 0
