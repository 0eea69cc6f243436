"""From when a run's deadline counts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class ScheduledLogicalDate(BaseDeadlineReference):
    """
    A scheduled run's logical date; no other run has a deadline. Airflow's own reference to the logical date gives a
    backfilled date one that has passed before the run is there, and on SQLite, where nobody can lock a row, a scheduler
    that takes note of it while the backfill is still being written dies of a StaleDataError.
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        from airflow.models import DagRun  # not in tasks, which have no database
        from airflow.utils.types import DagRunType
        from sqlalchemy import select

        query = select(DagRun.logical_date).where(
            DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun.run_type == DagRunType.SCHEDULED
        )
        return session.scalar(query)
