from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from hashtag_retrain import dates
from hashtag_retrain.dates import origin_of_date, run_date, said_date, settle_date
from include.config.errors import ConfigurationError

TODAY = datetime(2026, 1, 9, tzinfo=UTC)
NOW = TODAY + timedelta(hours=10, minutes=1, milliseconds=1)


def a_run(logical_date=None, run_type="manual", interval=None, run_id="r1"):
    interval = interval or logical_date
    start = interval and interval.replace(hour=0, minute=0, microsecond=0)
    return SimpleNamespace(
        run_id=run_id,
        run_type=run_type,
        logical_date=logical_date,
        run_after=NOW,
        data_interval_start=start,
        data_interval_end=start and start + timedelta(days=1),
    )


def a_week(logical_date):
    """A run of a weekly schedule, whose data interval has not ended."""
    run = a_run(logical_date)
    run.data_interval_start, run.data_interval_end = TODAY - timedelta(days=5), TODAY + timedelta(days=2)
    return run


@pytest.mark.parametrize(
    ("date", "run", "said"),
    [
        pytest.param("2026-01-05", a_run(), "2026-01-05", id="the parameter"),
        pytest.param("2026-01-05", a_run(NOW), "2026-01-05", id="the parameter, with the form's logical date"),
        pytest.param(None, a_run(NOW), None, id="the form's logical date"),
        pytest.param(None, a_run(), None, id="nothing"),
        pytest.param(None, a_run(TODAY), "2026-01-09", id="a logical date of today"),
        pytest.param(None, a_run(NOW - timedelta(days=3)), "2026-01-06", id="a logical date of the past"),
        pytest.param(None, a_week(NOW - timedelta(days=2)), "2026-01-07", id="a past day of a week that is not over"),
        pytest.param(None, a_week(NOW), None, id="the form's logical date, in a week"),
        pytest.param(None, a_run(TODAY - timedelta(days=1), "scheduled"), "2026-01-08", id="scheduled"),
        pytest.param(None, a_run(NOW, "operator_triggered"), None, id="another DAG, with the logical date of now"),
        pytest.param("2026-01-05", a_run(NOW, "operator_triggered"), "2026-01-05", id="another DAG, with a date"),
        pytest.param(None, a_run(TODAY, "backfill"), "2026-01-09", id="backfill"),
    ],
)
def test_a_run_says_its_date_by_its_parameter_or_by_a_logical_date_that_somebody_has_chosen(date, run, said):
    assert said_date({"date": date}, run) == said


@pytest.mark.parametrize(
    ("date", "run", "words"),
    [
        ("2026-01-05", a_run(NOW), "Its parameter date says so."),
        (None, a_run(TODAY, "backfill"), "Its logical date says so."),
        (None, a_run(NOW), "It says no date, so it takes the newest date that has tweets"),
    ],
)
def test_where_the_date_comes_from_is_said(date, run, words):
    assert origin_of_date({"date": date}, run).startswith(words)


@pytest.mark.parametrize("run", [a_run(TODAY), a_run(TODAY - timedelta(days=2), "backfill")])
def test_a_run_that_says_two_dates_is_refused(run):
    with pytest.raises(ConfigurationError, match=r"logical date says .* its parameter date 2026-01-01\. Leave one"):
        said_date({"date": "2026-01-01"}, run)


def test_a_date_that_is_none_is_an_error():
    with pytest.raises(ConfigurationError, match="calendar date"):
        said_date({"date": "../x"}, a_run())


@pytest.fixture
def xcoms(monkeypatch):
    """The XComs of the first task."""
    stored: dict = {}
    monkeypatch.setattr(dates.XCom, "get_one", lambda key, **_: stored.get(key))
    dates._newest_date.cache_clear()
    return stored


def test_a_run_that_says_none_takes_the_newest_date_with_tweets_and_stays_with_it(storage, xcoms):
    for date in ("2026-01-05", "2026-01-07", "2999-01-01"):  # the last one is not yet
        storage.write_json({}, f"twitter-data/hashtags/aws/{date}/labeled.csv/part-0.csv")
    pushed = SimpleNamespace(xcom_push=lambda key, value: xcoms.update({key: value}))
    context = {
        "dag_run": a_run(NOW),
        "params": {"date": None},
        "dag": SimpleNamespace(dag_id="retrain_aws"),
        "ti": pushed,
    }

    assert settle_date(context) == "2026-01-07"
    storage.write_json({}, "twitter-data/hashtags/aws/2026-01-08/labeled.csv/part-0.csv")
    dates._newest_date.cache_clear()

    assert run_date("retrain_aws", {"date": None}, a_run(NOW)) == "2026-01-07"
    xcoms.clear()
    assert run_date("retrain_aws", {"date": None}, a_run(NOW)) == "2026-01-08"


def test_without_any_tweets_it_waits_for_those_of_today(storage, xcoms):
    assert run_date("retrain_none", {"date": None}, a_run(run_id="r2")) == "2026-01-09"
