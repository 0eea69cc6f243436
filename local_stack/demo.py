"""
Run the pipeline on this machine: ``make demo`` and ``make up``.

Starts a local AWS and Airflow, uploads the sample tweets, triggers retrain_aws through Airflow's REST API, prints the
progress of the run, and prints its outcome. AIRFLOW_PORT and LOCAL_AWS_PORT replace the ports 8080 and 4566.
"""

import argparse
import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from include.config.errors import RetrainError
from include.config.hashtags import load_hashtags
from include.config.names import Keys, run_name
from include.config.settings import Settings
from include.samples import DATES, upload_samples
from local_aws import ADMIN_PATH
from local_stack.airflow_api import AirflowApi
from local_stack.outcome import print_outcome
from local_stack.progress import watch
from local_stack.session import running_session
from local_stack.settings import LOOPBACK_WITHOUT_PROXY, SAMPLE_HASHTAGS, StackSettings
from local_stack.stack import LocalStack

DAG_ID, HASHTAG, DATE = "retrain_aws", "aws", DATES[-1]
KEEP_ENDPOINT_MINUTES = 0.2
REPORTS = ("report.json", "report.html")
WITHOUT_SCHEDULE = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
"""The demo shows one run. Scheduled runs would find no tweets."""


def main() -> int:
    options = _options()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    os.environ.update(LOOPBACK_WITHOUT_PROXY)
    console = Console(highlight=False)
    try:
        succeeded = _start_and_run(options, console)
    except RetrainError as error:
        console.print(Text(f"error: {error}", style="red"), soft_wrap=True)
        return 1
    except (KeyboardInterrupt, SystemExit) as interruption:
        console.print("Stopped. Every process that was started here has ended.")
        if isinstance(interruption, SystemExit):
            raise
        return 0 if options.keep_running else 130
    return 0 if succeeded else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_stack.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep-running", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument(
        "--hashtags",
        type=Path,
        metavar="FILE",
        help="with --keep-running: use your hashtags file, and do not run the samples",
    )
    options = parser.parse_args()
    if options.hashtags and not options.keep_running:
        parser.error("--hashtags requires --keep-running")
    return options


def _start_and_run(options: argparse.Namespace, console: Console) -> bool:
    """Start the stack and run the pipeline; return whether the run succeeded. With --keep-running, run until Ctrl-C."""
    settings = stack_settings(options.keep_running, options.hashtags)
    for mistake in load_hashtags(settings.hashtags_file).errors:
        console.print(Text(str(mistake), style="yellow"), soft_wrap=True)
    started = time.monotonic()
    with ExitStack() as resources:
        with console.status("Starting the local AWS and Airflow (about half a minute) ..."):
            stack = resources.enter_context(LocalStack(settings))
        console.print(f"Local AWS and Airflow are ready after {time.monotonic() - started:.0f} s.")
        if options.keep_running:
            _keep_running(stack, console, shows_run=not options.hashtags)
        return run_pipeline(stack, console)


def stack_settings(keeps_running: bool, hashtags: Path | None) -> StackSettings:
    """Settings of the demo, which keeps no data, or of `make up`, which keeps all of it for its next start."""
    if not keeps_running:
        return StackSettings.from_environment(more=WITHOUT_SCHEDULE)
    settings = StackSettings.from_environment(hashtags_file=(hashtags or SAMPLE_HASHTAGS).resolve())
    return replace(settings, data_dir=settings.home / "aws", history=settings.home / "airflow.dump")


def _keep_running(stack: LocalStack, console: Console, shows_run: bool = True) -> NoReturn:
    """
    Run the pipeline once if `shows_run`, then keep the stack running until Ctrl-C. A run that fails does not stop it.

    :raises StackError: a part has died
    """
    try:
        if shows_run:
            run_pipeline(stack, console)
    except (RetrainError, BotoCoreError, ClientError) as error:
        console.print(Text(f"The first run cannot be shown: {error}", style="red"), soft_wrap=True)
    stack.check()
    console.print(
        f"\nAirflow: {stack.settings.airflow_url} (no login)    local AWS: {stack.settings.local_aws_url}{ADMIN_PATH}",
        soft_wrap=True,
    )
    console.print("Everything runs until Ctrl-C.")
    while True:
        stack.check()
        time.sleep(1)


def run_pipeline(stack: LocalStack, console: Console) -> bool:
    """Upload the samples, trigger a run, print its progress and its outcome. Return whether the run succeeded."""
    s3 = running_session(stack.settings.home).client("s3")
    settings = Settings.from_environment(stack.environment)
    files = upload_samples(s3, settings)
    console.print(f"Uploaded {files} files of sample tweets to s3://{settings.bucket}/{settings.prefix}/hashtags/")
    airflow = AirflowApi(stack.settings.airflow_url)
    run_id = airflow.trigger(DAG_ID, {"date": DATE, "keep_endpoint_minutes": KEEP_ENDPOINT_MINUTES})
    url = f"{stack.settings.airflow_url}/dags/{DAG_ID}/runs/{run_id}"
    console.print(f"Triggered {DAG_ID} for {DATE}: {url}\n", soft_wrap=True)
    state = watch(airflow, DAG_ID, run_id, console, stack.check)
    prefix = Keys(settings.prefix, HASHTAG, DATE).run(run_name(settings.deployment, DAG_ID, run_id))
    home = stack.settings.home
    try:
        for name in REPORTS:
            answer = s3.get_object(Bucket=settings.bucket, Key=prefix + name)
            (home / name).write_bytes(answer["Body"].read())
    except s3.exceptions.NoSuchKey:
        console.print(f"[red]The run ended as {state} and left no report.[/red] Logs: {home / 'logs'}")
        return False
    print_outcome(json.loads((home / "report.json").read_text(encoding="utf-8")), console)
    console.print(f"Report: s3://{settings.bucket}/{prefix}report.html", soft_wrap=True)
    console.print(f"        to open in a browser: {home / 'report.html'}", soft_wrap=True)
    return state == "success"


if __name__ == "__main__":
    sys.exit(main())
