"""
The pipeline at work on this machine: ``make demo`` and ``make up``.

Starts a local AWS and Airflow, uploads the sample tweets, triggers retrain_aws through Airflow's REST API, shows how
the run gets on, and prints what came out. AIRFLOW_PORT and LOCAL_AWS_PORT choose other ports than 8080 and 4566.
"""

import argparse
import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.config.errors import RetrainError
from include.config.hashtags import load_hashtags
from include.config.names import Keys, run_name
from include.config.settings import Settings
from include.samples import DATES, make_bucket, upload_samples
from local_stack.airflow_api import AirflowApi
from local_stack.errors import StackError
from local_stack.session import running_session
from local_stack.settings import LOOPBACK_WITHOUT_PROXY, SAMPLE_HASHTAGS, StackSettings
from local_stack.stack import LocalStack

DAG_ID, HASHTAG, DATE = "retrain_aws", "aws", DATES[-1]
KEEP_ENDPOINT_MINUTES = 0.3
SECONDS_WITHOUT_PROGRESS = 300
FINAL_STATES = ("success", "failed", "skipped", "upstream_failed", "removed")
WITHOUT_SCHEDULE = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
"""One run is what the demo shows; daily runs beside it would find no tweets."""


def main() -> int:
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
        help="with --keep-running: your own, without a run on the samples",
    )
    options = parser.parse_args()
    if options.hashtags and not options.keep_running:
        parser.error("--hashtags goes with --keep-running")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    os.environ.update(LOOPBACK_WITHOUT_PROXY)
    console = Console(highlight=False)
    try:
        settings = stack_settings(options.keep_running, options.hashtags)
        _show_mistakes(settings, console)
        started = time.monotonic()
        with ExitStack() as resources:
            with console.status("Starting the local AWS and Airflow (about half a minute) ..."):
                stack = resources.enter_context(LocalStack(settings))
            console.print(f"Local AWS and Airflow are ready after {time.monotonic() - started:.0f} s.")
            if options.keep_running:
                _keep_running(stack, console, shows_run=not options.hashtags)
            succeeded = run_pipeline(stack, console)
    except RetrainError as error:
        console.print(Text(f"error: {error}", style="red"), soft_wrap=True)
        return 1
    except (KeyboardInterrupt, SystemExit) as interruption:
        console.print("Stopped: nothing that was started here is running any more.")
        if isinstance(interruption, SystemExit):
            raise
        return 0 if options.keep_running else 130
    return 0 if succeeded else 1


def stack_settings(keeps_running: bool, hashtags: Path | None) -> StackSettings:
    """Of the demo, which leaves nothing behind; or of a stack that keeps its tweets and models for the next time."""
    if not keeps_running:
        return StackSettings.from_environment(more=WITHOUT_SCHEDULE)
    settings = StackSettings.from_environment(hashtags_file=(hashtags or SAMPLE_HASHTAGS).resolve())
    return replace(settings, data_dir=settings.home / "aws")


def _show_mistakes(settings: StackSettings, console: Console) -> None:
    for error in load_hashtags(settings.hashtags_file).errors:
        console.print(Text(str(error), style="yellow"), soft_wrap=True)


def _keep_running(stack: LocalStack, console: Console, shows_run: bool = True) -> None:
    """Show one run, and whatever becomes of it, stay up until a part dies or somebody presses Ctrl-C."""
    try:
        make_bucket(running_session(stack.settings.home).client("s3"), stack.settings.bucket)
        if shows_run:
            run_pipeline(stack, console)
    except (RetrainError, BotoCoreError, ClientError) as error:
        console.print(Text(f"The first run cannot be shown: {error}", style="red"), soft_wrap=True)
    stack.check()
    console.print(
        f"\nAirflow: {stack.settings.airflow_url} (no login)    local AWS: {stack.settings.local_aws_url}/_local/",
        soft_wrap=True,
    )
    console.print("Everything runs until Ctrl-C.")
    while True:
        stack.check()
        time.sleep(1)


