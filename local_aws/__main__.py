"""The command ``python -m local_aws``."""

import argparse
import errno
import os
import re
import signal
import sys
import threading
from pathlib import Path

from local_aws import ADMIN_PATH, HOST, PORT
from local_aws.glue.spark import SUBMIT, Spark
from local_aws.pace import Pace
from local_aws.server import LocalAws
from local_aws.store import DataDirectoryError


def main() -> int:
    options = _options()
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    try:
        server = LocalAws(
            options.host,
            options.port,
            Pace(options.pace),
            options.data_dir,
            options.allow_host,
            options.airflow_url,
            Spark(options.spark_submit),
            options.enforce_iam,
        )
    except DataDirectoryError as error:
        print(f"error: {error}.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: cannot listen on {options.host}:{options.port}: {_reason(error)}.", file=sys.stderr)
        return 2
    with server:
        print(f"local AWS ready on {server.url}\nIts contents: {server.url}{ADMIN_PATH}\nFor clients:")
        for name, value in client_environment(server.url).items():
            print(f"  export {name}={value}")
        sys.stdout.flush()
        # With a time-out: Python handles a signal that another thread has received when the main thread wakes up.
        while not stop.wait(1):
            pass
    return 0


def client_environment(url: str) -> dict[str, str]:
    """What every AWS client needs to find the local AWS; any credentials will do."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="Serve S3, SageMaker, SageMaker Runtime, Glue's jobs, CloudWatch, CloudWatch Logs, IAM and STS on "
        "one URL of this machine. Training jobs really train, Glue jobs really run, and endpoints really answer. "
        "Clients need AWS_ENDPOINT_URL and any credentials. A browser shows the contents at "
        f"{ADMIN_PATH}. python -m local_aws.control orders faults and prints the request log.",
    )
    parser.add_argument("--host", default=HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer also to requests to this name or address, and to S3's virtual hosts below it; can be repeated "
        "(default: 127.0.0.1, localhost and [::1] only, so that no web page of another site can reach the server)",
    )
    parser.add_argument("--port", type=int, default=PORT, help="port; 0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep objects, jobs, models, endpoints, packages, tags and logs in this directory, even after kill -9; "
        "without it they are in memory and end with the process",
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=Pace().factor,
        metavar="FACTOR",
        help="how long jobs and endpoints stay in their phases, relative to AWS: 1 is as slow as AWS (creating an "
        "endpoint takes minutes), 0 does not wait (default: %(default)s)",
    )
    parser.add_argument(
        "--airflow-url",
        metavar="URL",
        help="address of an Airflow; the page then links jobs and endpoints to the runs that their tags name",
    )
    parser.add_argument(
        "--spark-submit",
        type=Path,
        metavar="PROGRAM",
        help=f"runs the scripts of Glue jobs (default: {SUBMIT.relative_to(SUBMIT.parents[2])}, which "
        "`make .venv-spark/.installed` installs)",
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="refuse what the policies of IAM's users and roles do not allow, as AWS does; unsigned calls, and keys "
        "that IAM does not know, may do everything",
    )
    options = parser.parse_args()
    if options.airflow_url and not re.match("https?://", options.airflow_url):
        parser.error("--airflow-url must begin with http:// or https://")
    if not 0 <= options.port <= 65535:
        parser.error("--port must be between 0 and 65535")
    if not 0 <= options.pace <= 10:
        parser.error("--pace must be between 0 and 10")
    if options.data_dir is not None and not options.data_dir.name:
        parser.error("--data-dir needs the name of a directory")
    return options


def _reason(error: OSError) -> str:
    """Why the server cannot listen, and what to do."""
    # strerror does not know the negative error numbers of a failed look-up of the host name.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
    if error.errno == errno.EADDRINUSE:
        reason += ". Stop the program that uses this port, or choose another port with --port"
    return reason


if __name__ == "__main__":
    sys.exit(main())
