"""
The CPU of a whole Airflow for each retrained date, beside a DAG of as many Python tasks that do nothing.

The same Airflow (scheduler, DAG processor, triggerer, API server, and the tasks) runs dates of the small sample tweets,
one after the other or some at once: first with an endpoint that is deployed, asked, held and deleted, then other dates
without one, as a backfill runs all dates but the newest; and then the empty DAG as often. The figures are CPU seconds
of a run, of all processes but the database and the local AWS. What the same Airflow takes while it is idle for as long
is printed beside them, and is part of them. The first run of each kind is not counted: the API server learns the DAG in
it.

    python -m benchmarks.airflow_cpu --dates 8 --at-once 4 --executor LocalExecutor

Run it where only the runtime is installed (``make .venv/.installed`` in a fresh clone): pandas, which the tests need,
makes each process larger.

Aim: at most six CPU seconds a date, with and without an endpoint. The same work was seen to take half as much again at
another hour of the same day. So judge a version beside another one: run the benchmark of both in turns.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil

from include.config.settings import Settings
from include.samples import SAMPLE_DATA, make_bucket
from local_stack.airflow_api import FINAL_RUN_STATES, AirflowApi, wait_until
from local_stack.demo import WITHOUT_SCHEDULE
from local_stack.processes import tree
from local_stack.settings import LOCAL_EXECUTOR, LOOPBACK_WITHOUT_PROXY, REPOSITORY, StackSettings
from local_stack.stack import AIRFLOW_PARTS, LocalStack

AIM_SECONDS = 6.0
TASKS = 11
RETRAIN, EMPTY = "retrain_aws", "empty"
DEPLOYED, NOT_DEPLOYED = {"keep_endpoint_minutes": 0.1, "deploy": "always"}, {"deploy": "never"}
FIRST_DATE = date(2026, 1, 1)
SECONDS_OF_A_RUN = 300
TWEETS = SAMPLE_DATA / "hashtags" / "aws" / "2026-01-07" / "labeled.csv" / "part-00000.csv"
HASHTAGS = 'aws: {labels: {"0": technical, "1": marketing}, wait_hours: 0}\n'
EMPTY_DAG = f"""
from datetime import datetime
from airflow.sdk import DAG, chain, task

with DAG("{EMPTY}", schedule=None, start_date=datetime(2026, 1, 1)):
    chain(*(task(task_id=f"task_{{number}}")(lambda: None)() for number in range({TASKS})))
"""
TASKS_OF_SCHEDULER = "tasks"
SECONDS_TO_SETTLE = 5
"""After the last run: the DAG processor still parses the DAG for the tasks that a trigger has ended."""
SECONDS_BETWEEN_QUESTIONS = 3
"""Whether a run has ended. Each question costs the API server CPU, which is none of the run's."""
IDLE_SECONDS = 20
Cpu = dict[str, float]


def main() -> int:
    options = _options()
    with airflow_stack(options.executor) as stack:
        count = options.dates + 1
        dates = [(FIRST_DATE + timedelta(days=number)).isoformat() for number in range(2 * count)]
        upload_tweets(stack, dates)
        kinds: dict[str, tuple[str, list[dict[str, Any]]]] = {
            "deployed": (RETRAIN, [{**DEPLOYED, "date": day} for day in dates[:count]]),
            "not deployed": (RETRAIN, [{**NOT_DEPLOYED, "date": day} for day in dates[count:]]),
            "empty": (EMPTY, [{}] * count),
        }
        airflow = AirflowApi(stack.settings.airflow_url)
        measured = {
            kind: _cpu_of_runs(stack, airflow, dag_id, parameters, options.at_once)
            for kind, (dag_id, parameters) in kinds.items()
        }
        _print(options, measured)
    return 0 if all(sum(measured[kind][0].values()) <= AIM_SECONDS for kind in kinds if kind != "empty") else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n\n")[0])
    parser.add_argument("--dates", type=int, default=3, choices=range(1, 366), metavar="1..365", help="of each kind")
    parser.add_argument("--at-once", type=int, default=1, help="as many runs at a time; default: %(default)s")
    parser.add_argument("--executor", default=LOCAL_EXECUTOR, help="default: %(default)s")
    return parser.parse_args()


