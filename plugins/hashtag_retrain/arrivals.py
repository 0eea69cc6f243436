"""Labelled tweets have arrived: of which dates and hashtags, and which runs start for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from airflow.sdk import Asset, AssetWatcher
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom

from hashtag_retrain.assets import hashtag_of_asset
from hashtag_retrain.dates import FIRST_TASK
from hashtag_retrain.failures import REFUSED
from hashtag_retrain.timetable import TweetsTimetable
from include.aws.storage import Storage
from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags
from include.config.names import Keys, check_date, dag_id_of
from include.config.printable import printable
from include.config.settings import Settings, poll_seconds

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

CREATED = "ObjectCreated:"
"""How the names of S3's events begin that are about a new object."""


def runs_to_start(triggering_asset_events: Any) -> list[dict[str, Any]]:
    """
    The arguments of TriggerDagRunOperator for each event's hashtag and date. Such a run takes the place of the date's
    scheduled run: it has the same logical date, of which Airflow allows one run only, and by `run_after` the same data
    interval, from which Airflow computes the next scheduled run. If the date's run has ended without any tweets, it is
    cleared, and so runs again. If it was refused, it would be refused again, and so the task that would start it fails.

    :param triggering_asset_events: events of labelled tweets, from Airflow; their partition key is the date
    :raises ConfigurationError: a key is not a date
    """
    storage = Storage.connect(Settings.from_environment().bucket)
    today = storage.today().isoformat()
    runs: dict[tuple[str, str], dict[str, Any]] = {}
    for asset, events in triggering_asset_events.items():
        hashtag = hashtag_of_asset(asset)
        for date in sorted({check_date(str(event.partition_key)) for event in events}):
            if date > today:
                print(f"#{hashtag} {date} is after today, {today}: no run is started.")
                continue
            print(f"An event says that the labelled tweets of #{hashtag}, {date}, have arrived.")
            entries = load_hashtags(only=hashtag).usable
            if not entries:
                raise ConfigurationError(f"#{hashtag} is not in the hashtags file any more, or its entry has mistakes")
            logical_date = TweetsTimetable(entries[0].settings.schedule, timezone="UTC").logical_date_of(date)
            without_tweets = run_without_tweets(dag_id_of(hashtag), logical_date)
            is_refused = without_tweets is not None and _is_refused(dag_id_of(hashtag), without_tweets, date)
            runs[hashtag, date] = {
                "trigger_dag_id": dag_id_of(hashtag),
                "trigger_run_id": without_tweets or f"tweets_arrived__{date}",
                "reset_dag_run": without_tweets is not None and not is_refused,
                "skip_when_already_exists": not is_refused,
                "logical_date": logical_date.isoformat(),
                "run_after": logical_date.isoformat(),
                "conf": {"date": date},
            }
    return list(runs.values())


def run_without_tweets(dag_id: str, logical_date: datetime) -> str | None:
    """The id of the run with this logical date, if it has found no tweets; None if there is no such run."""
    found = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[FIRST_TASK], logical_dates=[logical_date])
    without = (run_id for run_id, states in found.items() if states.get(FIRST_TASK) in {"skipped", "failed"})
    return next(without, None)


def _is_refused(dag_id: str, run_id: str, date: str) -> bool:
    """Whether the run cannot start, because of what it says itself. Then the reason is printed."""
    why: str | None = XCom.get_one(key=REFUSED, dag_id=dag_id, task_id=FIRST_TASK, run_id=run_id)
    if why:
        print(
            printable(
                f"No run is started, because the run {run_id} has the place of {date}, and was refused: {why} "
                "Delete that run in Airflow and create the event again; or remove the reason and clear the run."
            )
        )
    return bool(why)


def read_messages(triggering_asset_events: Any) -> dict[str, list[str]]:
    """
    The dates of labelled tweets in S3's event notifications, by hashtag.

    :param triggering_asset_events: events with the messages of a queue (SqsSensorTrigger), from Airflow
    """
    settings = Settings.from_environment()
    dates: dict[str, set[str]] = {}
    for events in triggering_asset_events.values():
        for event in events:
            for message in event.extra["payload"]["message_batch"]:
                for bucket, key in created_objects(message["Body"]):
                    found = date_of(key, settings.prefix) if bucket == settings.bucket else None
                    print(printable(f"s3://{bucket}/{key}: {' '.join(found) if found else 'no labelled tweets'}"))
                    if found:
                        dates.setdefault(found[0], set()).add(found[1])
    return {hashtag: sorted(found) for hashtag, found in dates.items()}


def announce_arrivals(context: Context, result: dict[str, list[str]]) -> None:
    """Call this after read_messages: an event for each date, of the hashtags that have a DAG."""
    task = context["task"]
    for asset in list(task.outlets):
        if dates := result.get(hashtag_of_asset(asset)):
            context["outlet_events"][asset].add_partitions(dates)
        else:
            task.outlets.remove(asset)


def created_objects(body: str) -> Iterator[tuple[str, str]]:
    """
    Buckets and keys of new objects in a message from S3, directly or over SNS. Other messages, such as S3's first one
    (s3:TestEvent), have none.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    try:
        message = json.loads(body)
        if message.get("Type") == "Notification":
            message = json.loads(message["Message"])
        for record in message.get("Records", []):
            if record["eventName"].startswith(CREATED):
                yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        print(printable(f"Not a message of S3 ({error!r}): {body[:1000]}"))


def date_of(key: str, prefix: str) -> tuple[str, str] | None:
    """Hashtag and date of an object with labelled tweets; None if it is another object."""
    hashtag, _, rest = key.removeprefix(f"{prefix}/hashtags/").partition("/")
    date = rest.partition("/")[0]
    try:
        tweets = Keys(prefix, hashtag, date).tweets
    except ConfigurationError:
        return None
    return (hashtag, date) if key == tweets or key.startswith(f"{tweets}/") else None


def queue_of(url: str) -> Asset:
    """The asset whose events have the messages of an SQS queue. They are deleted from the queue when they are read."""
    from airflow.providers.amazon.aws.triggers.sqs import SqsSensorTrigger

    trigger = SqsSensorTrigger(url, max_messages=10, waiter_delay=max(1, round(poll_seconds())))
    return Asset("retrain.tweets_queue", watchers=[AssetWatcher(name="messages", trigger=trigger)])
