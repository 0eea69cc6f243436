"""The reference from which a scheduled run's deadline counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class ScheduledRun(BaseDeadlineReference):
    """
    A scheduled run's logical date, or a day before the run was created, whichever is later. The same for a run that was
    started early in its place. Other runs have no deadline.

    So a run is not late as soon as it is created: not the run of an earlier date that Airflow creates when a DAG is
    switched on, nor a weekly run, whose logical date is a week ago, nor a backfill.
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        from airflow.models import DagRun  # not in tasks, which have no database
        from airflow.utils.types import DagRunType
        from sqlalchemy import select

        of_the_schedule = (DagRunType.SCHEDULED, DagRunType.OPERATOR_TRIGGERED)
        query = select(DagRun.logical_date, DagRun.queued_at).where(
            DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun.run_type.in_(of_the_schedule)
        )
        if (row := session.execute(query).one_or_none()) is None or row.logical_date is None:
            return None
        counts_from: datetime = max(row.logical_date, (row.queued_at or datetime.now(UTC)) - timedelta(days=1))
        return counts_from
