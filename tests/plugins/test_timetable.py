from datetime import UTC

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from hypothesis import given
from hypothesis import strategies as st

from hashtag_retrain.timetable import TweetsTimetable

DAILY = TweetsTimetable("@daily", timezone="UTC")
MORNING = TweetsTimetable("0 6 * * *", timezone="UTC")
NOW = pendulum.datetime(2026, 1, 9, 10, 1, 2)


def run_id(run_type: DagRunType, logical_date: pendulum.DateTime | None, timetable: TweetsTimetable = DAILY) -> str:
    interval = timetable.infer_manual_data_interval(run_after=logical_date) if logical_date else None
    return timetable.generate_run_id(run_type=run_type, run_after=NOW, data_interval=interval)


@pytest.mark.parametrize(
    ("run_type", "logical_date", "timetable", "expected"),
    [
        (DagRunType.SCHEDULED, pendulum.datetime(2026, 1, 8), DAILY, "scheduled__2026-01-08"),
        (DagRunType.SCHEDULED, pendulum.datetime(2026, 1, 8, 6), MORNING, "scheduled__2026-01-08T06:00"),
        (
            DagRunType.MANUAL,
            pendulum.datetime(2026, 1, 5),
            DAILY,
            "manual__2026-01-05__triggered_2026-01-09T10:01:02.000+00:00",
        ),
        # The run is about 01-07. Airflow gives the interval only, which begins on another date.
        (
            DagRunType.MANUAL,
            pendulum.datetime(2026, 1, 7, 2),
            MORNING,
            "manual__triggered_2026-01-09T10:01:02.000+00:00",
        ),
        (
            DagRunType.MANUAL,
            pendulum.datetime(2026, 1, 2),
            TweetsTimetable("@weekly", timezone="UTC"),
            "manual__triggered_2026-01-09T10:01:02.000+00:00",
        ),
        (DagRunType.MANUAL, NOW, DAILY, "manual__triggered_2026-01-09T10:01:02.000+00:00"),
        (DagRunType.MANUAL, None, DAILY, "manual__triggered_2026-01-09T10:01:02.000+00:00"),
    ],
)
def test_a_run_id_shows_the_date_of_the_tweets_where_it_is_known(run_type, logical_date, timetable, expected):
    assert run_id(run_type, logical_date, timetable) == expected
    assert DagRunType.from_run_id(expected) == run_type


@given(st.datetimes(pendulum.naive(2006, 3, 21), pendulum.naive(2040, 1, 1), timezones=st.just(UTC)))
def test_the_interval_of_a_triggered_run_contains_its_logical_date(moment):
    moment = pendulum.instance(moment)

    interval = DAILY.infer_manual_data_interval(run_after=moment)

    assert interval.start <= moment < interval.end
    assert interval == DataInterval(start=moment.start_of("day"), end=moment.start_of("day").add(days=1))


def test_it_survives_what_airflow_stores_of_it():
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable

    stored = encode_timetable(DAILY)

    assert isinstance(decode_timetable(stored), TweetsTimetable)
    assert decode_timetable(stored).serialize() == DAILY.serialize()


def test_a_run_with_the_logical_date_of_the_next_scheduled_one_does_not_stop_the_schedule():
    """The scheduler counts on from the interval of a run that has its date already, whoever made it."""
    next_date = pendulum.datetime(2026, 1, 9)
    everything = TimeRestriction(earliest=None, latest=None, catchup=True)
    posted = DAILY.infer_manual_data_interval(run_after=next_date)

    following = DAILY.next_dagrun_info(last_automated_data_interval=posted, restriction=everything)

    assert following.logical_date == next_date.add(days=1)


def test_a_backfilled_run_may_start_at_its_dates_start_and_a_scheduled_one_at_its_end():
    """Airflow makes a backfilled run's id, and its place in the grid, of the time at which it may start."""
    date, end = pendulum.datetime(2026, 1, 7), pendulum.datetime(2026, 1, 8)
    before = DAILY.infer_manual_data_interval(run_after=date.subtract(days=1))

    def following(catchup: bool):
        restriction = TimeRestriction(earliest=None, latest=None, catchup=catchup)
        return DAILY.next_dagrun_info(last_automated_data_interval=before, restriction=restriction)

    backfilled, scheduled = following(catchup=True), following(catchup=False)

    assert (backfilled.logical_date, backfilled.run_after, backfilled.data_interval.end) == (date, date, end)
    assert scheduled.run_after == scheduled.data_interval.end > scheduled.logical_date


@pytest.mark.parametrize("timetable", [DAILY, MORNING])
def test_a_backfill_has_its_first_and_its_last_date(timetable):
    bounds = TimeRestriction(pendulum.datetime(2026, 1, 5), pendulum.datetime(2026, 1, 7), catchup=True)
    found, last = [], None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=bounds):
        found.append(info.logical_date.day)
        last = info.data_interval

    assert found == [5, 6, 7]
