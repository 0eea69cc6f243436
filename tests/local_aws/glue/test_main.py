import subprocess
import sys

from tests.conftest import REPOSITORY

STOPPED_AT_ONCE = """
import os, signal, subprocess, sys
from local_aws.glue.__main__ import main

class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Popen
sys.exit(main([sys.executable, "-c", "import time; time.sleep(60)"]))
"""


def test_a_command_that_is_stopped_while_it_is_started_ends():
    command = [sys.executable, "-c", STOPPED_AT_ONCE]

    done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)

    assert done.returncode in {128 + 15, 128 + 9}  # its standard input is closed, too
