import datetime
import itertools

import pytest

from include.aws import dataset
from include.aws.dataset import (
    FolderChanges,
    download_prepared,
    fetch_tweets,
    newer_date,
    sha256_of_files,
    upload_prepared,
)
from include.config.errors import DataError
from include.config.names import Keys
from include.tweets.prepare import PrepareSettings, prepare
from tests.tweets.test_prepare import some_rows, source

KEYS = Keys("twitter-data", "aws", "2026-01-07")
TODAY = datetime.date(2026, 1, 10)


@pytest.fixture
def put(storage):
    def put(key: str, body: bytes = b"0,hello\n") -> None:
        storage._client.put_object(Bucket=storage.bucket, Key=KEYS.hashtag_tweets + key, Body=body)

    return put


def test_a_window_is_the_last_dates_that_exist_up_to_the_date(storage, put, tmp_path):
    for date in ("2026-01-01", "2026-01-04", "2026-01-07", "2026-01-09"):
        put(f"{date}/labeled.csv/part-0.csv")
        put(f"{date}/labeled.csv/part-1.csv.gz")
        put(f"{date}/labeled.csv/_SUCCESS")
    put("2026-01-06/other.csv/part-0.csv")

    tweets = fetch_tweets(storage, KEYS, 2, tmp_path, TODAY)

    assert tweets.dates == ["2026-01-04", "2026-01-07"]
    assert [(source.name, source.rank) for source in tweets.sources] == [
        ("2026-01-04/labeled.csv/part-0.csv", 0),
        ("2026-01-04/labeled.csv/part-1.csv.gz", 0),
        ("2026-01-07/labeled.csv/part-0.csv", 1),
        ("2026-01-07/labeled.csv/part-1.csv.gz", 1),
    ]
    assert tweets.newest_date == newer_date(storage, KEYS, TODAY) == "2026-01-09"


def test_the_same_files_can_be_read_from_s3_when_they_are_opened(storage, put, tmp_path):
    for part in ("2026-01-04/labeled.csv/part-0.csv", "2026-01-07/labeled.csv/part-1.csv"):
        put(part, part.encode())

    there, here = (fetch_tweets(storage, KEYS, 2, folder, TODAY) for folder in (None, tmp_path))

    facts = [
        [(source.name, source.rank, source.size, source.modified, source.open().read()) for source in tweets.sources]
        for tweets in (there, here)
    ]
    assert facts[0] == facts[1]
    assert there.dates == here.dates


def test_a_single_object_and_subfolders_are_read(storage, put, tmp_path):
    put("2026-01-06/labeled.csv")
    put("2026-01-07/labeled.csv/batch=1/part-0.csv")

    tweets = fetch_tweets(storage, KEYS, 2, tmp_path, TODAY)

    assert [source.name for source in tweets.sources] == [
        "2026-01-06/labeled.csv",
        "2026-01-07/labeled.csv/batch=1/part-0.csv",
    ]


def test_dates_after_today_are_ignored_and_said(storage, put, tmp_path):
    put("2026-01-07/labeled.csv/part-0.csv")
    put("2062-01-07/labeled.csv/part-0.csv")
    put("no-date/labeled.csv/part-0.csv")

    tweets = fetch_tweets(storage, KEYS, 1, tmp_path, TODAY)

    assert (tweets.newest_date, tweets.ignored_dates) == ("2026-01-07", ["2062-01-07"])
    assert newer_date(storage, KEYS, TODAY) is None


def test_without_tweets_of_the_date_itself_there_is_no_data(storage, put, tmp_path):
    put("2026-01-06/labeled.csv/part-0.csv")

    with pytest.raises(DataError, match=r"no labelled tweets at s3://.*/2026-01-07/labeled\.csv"):
        fetch_tweets(storage, KEYS, 7, tmp_path, TODAY)


def test_a_folder_that_is_replaced_while_it_is_read_is_read_again(storage, put, tmp_path, monkeypatch):
    """By a writer that removes the old files first, and has not ended when they are listed again."""
    put("2026-01-07/labeled.csv/part-0.csv", b"0,old\n")
    remove = storage._client.delete_object

    def step(number: int) -> None:
        name = f"{KEYS.hashtag_tweets}2026-01-07/labeled.csv"
        if number == 1:
            remove(Bucket=storage.bucket, Key=f"{name}/part-0.csv")
            put("2026-01-07/labeled.csv/part-1.csv", b"0,new\n")
            put("2026-01-07/labeled.csv/_temporary/0/part-2.csv")
        elif number == 2:
            remove(Bucket=storage.bucket, Key=f"{name}/_temporary/0/part-2.csv")
            put("2026-01-07/labeled.csv/part-2.csv", b"1,newer\n")

    pauses = itertools.count(2)
    monkeypatch.setattr(dataset.time, "sleep", lambda _: step(next(pauses)))
    download, downloads = storage.download, itertools.count(1)

    def download_and_replace(key, path):
        if next(downloads) == 1:
            step(1)
        return download(key, path)

    monkeypatch.setattr(storage, "download", download_and_replace)

    tweets = fetch_tweets(storage, KEYS, 1, tmp_path, TODAY)

    assert [source.open().read() for source in tweets.sources] == [b"0,new\n", b"1,newer\n"]


def test_a_folder_whose_file_is_overwritten_while_it_is_read_is_read_again(storage, put, tmp_path, monkeypatch):
    put("2026-01-07/labeled.csv/part-0.csv", b"0,old\n")
    download, downloads = storage.download, itertools.count(1)

    def download_and_overwrite(key, path):
        downloaded = download(key, path)
        if next(downloads) == 1:
            put("2026-01-07/labeled.csv/part-0.csv", b"0,new\n")
        return downloaded

    monkeypatch.setattr(storage, "download", download_and_overwrite)

    tweets = fetch_tweets(storage, KEYS, 1, tmp_path, TODAY, pause_seconds=0)

    assert [source.open().read() for source in tweets.sources] == [b"0,new\n"]


def test_a_folder_that_does_not_come_to_rest_is_for_another_try(storage, put, tmp_path):
    put("2026-01-07/labeled.csv/part-0.csv")
    put("2026-01-07/labeled.csv/_temporary/0/part-1.csv")

    with pytest.raises(FolderChanges, match="is being written or replaced: a writer has not finished"):
        fetch_tweets(storage, KEYS, 1, tmp_path, TODAY, pause_seconds=0)


def test_prepared_data_come_back_as_they_were(storage, tmp_path):
    prepare([source(some_rows(200))], tmp_path / "out", PrepareSettings())
    prepared = upload_prepared(storage, KEYS, tmp_path / "out", sha256_of_files(tmp_path / "out"))

    downloaded = download_prepared(storage, prepared, tmp_path / "in")

    assert prepared == upload_prepared(storage, KEYS, tmp_path / "out", sha256_of_files(tmp_path / "out"))
    for path in downloaded.path.iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
    assert downloaded.report["samples"]
