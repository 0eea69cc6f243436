"""From when a run's deadline counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class ScheduledRun(BaseDeadlineReference):
    """
    A scheduled run's logical date, or a day before the run was made, whichever is later; no other run has a deadline.
    So nobody is told at once of the run that Airflow makes for the day before when a DAG is switched on, nor of weekly
    runs, nor of dates that are backfilled.
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        from airflow.models import DagRun  # not in tasks, which have no database
        from airflow.utils.types import DagRunType
        from sqlalchemy import select

        query = select(DagRun.logical_date, DagRun.queued_at).where(
            DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun.run_type == DagRunType.SCHEDULED
        )
        if (row := session.execute(query).one_or_none()) is None or row.logical_date is None:
            return None
        counts_from: datetime = max(row.logical_date, (row.queued_at or datetime.now(UTC)) - timedelta(days=1))
        return counts_from
