from datetime import UTC, datetime, timedelta

import pytest

from hashtag_retrain.deadlines import ScheduledRun

LOGICAL_DATE = datetime(2026, 1, 6, tzinfo=UTC)
RUN_AFTER = LOGICAL_DATE + timedelta(days=1)


@pytest.fixture
def run_of(airflow_database):
    """A daily run in Airflow's database, made so long after its day has ended."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    run_ids = []

    def make(run_type: str, made_after: timedelta) -> str:
        run_id = f"{run_type}__{len(run_ids)}"
        run = DagRun(dag_id="late", run_id=run_id, run_type=run_type, logical_date=LOGICAL_DATE, run_after=RUN_AFTER)
        run.queued_at = RUN_AFTER + made_after
        with create_session() as session:
            session.add(run)
        run_ids.append(run_id)
        return run_id

    yield make
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == "late"))


def counts_from(run_id: str) -> datetime | None:
    from airflow.utils.session import create_session

    with create_session() as session:
        return ScheduledRun()._evaluate_with(session=session, dag_id="late", run_id=run_id)


@pytest.mark.parametrize("run_type", ["scheduled", "operator_triggered"])
def test_a_runs_deadline_counts_from_its_logical_date(run_of, run_type):
    assert counts_from(run_of(run_type, timedelta(seconds=-1))) == LOGICAL_DATE


def test_a_run_that_is_made_late_because_its_dag_was_switched_on_late_is_not_late_at_once(run_of):
    assert counts_from(run_of("scheduled", timedelta(hours=17))) == LOGICAL_DATE + timedelta(hours=17)


@pytest.mark.parametrize("run_type", ["manual", "backfill"])
def test_no_other_run_has_a_deadline(run_of, run_type):
    assert counts_from(run_of(run_type, timedelta(days=300))) is None
