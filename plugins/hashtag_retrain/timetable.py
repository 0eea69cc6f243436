"""The schedule of a hashtag's DAG. Its runs are about the date on which their data interval starts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval
from airflow.timetables.interval import CronDataIntervalTimetable

from hashtag_retrain.run_ids import triggered_run_id

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from airflow.utils.types import DagRunType
    from pendulum import DateTime


class TweetsTimetable(CronDataIntervalTimetable):
    """
    A cron schedule whose run ids contain the date of the tweets. Airflow's own contain the date after.

    The data interval of a run that somebody triggers contains its logical date. Airflow's own ends there: after a run
    with the logical date of the next scheduled run, the scheduler would create no further one.
    """

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """
        The next run. That of a backfill, which alone catches up, may start at the date's start: Airflow makes its id,
        like backfill__2026-01-07T00:00:00+00:00, of that time. A backfill leaves out dates that have not ended, and has
        all runs of its last date, which Airflow gives as midnight.
        """
        latest = restriction.latest
        if restriction.catchup and latest is not None and latest == latest.start_of("day"):
            restriction = restriction._replace(latest=latest.end_of("day"))
        found = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
        if found is None or not restriction.catchup or found.data_interval is None:
            return found
        return DagRunInfo(run_after=found.data_interval.start, data_interval=found.data_interval)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """
        :param run_after: the logical date, in spite of its name
        """
        start = self._align_to_prev(run_after)
        return DataInterval(start=start, end=self._get_next(start))

    def logical_date_of(self, date: str) -> DateTime:
        """
        The logical date of the scheduled run of a date. If several are scheduled on it, that of the first; if none,
        the date's start.

        :param date: like 2026-01-07
        """
        start = pendulum.DateTime.fromisoformat(date).replace(tzinfo=pendulum.UTC)
        scheduled = self._align_to_next(start)
        return scheduled if scheduled < start.add(days=1) else start

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """
        Like scheduled__2026-01-07, or like those of :func:`triggered_run_id`. If somebody triggers a run without a
        logical date, or with that of now, its date is not known here. If the data interval is of more than one date,
        Airflow does not say here which one the logical date is.
        """
        date = _moment(data_interval.start) if data_interval else ""
        if run_type == "scheduled":
            return f"{run_type}__{date}"
        is_chosen = data_interval is not None and data_interval.end <= run_after and _is_of_one_date(data_interval)
        return triggered_run_id(run_type, date if is_chosen else "", run_after)


def _is_of_one_date(interval: DataInterval) -> bool:
    return bool((interval.end - timedelta.resolution).date() == interval.start.date())


def _moment(start: DateTime) -> str:
    """A date, and the time if it is not midnight."""
    start = start.in_timezone("UTC")
    return f"{start:%Y-%m-%d}" if start == start.start_of("day") else f"{start:%Y-%m-%dT%H:%M}"
