"""
The machine of one run of a Glue job: ``python -m local_aws.glue COMMAND ...`` runs a command, and ends it with all of
its processes when it is told to (SIGTERM), or when its own standard input is closed, which happens when the local AWS
ends, whatever ends it.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

SECONDS_TO_STOP = 10
"""The command has so long to end after SIGTERM. Then it is killed."""


def main(command: list[str]) -> int:
    # This package's own path would hide what a job's package lacks.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process: subprocess.Popen[bytes] | None = None
    is_told_to_stop = False

    def end(number: int) -> None:
        with suppress(ProcessLookupError):
            if process is not None:
                os.killpg(process.pid, number)

    def stop(*_: object) -> None:
        nonlocal is_told_to_stop
        is_told_to_stop = True
        end(signal.SIGTERM)
        killer = threading.Timer(SECONDS_TO_STOP, end, [signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def end_with_server() -> None:
        while os.read(0, 1024):  # not sys.stdin, whose lock this thread would still hold at the end
            pass
        end(signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    # Spark starts processes of its own. All of them are in the command's group.
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    if is_told_to_stop:  # before there was a process to end
        stop()
    threading.Thread(target=end_with_server, daemon=True).start()
    status = process.wait()
    end(signal.SIGKILL)  # what the command has left behind
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
