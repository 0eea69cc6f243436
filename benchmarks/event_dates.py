"""
Backfills of real tweets: the accuracy of each date, the training jobs, and whether the order of the dates matters.

A whole Airflow backfills all dates of some hashtags, the hashtags at once and the dates of each one after the other;
then the same dates again; then, in another Airflow, the newest date first.

    python -m benchmarks.event_dates FOLDER

FOLDER contains hashtags/{hashtag}/{date}/labeled.csv, with the labels 0 and 1.

Aims: no run fails, the second pass starts no training job, and champions and histories are the same in both orders.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.airflow_cpu import airflow_stack
from benchmarks.backfill import UNFINISHED, query, training_jobs
from include.aws.registry import Registry
from include.aws.storage import Storage
from include.config.names import Keys, dag_id_of, model_package_group
from include.config.settings import Settings
from include.report.history import recall
from include.samples import make_bucket
from local_stack.airflow_api import AirflowApi, wait_until
from local_stack.settings import LOCAL_EXECUTOR
from local_stack.stack import LocalStack

ENTRY = (
    """{labels: {"0": on_topic, "1": off_topic}, wait_hours: 0, backfill_parameters: {keep_endpoint_minutes: 0.1}}"""
)
FIGURES = ("date", "accuracy", "accuracy_interval", "majority_accuracy", "tweets")
"""Of an entry of the history. Which champion a date has met, and its report, depend on when it ran."""
SECONDS_OF_A_PASS = 3 * 3600
FAILED = "SELECT run_id FROM dag_run WHERE state = 'failed'"


class Outcome(NamedTuple):
    """What the backfill of a hashtag leaves."""

    champion: str | None
    """The date of the champion."""
    history: list[dict[str, Any]]
    """The figures of each date."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n\n")[0])
    parser.add_argument("folder", type=Path)
    tweets = parser.parse_args().folder
    dates: dict[str, list[str]] = {}
    for folder in sorted(tweets.glob("hashtags/*/*/labeled.csv")):
        dates.setdefault(folder.parts[-3], []).append(folder.parts[-2])
    with _stack(tweets, dates) as stack:
        first, jobs = _backfill(stack, dates), training_jobs(stack)
        _print(first)
        again = _backfill(stack, dates, reprocess_behavior="completed")
        more = training_jobs(stack) - jobs
    with _stack(tweets, dates) as stack:
        reverse = _backfill(stack, dates, run_backwards=True)
    print(f"training jobs: {jobs} in the first pass, {more} in the second")
    differ = [hashtag for hashtag in dates if not first[hashtag] == again[hashtag] == reverse[hashtag]]
    for hashtag in differ:
        print(f"#{hashtag} is not the same each time:", first[hashtag], again[hashtag], reverse[hashtag], sep="\n  ")
    return 1 if more or differ else 0


@contextmanager
def _stack(tweets: Path, hashtags: Iterable[str]) -> Iterator[LocalStack]:
    """A whole Airflow, and the tweets in its local AWS."""
    entries = "".join(f"{hashtag}: {ENTRY}\n" for hashtag in hashtags)
    with airflow_stack(LOCAL_EXECUTOR, entries) as stack:
        settings, s3 = Settings.from_environment(stack.environment), stack.client("s3")
        make_bucket(s3, settings.bucket)
        for file in tweets.glob("hashtags/*/*/labeled.csv/*"):
            s3.upload_file(str(file), settings.bucket, f"{settings.prefix}/{file.relative_to(tweets).as_posix()}")
        yield stack


def _backfill(stack: LocalStack, dates: dict[str, list[str]], **members: Any) -> dict[str, Outcome]:
    """The outcome of each hashtag after a backfill of all."""
    airflow, began = AirflowApi(stack.settings.airflow_url), time.monotonic()
    for hashtag, own in dates.items():
        airflow.backfill(dag_id_of(hashtag), own[0], own[-1], max_active_runs=1, **members)
    wait_until(lambda: not query(stack, UNFINISHED), SECONDS_OF_A_PASS, "the end of the backfills")
    if failed := query(stack, FAILED):
        raise SystemExit(f"failed: {failed}")
    count, minutes = sum(map(len, dates.values())), (time.monotonic() - began) / 60
    print(f"{count} dates, {', '.join(members) or 'in their order'}: {minutes:.1f} minutes", flush=True)
    return {hashtag: _outcome(stack, hashtag, own[-1]) for hashtag, own in dates.items()}


def _outcome(stack: LocalStack, hashtag: str, date: str) -> Outcome:
    settings = Settings.from_environment(stack.environment)
    storage, keys = Storage(stack.client("s3"), settings.bucket), Keys(settings.prefix, hashtag, date)
    registry = Registry(stack.client("sagemaker"), model_package_group(hashtag), storage.uri(keys.prefix + "/"))
    champion = registry.champion()
    history = [{name: entry[name] for name in FIGURES} for entry in recall(storage, keys)]
    return Outcome(champion.date if champion else None, history)


def _print(outcomes: dict[str, Outcome]) -> None:
    for hashtag, (champion, history) in outcomes.items():
        print(f"#{hashtag}, the champion's tweets are of {champion}")
        for entry in history:
            (low, high), accuracy, majority = (
                entry[name] for name in ("accuracy_interval", "accuracy", "majority_accuracy")
            )
            print(f"  {entry['date']}  {accuracy:6.1%} ({low:.1%} to {high:.1%}), majority {majority:.1%}")


if __name__ == "__main__":
    sys.exit(main())
