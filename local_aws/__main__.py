"""The command: ``python -m local_aws``."""

import argparse
import errno
import os
import signal
import sys
import threading
from pathlib import Path

from local_aws.pace import Pace
from local_aws.server import LocalAws
from local_aws.store import DataDirectoryError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="Serve S3, SageMaker, SageMaker Runtime, CloudWatch, CloudWatch Logs, IAM and STS on one URL of "
        "this machine. Training jobs really train and endpoints really answer. Point clients at it with "
        "AWS_ENDPOINT_URL and any credentials; see what it holds at /_local/ in a browser; order faults and read the "
        "request log with python -m local_aws.control.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=4566, help="port; 0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep objects, jobs, models, endpoints, packages, tags and logs there, also after a kill -9; without it "
        "everything is in memory and ends with the process",
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=Pace().factor,
        metavar="FACTOR",
        help="how long jobs and endpoints stay in their phases, as a share of what AWS takes: 1 is as slow as AWS "
        "(an endpoint takes minutes), 0 does not wait (default: %(default)s)",
    )
    options = parser.parse_args()
    if not 0 <= options.port <= 65535:
        parser.error("--port must be between 0 and 65535")
    if not 0 <= options.pace <= 10:
        parser.error("--pace must be between 0 and 10")
    if options.data_dir is not None and not options.data_dir.name:
        parser.error("--data-dir needs the name of a directory")
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    try:
        server = LocalAws(options.host, options.port, Pace(options.pace), options.data_dir)
    except DataDirectoryError as error:
        print(f"error: {error}.", file=sys.stderr)
        return 2
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        print(f"error: cannot listen on {options.host}:{options.port}: {reason}.", file=sys.stderr)
        if error.errno == errno.EADDRINUSE:
            print("Stop what uses that port, or choose another one with --port.", file=sys.stderr)
        return 2
    with server:
        print(f"local AWS ready on {server.url} (AWS_ENDPOINT_URL={server.url})", flush=True)
        print(f"what it holds: {server.url}/_local/", flush=True)
        # Not for ever at a time: a signal that another thread receives is handled when this one next wakes up.
        while not stop.wait(1):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
