"""Waiting for tweets, against the local AWS."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred

from hashtag_retrain.sensors.tweets import TweetsSensor
from hashtag_retrain.triggers import tweets
from hashtag_retrain.triggers.polling import ended

FOLDER = "twitter-data/hashtags/aws/2026-01-07/labeled.csv"


@pytest.fixture
def put(storage):
    def put(name: str) -> None:
        storage._client.put_object(Bucket=storage.bucket, Key=FOLDER + name, Body=b"0,hello\n")

    return put


@pytest.fixture
def remove(storage):
    return lambda name: storage._client.delete_object(Bucket=storage.bucket, Key=FOLDER + name)


def sensor_of(settings: Any, hours: float = 1, **arguments: Any) -> TweetsSensor:
    return TweetsSensor(
        task_id="wait", bucket=settings.bucket, folder=FOLDER, poke_interval=0.05, timeout=hours * 3600, **arguments
    )


def context(run_type: str = "scheduled", started: timedelta = timedelta()) -> Any:
    return {
        "dag_run": SimpleNamespace(run_type=run_type, start_date=datetime.now(UTC) - started),
        "ti": SimpleNamespace(xcom_push=lambda **_: None),
    }


def deferred(sensor: TweetsSensor) -> Any:
    with pytest.raises(TaskDeferred) as deferral:
        sensor.execute(context())
    return deferral.value.trigger


def result_of(trigger: Any, seconds: float = 20) -> Any:
    async def first() -> Any:
        return await asyncio.wait_for(anext(trigger.run()), seconds)

    return ended(asyncio.run(first()).payload, {"ti": SimpleNamespace(xcom_push=lambda **_: None)})


def test_what_is_there_already_is_not_waited_for(settings, put):
    put("/part-0.csv")

    assert sensor_of(settings).execute(context()) == f"s3://{settings.bucket}/{FOLDER}: 8 bytes in 1 file"


def test_the_wait_is_deferred_until_the_writer_has_ended_and_the_trigger_ends_the_task(settings, put, remove):
    put("/_temporary/0/part-0.csv")
    trigger = deferred(sensor_of(settings))

    with pytest.raises(TimeoutError):
        result_of(trigger, seconds=0.5)
    put("/part-0.csv")
    with pytest.raises(TimeoutError):  # somebody still writes
        result_of(trigger, seconds=0.5)
    remove("/_temporary/0/part-0.csv")

    assert "bytes in 1 file" in result_of(trigger)


def test_a_success_marker_outranks_what_a_writer_has_left_behind(settings, put):
    for name in ("/_temporary/0/part-9.csv", "/part-0.csv", "/_SUCCESS"):
        put(name)

    assert sensor_of(settings).execute(context()).endswith("8 bytes in 1 file, _SUCCESS, unfinished objects: 1")


def test_a_hashtag_can_ask_for_the_success_marker(settings, put):
    put("/part-0.csv")
    trigger = deferred(sensor_of(settings, require_success_marker=True))

    put("/_SUCCESS")

    assert "_SUCCESS" in result_of(trigger)


@pytest.mark.parametrize("name", ["", "/batch=1/part-0.csv"])
def test_a_single_object_and_a_file_in_a_subfolder_will_do(settings, put, name):
    put(name)

    assert "bytes in 1 file" in sensor_of(settings).execute(context())


def test_a_folder_that_its_writer_has_ended_without_a_row_is_skipped(settings, storage, put):
    trigger = deferred(sensor_of(settings))
    storage._client.put_object(Bucket=storage.bucket, Key=f"{FOLDER}/part-0.csv", Body=b"")
    put("/_SUCCESS")

    with pytest.raises(AirflowSkipException, match="is complete, and no file in it has rows"):
        result_of(trigger)
    with pytest.raises(AirflowSkipException, match="is complete, and no file in it has rows"):
        sensor_of(settings).execute(context())


def test_a_folder_whose_name_only_begins_alike_is_not_looked_at(settings, put):
    put(".bak/part-0.csv")

    deferred(sensor_of(settings))


def test_the_deadline_counts_from_the_runs_start_however_often_the_task_is_tried(settings, put):
    put("/_temporary/0/part-0.csv")
    sensor = sensor_of(settings)
    trigger = deferred(sensor)
    trigger.until = datetime.now(UTC).isoformat()

    with pytest.raises(AirflowException, match=r"Waited until .* for s3://.*/labeled.csv: there is no file with rows"):
        result_of(trigger)
    with pytest.raises(AirflowFailException, match="Waited until"):
        sensor.execute(context(started=timedelta(hours=1, seconds=2)))


def test_the_log_says_what_is_waited_for_and_then_seldom_what_is_missing(settings, put, monkeypatch):
    lines: list[str] = []
    log = SimpleNamespace(
        info=lambda text, *values: lines.append(text % values), exception=lambda *_: None, warning=print
    )
    monkeypatch.setattr(TweetsSensor, "log", log)
    monkeypatch.setattr(tweets.TweetsTrigger, "log", log)
    monkeypatch.setattr(tweets, "SECONDS_BETWEEN_LOG_LINES", 0)
    put("/_temporary/0/part-0.csv")

    trigger = deferred(sensor_of(settings))
    (announced,) = lines  # however long the first look has taken
    monkeypatch.setattr(tweets, "SECONDS_BETWEEN_LOG_LINES", 0.5)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        result_of(trigger, seconds=2)
    at_most = (time.monotonic() - started) / 0.5 + 1  # a busy machine takes longer

    assert announced.startswith(f"Waiting for s3://{settings.bucket}/{FOLDER} until 20")
    assert "there is no file with rows. Found: 0 bytes in 0 files, unfinished objects: 1" in announced
    assert 1 <= len(lines) - 1 <= at_most  # of some forty polls
    assert lines[-1].startswith("Still waiting: there is no file with rows")


@pytest.mark.parametrize(
    ("run_type", "hours", "why"), [("backfill", 1, "a backfill"), ("manual", 0, "wait_hours is 0")]
)
def test_who_does_not_wait_for_what_is_not_there_skips(settings, run_type, hours, why):
    words = rf"no labelled tweets at s3://.*/labeled.csv \(empty files do not count\), and {why}"
    with pytest.raises(AirflowSkipException, match=words):
        sensor_of(settings, hours).execute(context(run_type))
