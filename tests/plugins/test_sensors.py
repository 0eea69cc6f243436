import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from hashtag_retrain.sensors.tweets import S3KeyOrSkipSensor, are_complete

FOLDER = "twitter-data/hashtags/aws/2026-01-07/labeled.csv"


@pytest.mark.parametrize(
    ("names", "complete"),
    [
        (["part-0.csv"], True),
        (["part-0.csv", "_SUCCESS"], True),
        ([""], False),
        (["_SUCCESS"], False),
        (["_temporary/0/part-0.csv"], False),
        (["part-0.csv", "_temporary/0/part-1.csv"], False),
        ([".part-0.csv.crc"], False),
    ],
)
def test_tweets_are_there_when_a_part_file_is_and_nobody_writes_any_more(names, complete):
    assert are_complete([{"Key": f"{FOLDER}/{name}", "Size": 1} for name in names]) is complete


@pytest.fixture
def sensor(settings) -> S3KeyOrSkipSensor:
    return S3KeyOrSkipSensor(
        task_id="wait", bucket_name=settings.bucket, bucket_key=f"{FOLDER}/*", wildcard_match=True,
        check_fn=are_complete, deferrable=True, poke_interval=0.05,
    )  # fmt: skip


def context(run_type: str) -> Any:
    return {"dag_run": SimpleNamespace(run_type=run_type)}


def test_the_wait_is_deferred_until_the_tweets_are_complete(sensor, storage):
    def put(name: str) -> None:
        storage._client.put_object(Bucket=storage.bucket, Key=f"{FOLDER}/{name}", Body=b"0,hello\n")

    async def event_of(deferral: TaskDeferred) -> Any:
        return (await anext(deferral.trigger.run())).payload

    with pytest.raises(TaskDeferred) as deferral:
        sensor.execute(context("scheduled"))

    put("_temporary/0/part-0.csv")
    event = asyncio.run(event_of(deferral.value))
    with pytest.raises(TaskDeferred):  # somebody still writes: it waits on
        sensor.execute_complete(context("scheduled"), event)

    storage._client.delete_object(Bucket=storage.bucket, Key=f"{FOLDER}/_temporary/0/part-0.csv")
    put("part-0.csv")
    sensor.execute_complete(context("scheduled"), asyncio.run(event_of(deferral.value)))
    sensor.execute(context("scheduled"))


def test_a_backfill_does_not_wait_for_what_is_not_there(sensor):
    with pytest.raises(AirflowSkipException, match="a backfill does not wait"):
        sensor.execute(context("backfill"))
