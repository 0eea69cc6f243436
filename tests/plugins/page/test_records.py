"""What the queries find among the rows of Airflow's database. `test_app.py` shows them on the page."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.models import DagModel
from sqlalchemy import event, update
from sqlalchemy.engine import Engine

from hashtag_retrain.page import records
from tests.plugins.page.rows import SWEEP, dates_from

A, B, GONE = "retrain_records_a", "retrain_records_b", "retrain_records_gone"
NOW = datetime.now(UTC)
SECOND = timedelta(seconds=1)


def at(hour: int) -> datetime:
    return datetime(2026, 1, 8, hour, tzinfo=UTC)


@pytest.fixture
def session(rows):
    for name in ("records_b", "records_a"):
        rows.add_dag(name)
    return rows.session


def add_events(rows, name, *times, date="2026-01-07", **columns):
    for time in times:
        rows.add_event(name, "report", date, {"hour": time.hour}, timestamp=time, **columns)


def test_only_dags_of_hashtags_are_found_by_name(rows, session):
    other = rows.add_dag("records_other")
    session.execute(update(DagModel).where(DagModel.dag_id == other).values(dag_id="records_other"))

    found = records.dags(session, [B, GONE, "records_other", A])

    assert [tuple(dag) for dag in found] == [(A, "airflow", False, False), (B, "airflow", False, False)]


def test_an_asset_is_found_by_its_dag_and_kind(rows, session):
    wanted = rows.asset(f"{A}.report")
    rows.asset(f"{A}.model_version")
    rows.asset(f"{B}.model_version")

    assert records.assets(session, [A, B, GONE], "report") == {A: wanted}


def test_of_each_asset_its_newest_events_come_first(rows, session):
    add_events(rows, "records_a", at(3), at(1), at(2))
    add_events(rows, "records_b", at(5))

    found = records.newest_events(session, records.assets(session, [A, B], "report"), limit=2)

    assert [(one.dag_id, one.date, one.extra) for one in found if one.dag_id == A] == [
        (A, "2026-01-07", '{"hour": 3}'),
        (A, "2026-01-07", '{"hour": 2}'),
    ]
    assert [one.extra for one in found if one.dag_id == B] == ['{"hour": 5}']


def test_an_event_that_a_run_of_another_dag_has_emitted_is_not_the_hashtags(rows, session):
    add_events(rows, "records_a", at(1), source_dag_id=B)
    add_events(rows, "records_a", at(2), source_dag_id=None, source_run_id=None)
    add_events(rows, "records_b", at(3))

    found = records.newest_events(session, records.assets(session, [A, B], "report"), limit=9)

    assert [one.extra for one in found] == ['{"hour": 3}']


def test_the_newest_dates_of_a_time_are_those_from_its_first_moment_until_before_its_end(rows, session):
    for hour, date in ((1, "2026-01-09"), (2, "2026-01-05"), (3, "2026-01-07"), (4, "2026-01-06"), (5, "2026-01-08")):
        add_events(rows, "records_a", at(hour), date=date)
    assets = records.assets(session, [A], "report")

    def dates(limit: int) -> list[str]:
        between = {A: (at(2), at(5))}
        return [one.date for one in records.events_of_newest_dates(session, assets, between, limit)]

    assert dates(limit=9) == ["2026-01-07", "2026-01-06", "2026-01-05"]
    assert dates(limit=2) == ["2026-01-07", "2026-01-06"]


def test_the_events_of_a_run_are_its_own_from_its_start_to_its_end_or_until_now(rows, session):
    add_events(rows, "records_a", *map(at, range(1, 6)))
    add_events(rows, "records_a", at(3), source_run_id="another")
    add_events(rows, "records_a", NOW - SECOND, source_run_id="runs")
    rows.add_run("records_a", "2026-01-07", start_date=at(2), end_date=at(4))
    rows.add_run("records_a", "2026-01-09", run_id="runs", state="running", start_date=NOW - timedelta(hours=1))
    rows.add_run("records_a", "2026-01-08", state="queued", start_date=None)
    rows.add_run("records_b", "2026-01-07")  # a hashtag whose asset nobody knows yet
    ids = ((A, "scheduled__2026-01-07"), (A, "scheduled__2026-01-08"), (B, "scheduled__2026-01-07"), (A, "runs"))
    runs = [run for dag_id, run_id in ids for run in records.run(session, dag_id, run_id)]

    found = records.events_of_runs(session, records.assets(session, [A, B], "report"), runs)

    assert len(runs) == len(ids)
    assert [one.extra for one in found] == [f'{{"hour": {hour}}}' for hour in (2, 3, 4, (NOW - SECOND).hour)]


def test_a_run_about_a_newer_date_than_the_window_but_before_it_is_found(rows, session):
    window = {A: (datetime(2026, 1, 7, tzinfo=UTC), at(5))}
    rows.add_run("records_a", "2026-01-07", start_date=at(1))  # its date is not newer
    rows.add_run("records_a", "2026-01-10", start_date=at(5))  # it is not before
    rows.add_run("records_b", "2026-01-08", start_date=at(1))
    assert records.first_start_of_newer_dates(session, window) == {}

    rows.add_run("records_a", "2026-01-08", start_date=at(4))
    rows.add_run("records_a", "2026-01-09", start_date=at(3))

    assert records.first_start_of_newer_dates(session, window) == {A: at(3)}


def test_the_last_run_is_that_which_may_start_last_not_that_which_has_started_last(rows, session):
    rows.add_run("records_a", "2026-01-07", start_date=at(9))
    rows.add_run("records_a", "2026-01-08", state="queued", start_date=None)

    (last,) = records.last_runs(session, [A, B])

    assert (last.dag_id, last.run_id, last.state) == (A, "scheduled__2026-01-08", "queued")
    assert records.run(session, A, "manual__nobody") == []


def test_of_runs_that_may_start_at_the_same_time_the_last_is_that_which_was_made_last(rows, session):
    """As those of a date, and of the next one whose tweets were early."""
    rows.add_run("records_a", "2026-01-07", run_after=at(5))
    rows.add_run("records_a", "2026-01-08", run_after=at(5))

    assert [run.run_id for run in records.last_runs(session, [A])] == ["scheduled__2026-01-08"]


def test_more_hashtags_than_fit_into_a_statement_are_all_found(rows, session):
    names = [f"records_{number:03}" for number in range(records.QUERIES_PER_STATEMENT + 1)]
    for name in names:
        rows.add_dag(name)
    rows.add_dates(names, ["2026-01-07"])
    rows.session.commit()
    statements = []
    event.listen(Engine, "before_cursor_execute", note := lambda *call: statements.append(call[2]))
    found = records.last_runs(session, [f"retrain_{name}" for name in names])
    event.remove(Engine, "before_cursor_execute", note)

    assert {run.dag_id for run in found} == {f"retrain_{name}" for name in names}
    assert len(statements) == 2


@pytest.mark.parametrize(
    ("state", "ended", "expected"),
    [
        ("running", None, True),
        ("queued", None, True),
        ("success", SECOND, True),  # somebody may have marked it
        ("failed", SECOND, True),
        ("failed", records.MAX_LIFE - timedelta(minutes=1), True),
        ("failed", records.MAX_LIFE + timedelta(minutes=1), False),
    ],
)
def test_which_runs_may_have_an_endpoint(rows, session, state, ended, expected):
    end = datetime.now(UTC) - ended if ended else None
    run = rows.add_run("records_a", "2026-01-07", state=state, start_date=at(1), end_date=end)
    rows.add_task("records_a", run, "deploy_endpoint", "success", start_date=at(2))
    rows.add_task("records_a", run, "delete_endpoint", "failed")

    found = records.deployments(session, [A])

    assert [(one.run_id, one.deploy_state, one.deployed_at, one.delete_state) for one in found] == (
        [(run, "success", at(2), "failed")] if expected else []
    )
    assert records.deployments(session, [B]) == []


@pytest.mark.parametrize(("started", "expected"), [(timedelta(hours=1), False), (-timedelta(hours=1), True)])
def test_a_deletion_counts_if_it_came_after_the_deployment(rows, session, started, expected):
    run = rows.add_run("records_a", "2026-01-07", state="success", end_date=datetime.now(UTC))
    rows.add_task("records_a", run, "deploy_endpoint", "success", start_date=datetime.now(UTC) - started)
    rows.add_task("records_a", run, "delete_endpoint", "success")
    rows.add_xcom("records_a", run, "delete_endpoint", "return_value", {})

    assert bool(records.deployments(session, [A])) is expected


def test_a_sweep_counts_if_the_schedule_of_the_last_day_has_started_it_and_it_succeeded(rows, session):
    def sweep(minutes_from_now: int, **columns) -> str:
        time = datetime.now(UTC) + timedelta(minutes=minutes_from_now)  # newer than any that another test has left
        times = {"logical_date": time, "run_after": time, "start_date": time, **columns}
        return rows.add_run("records_a", "2026-01-07", dag_id=SWEEP, run_id=f"records__{minutes_from_now}", **times)

    counted = sweep(10)
    sweep(5)
    sweep(20, run_type="manual")
    sweep(30, state="failed")
    sweep(40, logical_date=datetime.now(UTC) - timedelta(days=1, minutes=1))

    (run,) = records.run(session, SWEEP, counted)
    assert records.last_sweep(session) == (run.id, run.start_date)


def test_questions_wait_until_somebody_answers_and_only_while_their_task_waits(rows, session):
    for name in ("records_b", "records_a"):
        run = rows.add_run(name, "2026-01-07", state="running")
        rows.add_question(rows.add_task(name, run, "asks", "awaiting_input"), f"{name}?")
    rows.add_question(rows.add_task("records_a", run, "asks_later", "deferred"), "Later?")
    rows.add_question(rows.add_task("records_a", run, "answered", "deferred"), "No?", responded_at=NOW)
    rows.add_question(rows.add_task("records_a", run, "gave_up", "failed"), "No?")

    assert [tuple(question) for question in records.questions(session, [A, B])] == [
        (A, run, "asks", "records_a?"),
        (A, run, "asks_later", "Later?"),
        (B, run, "asks", "records_b?"),
    ]
    assert records.questions(session, [GONE]) == []


def test_xcoms_are_found_by_run_task_and_key(rows, session):
    for date in dates_from("2026-01-07", 2):
        run = rows.add_run("records_a", date)
        for task_id, key, value in (("a", "k", {"n": [1]}), ("a", "other", 2), ("b", "k", None), ("c", "k", 3)):
            rows.add_xcom("records_a", run, task_id, key, value)
    (first,) = records.run(session, A, "scheduled__2026-01-07")

    found = records.xcoms(session, [first.id], ("a", "b"), ("k",))

    assert found == {(first.id, "a", "k"): {"n": [1]}, (first.id, "b", "k"): None}
