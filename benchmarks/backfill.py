"""
Whether a backfill of many dates grows linearly, and whether a second pass trains nothing.

A whole Airflow backfills dates of the small sample tweets, some at a time. The figures are the CPU seconds of a date,
of all of Airflow's processes but the database and the local AWS, for each tenth of the dates in the order in which they
end. Then the same dates are backfilled again.

    python -m benchmarks.backfill --dates 60

Aims: the CPU of a date does not grow with their number, and the second pass starts no training job.
"""

import argparse
import sys
import time
from datetime import date, timedelta
from typing import Any

from benchmarks.airflow_cpu import RETRAIN, airflow_stack, cpu_seconds, upload_tweets
from local_stack.airflow_api import FINAL_RUN_STATES, AirflowApi, wait_until
from local_stack.settings import LOCAL_EXECUTOR
from local_stack.stack import LocalStack

FIRST_DATE = date(2025, 1, 1)
PARTS = 10
SECONDS_OF_A_DATE = 120
ENDED = (
    "SELECT state, count(*) FROM dag_run WHERE dag_id = %s AND run_type = 'backfill' AND end_date > to_timestamp(%s) "
    "GROUP BY state"
)
UNFINISHED = "SELECT id FROM backfill WHERE completed_at IS NULL"  # Airflow allows no second one of a DAG until then
MOST_GROWTH = 1.25
"""Of the CPU of a date, from the first half of the dates to the second; the first part is not counted."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n\n")[0])
    parser.add_argument("--dates", type=int, default=30, help="at least 30, to judge the growth; default: %(default)s")
    parser.add_argument("--at-once", type=int, default=4, help="runs at a time; default: %(default)s")
    options = parser.parse_args()
    count, at_once = options.dates, options.at_once
    dates = [(FIRST_DATE + timedelta(days=number)).isoformat() for number in range(count)]
    with airflow_stack(LOCAL_EXECUTOR) as stack:
        upload_tweets(stack, dates)
        print(f"CPU seconds of a date, {count} dates, {at_once} at a time, by parts of {max(1, count // PARTS)}")
        first = _backfill(stack, dates, at_once, "none")
        jobs = training_jobs(stack)
        wait_until(lambda: not query(stack, UNFINISHED), SECONDS_OF_A_DATE, "the end of the backfill")
        second = _backfill(stack, dates, at_once, "completed")
        started = training_jobs(stack) - jobs
    growth = _mean(first[count // 2 :]) / _mean(first[count // PARTS : count // 2] or first)
    print(
        f"first pass: {jobs} training jobs, growth {growth:.2f}; second: {started} jobs, {_mean(second):.2f} s a date"
    )
    return 0 if started == 0 and jobs == count and (count < 30 or growth <= MOST_GROWTH) else 1


def _backfill(stack: LocalStack, dates: list[str], at_once: int, reprocess: str) -> list[float]:
    """Print the CPU seconds of a date for each part of the dates; return them for each date."""
    airflow, size = AirflowApi(stack.settings.airflow_url), max(1, len(dates) // PARTS)
    started, before = time.time(), sum(cpu_seconds(stack).values())
    airflow.backfill(RETRAIN, dates[0], dates[-1], max_active_runs=at_once, reprocess_behavior=reprocess)
    figures: list[float] = []
    ended, until = 0, time.monotonic() + SECONDS_OF_A_DATE * len(dates)
    while ended < len(dates):
        if time.monotonic() > until:
            raise SystemExit(f"only {ended} of {len(dates)} dates have ended")
        time.sleep(1)
        now = _ended(stack, started)
        if now - ended >= size or ended < now == len(dates):
            cpu = sum(cpu_seconds(stack).values())
            figures += [(cpu - before) / (now - ended)] * (now - ended)
            print(f"{now:>6}{figures[-1]:>8.2f}", flush=True)
            ended, before = now, cpu
    return figures


def _ended(stack: LocalStack, since: float) -> int:
    """How many runs have ended since then."""
    states = dict(query(stack, ENDED, RETRAIN, since))
    if states.get("failed"):
        raise SystemExit(f"{states['failed']} runs have failed")
    return sum(number for state, number in states.items() if state in FINAL_RUN_STATES)


def query(stack: LocalStack, query: str, *values: Any) -> list[Any]:
    with stack.postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        rows: list[Any] = cursor.fetchall()
    return rows


def training_jobs(stack: LocalStack) -> int:
    pages = stack.client("sagemaker").get_paginator("list_training_jobs").paginate()
    return sum(len(page["TrainingJobSummaries"]) for page in pages)


def _mean(figures: list[float]) -> float:
    return sum(figures) / len(figures)


if __name__ == "__main__":
    sys.exit(main())
