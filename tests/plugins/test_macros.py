from datetime import UTC, datetime
from types import SimpleNamespace

from hashtag_retrain.macros import bucket, tweets_folder

RUN = SimpleNamespace(logical_date=datetime(2026, 1, 7, tzinfo=UTC), run_type="scheduled", data_interval_end=None)


def test_what_is_waited_for_is_the_dates_folder(settings):
    assert bucket() == settings.bucket
    assert tweets_folder("retrain_aws", {"date": None}, RUN) == "twitter-data/hashtags/aws/2026-01-07/labeled.csv"