@contextmanager
def airflow_stack(executor: str, entries: str = HASHTAGS) -> Iterator[LocalStack]:
    """
    A whole Airflow with the DAGs of the hashtags, and the empty one, in a folder that is removed afterwards.

    :param entries: the hashtags file
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # like Ctrl-C, so that all parts are stopped
    os.environ.update(LOOPBACK_WITHOUT_PROXY)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, which few shells have, each task compiles the DAG file
    with tempfile.TemporaryDirectory(prefix="airflow-") as home, _stack(Path(home), executor, entries) as stack:
        yield stack


def _stack(folder: Path, executor: str, entries: str) -> LocalStack:
    dags, hashtags = folder / "dags", folder / "hashtags.yaml"
    dags.mkdir()
    shutil.copy(REPOSITORY / "dags" / "retrain_hashtag.py", dags)
    (dags / "empty.py").write_text(EMPTY_DAG, encoding="utf-8")
    hashtags.write_text(entries, encoding="utf-8")
    more = {**WITHOUT_SCHEDULE, "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    settings = StackSettings.on_free_ports(
        folder / "airflow", hashtags_file=hashtags, pace=0.001, executor=executor, more=more
    )
    return LocalStack(settings)


def upload_tweets(stack: LocalStack, dates: list[str]) -> None:
    settings = Settings.from_environment(stack.environment)
    s3 = stack.client("s3")
    make_bucket(s3, settings.bucket)
    for day in dates:
        s3.upload_file(str(TWEETS), settings.bucket, f"{settings.prefix}/hashtags/aws/{day}/labeled.csv/part-00000.csv")


def _cpu_of_runs(
    stack: LocalStack, airflow: AirflowApi, dag_id: str, parameters: list[dict[str, Any]], at_once: int
) -> tuple[Cpu, Cpu]:
    """The mean CPU seconds of a run by the parts of Airflow, and those of the idle Airflow in the same time."""
    first, *others = parameters
    _run_all(airflow, dag_id, [first], at_once)
    seconds, busy = _measured(stack, lambda: _run_all(airflow, dag_id, others, at_once))
    idle_seconds, idle = _measured(stack, lambda: time.sleep(IDLE_SECONDS))
    count, share = len(others), seconds / idle_seconds / len(others)
    return {name: cpu / count for name, cpu in busy.items()}, {name: cpu * share for name, cpu in idle.items()}


def _measured(stack: LocalStack, work: Callable[[], None]) -> tuple[float, Cpu]:
    before, started = cpu_seconds(stack), time.monotonic()
    work()
    seconds, after = time.monotonic() - started, cpu_seconds(stack)
    return seconds, {name: after[name] - before[name] for name in after}


def _run_all(airflow: AirflowApi, dag_id: str, parameters: list[dict[str, Any]], at_once: int) -> None:
    for start in range(0, len(parameters), at_once):
        run_ids = [airflow.trigger(dag_id, one) for one in parameters[start : start + at_once]]
        for run_id in run_ids:
            _wait_for_success(airflow, dag_id, run_id)
    time.sleep(SECONDS_TO_SETTLE)


def _wait_for_success(airflow: AirflowApi, dag_id: str, run_id: str) -> None:
    state = wait_until(
        lambda: (state := airflow.run_state(dag_id, run_id)) in FINAL_RUN_STATES and state,
        SECONDS_OF_A_RUN,
        run_id,
        SECONDS_BETWEEN_QUESTIONS,
    )
    if state != "success":
        raise SystemExit(f"{dag_id} {run_id}: {state} {airflow.tasks(dag_id, run_id)}")


def cpu_seconds(stack: LocalStack) -> Cpu:
    """CPU seconds so far by the parts of Airflow. Of processes that have ended, their parents know it."""
    cpu: Cpu = dict.fromkeys((TASKS_OF_SCHEDULER, *AIRFLOW_PARTS), 0.0)
    for name in AIRFLOW_PARTS:
        root = stack.parts[name].process.pid
        for process in tree(root):
            with suppress(psutil.NoSuchProcess):
                is_worker = name == "scheduler" and process.pid != root
                cpu[TASKS_OF_SCHEDULER if is_worker else name] += sum(process.cpu_times()[:4])
    return cpu


def _print(options: argparse.Namespace, measured: dict[str, tuple[Cpu, Cpu]]) -> None:
    print(f"CPU seconds of a run, mean of {options.dates}, {options.at_once} at once, {options.executor}")
    print("in brackets: what the idle Airflow takes in the same time")
    print(f"{'':<12}" + "".join(f"{name:>21}" for name in (TASKS_OF_SCHEDULER, *AIRFLOW_PARTS, "all")))
    for what, (busy, idle) in measured.items():
        figures = [*((busy[name], idle[name]) for name in busy), (sum(busy.values()), sum(idle.values()))]
        print(f"{what:<12}" + "".join(f"{cpu:>14.2f} ({of_idle:.2f})" for cpu, of_idle in figures))
    retrained, empty = (sum(measured[kind][0].values()) for kind in ("deployed", "empty"))
    print(f"A date with an endpoint takes {retrained / empty:.1f} times what the empty DAG takes.")


if __name__ == "__main__":
    sys.exit(main())
