import pytest

from include.dataset import fetch_tweets, read_examples, read_test_tweets, tweets_by_date, upload_prepared
from include.errors import DataError
from include.names import Keys
from include.text.prepare import PrepareSettings, prepare
from tests.text.test_prepare import some_rows, source

KEYS = Keys("twitter-data", "aws", "2026-01-07")


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

    sources, dates = fetch_tweets(storage, KEYS, 2, tmp_path)

    assert dates == ["2026-01-04", "2026-01-07"]
    assert [(source.name, source.rank) for source in sources] == [
        ("2026-01-04/labeled.csv/part-0.csv", 0),
        ("2026-01-04/labeled.csv/part-1.csv.gz", 0),
        ("2026-01-07/labeled.csv/part-0.csv", 1),
        ("2026-01-07/labeled.csv/part-1.csv.gz", 1),
    ]
    assert sorted(tweets_by_date(storage, KEYS))[-1] == "2026-01-09"


def test_without_tweets_of_the_date_itself_there_is_no_data(storage, put, tmp_path):
    put("2026-01-06/labeled.csv/part-0.csv")

    with pytest.raises(DataError, match=r"no labelled tweets below s3://.*/2026-01-07/labeled\.csv/"):
        fetch_tweets(storage, KEYS, 7, tmp_path)


def test_prepared_data_come_back_as_they_were(storage, tmp_path):
    prepare([source(some_rows(200))], tmp_path / "out", PrepareSettings())

    prepared = upload_prepared(storage, KEYS, tmp_path / "out")
    test = read_examples(storage, prepared, "test", tmp_path / "in")
    tweets = read_test_tweets(storage, prepared, [0, 2], tmp_path / "in")

    assert prepared == upload_prepared(storage, KEYS, tmp_path / "out")
    assert read_examples(storage, prepared, "test", tmp_path / "in", limit=3) == test[:3]
    assert tweets == {0: test[0][1], 2: test[2][1]}