def run_pipeline(stack: LocalStack, console: Console) -> bool:
    """Upload, trigger, watch, print the outcome; whether the run succeeded."""
    s3 = running_session(stack.settings.home).client("s3")
    settings = Settings.from_environment(stack.environment)
    files = upload_samples(s3, settings)
    console.print(f"Uploaded {files} files of sample tweets to s3://{settings.bucket}/{settings.prefix}/hashtags/")
    airflow = AirflowApi(stack.settings.airflow_url)
    run_id = airflow.trigger(DAG_ID, {"date": DATE, "keep_endpoint_minutes": KEEP_ENDPOINT_MINUTES})
    console.print(
        f"Triggered {DAG_ID} for {DATE}: {stack.settings.airflow_url}/dags/{DAG_ID}/runs/{run_id}\n",
        soft_wrap=True,
    )
    state = _watch(airflow, stack, run_id, console)
    prefix = Keys(settings.prefix, HASHTAG, DATE).run(run_name(settings.deployment, DAG_ID, run_id))
    try:
        for name in ("report.json", "report.html"):
            answer = s3.get_object(Bucket=settings.bucket, Key=prefix + name)
            (stack.settings.home / name).write_bytes(answer["Body"].read())
    except s3.exceptions.NoSuchKey:
        console.print(f"[red]The run ended as {state} and left no report.[/red] Logs: {stack.settings.home / 'logs'}")
        return False
    report = json.loads((stack.settings.home / "report.json").read_text(encoding="utf-8"))
    _print_outcome(report, console)
    console.print(f"Report: s3://{settings.bucket}/{prefix}report.html", soft_wrap=True)
    console.print(f"        to open in a browser: {stack.settings.home / 'report.html'}", soft_wrap=True)
    return state == "success"


def _watch(airflow: AirflowApi, stack: LocalStack, run_id: str, console: Console) -> str:
    """Show each task as it ends, and which one is at work meanwhile; return the run's final state."""
    printed: set[str] = set()
    seen: Any = None
    deadline = time.monotonic() + SECONDS_WITHOUT_PROGRESS
    with console.status("Waiting for the scheduler ...") as status:
        while True:
            state = airflow.run_state(DAG_ID, run_id)
            tasks = airflow.tasks(DAG_ID, run_id)
            ended = [
                task for task in tasks.values() if task["state"] in FINAL_STATES and task["task_id"] not in printed
            ]
            for task in sorted(ended, key=lambda task: task["end_date"] or ""):
                printed.add(task["task_id"])
                _print_task(task, console)
            begun = [task for task in tasks.values() if task["state"] and task["task_id"] not in printed]
            if state in {"success", "failed"} and not begun:
                return state
            doing = ", ".join(f"{task['task_id']} ({task['state']})" for task in begun) or "the scheduler"
            status.update(f"{doing}, {len(printed)} of {len(tasks)} tasks done")
            stack.check()
            if (now := {task_id: (task["state"], task["try_number"]) for task_id, task in tasks.items()}) != seen:
                seen, deadline = now, time.monotonic() + SECONDS_WITHOUT_PROGRESS
            if time.monotonic() > deadline:
                raise StackError(
                    f"The run is {state}, and for {SECONDS_WITHOUT_PROGRESS} s there was no progress at {doing}."
                )
            time.sleep(0.4)


def _print_task(task: dict[str, Any], console: Console) -> None:
    mark = {"success": "[green]✓[/green]", "skipped": "[yellow]-[/yellow]"}.get(task["state"], "[red]✗[/red]")
    seconds = _seconds_between(task.get("start_date"), task.get("end_date"))
    console.print(f"  {mark} {task['task_id']:<17}{seconds:>6.1f} s   {task['state']}")


def _seconds_between(start: str | None, end: str | None) -> float:
    if not start or not end:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _print_outcome(report: dict[str, Any], console: Console) -> None:
    console.print(Text(f"\n{report['outcome']}", style="bold"), soft_wrap=True)
    if report["data"]:
        splits = report["data"]["splits"]
        sizes = ", ".join(f"{name} {split['examples']}" for name, split in splits.items())
        console.print(f"Tweets per split: {sizes} (of {report['data']['rows']['read']} rows)")
        for warning in report["data"]["warnings"]:
            console.print(Text(warning, style="yellow"), soft_wrap=True)
    if report["evaluation"]:
        console.print(Text(" ".join(report["evaluation"]["verdicts"])), soft_wrap=True)
    if registration := report["registration"]:
        console.print(f"Model registry: version {registration['version']}, {registration['approval']}")
    if report["smoke_test"]:
        console.print(_smoke_test_table(report["smoke_test"]))
    if report["endpoint"]:
        deleted_at = (report["deletion"] or {}).get("deleted_at")
        console.print(f"Endpoint {report['endpoint']['endpoint_name']}: created {report['endpoint']['created_at']},")
        console.print(
            f"    deadline {report['endpoint']['deadline']}, deleted {deleted_at or '[red]not deleted[/red]'}"
        )


def _smoke_test_table(answers: list[dict[str, Any]]) -> Table:
    table = Table(title="What the endpoint answered for tweets of the test split", title_justify="left")
    for column in ("tweet", "labelled", "predicted", "probability"):
        table.add_column(column, justify="right" if column == "probability" else "left")
    for answer in answers:
        text = " ".join(answer["text"].split())
        shown = Text(text if len(text) <= 70 else text[:69] + "…")
        style = "" if answer["predicted"] == answer["label"] else "yellow"
        predicted = Text(answer["predicted"], style=style)
        table.add_row(shown, answer["label"], predicted, f"{answer['probability']:.3f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
