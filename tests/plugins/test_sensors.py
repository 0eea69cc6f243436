import pytest

from hashtag_retrain.sensors.tweets import are_complete

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
