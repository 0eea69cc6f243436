from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from hashtag_retrain.macros import bucket, run_date, tweets_folder
from include.config.errors import ConfigurationError

RUN = SimpleNamespace(logical_date=datetime(2026, 1, 7, tzinfo=UTC), run_after=datetime(2026, 1, 9, tzinfo=UTC))


def test_the_date_is_the_parameter_or_the_logical_date_or_the_runs_own_day():
    assert run_date({"date": "2026-01-05"}, RUN) == "2026-01-05"
    assert run_date({"date": None}, RUN) == "2026-01-07"
    assert run_date({"date": None}, SimpleNamespace(logical_date=None, run_after=RUN.run_after)) == "2026-01-09"


def test_a_date_that_is_none_is_an_error():
    with pytest.raises(ConfigurationError, match="calendar date"):
        run_date({"date": "../x"}, RUN)


def test_what_is_waited_for_is_the_dates_folder(settings):
    assert bucket() == settings.bucket
    assert tweets_folder("aws", {"date": None}, RUN) == "twitter-data/hashtags/aws/2026-01-07/labeled.csv"
