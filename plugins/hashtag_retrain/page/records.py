"""
What the page reads from Airflow's database. Each function is one query, or one for each hundred hashtags.

A hashtag can have thousands of runs and events, and Airflow's tables have few indexes. So each query reads a bounded
number of rows for each hashtag, by an index: asset_event's of asset and time, dag_run's of DAG and logical date,
task_instance's of DAG and run or state, xcom's primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from airflow.models import DagModel, DagRun, TaskInstance
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.hitl import HITLDetail
from airflow.models.xcom import XComModel
from sqlalchemy import Text, and_, bindparam, cast, exists, func, not_, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from hashtag_retrain.parameters import MAX_KEEP_MINUTES
from include.config.names import DAG_PREFIX

ACTIVE = ("running", "queued")
DEPLOY, HOLD, DELETE = "deploy_endpoint", "hold_endpoint", "delete_endpoint"
MAY_HAVE_CREATED = ("running", "deferred", "restarting", "up_for_retry", "success", "failed")
"""States of deploy_endpoint in which there may be an endpoint. A skipped one has created none."""
WAITING = ("deferred", "awaiting_input")
SWEEP = "sweep_endpoints"
MAX_LIFE = timedelta(minutes=MAX_KEEP_MINUTES) + timedelta(days=1)
"""An endpoint whose run ended longer ago cannot exist, unless no sweep has succeeded since."""
QUERIES_PER_STATEMENT = 100
"""SQLite allows 500."""
Parameter = Callable[[str], Any]


def dags(session: Session, dag_ids: Iterable[str]) -> list[Any]:
    """The DAGs of hashtags among these, by name: dag_id, owners, is_paused, is_stale."""
    found = [dag_id for dag_id in dag_ids if dag_id.startswith(DAG_PREFIX)]
    columns = (DagModel.dag_id, DagModel.owners, DagModel.is_paused, DagModel.is_stale)
    return list(session.execute(select(*columns).where(DagModel.dag_id.in_(found)).order_by(DagModel.dag_id)))


def assets(session: Session, dag_ids: Iterable[str], kind: str) -> dict[str, int]:
    """The ids of the hashtags' assets of one kind, by DAG id."""
    wanted = {f"{dag_id}.{kind}": dag_id for dag_id in dag_ids}
    query = select(AssetModel.name, AssetModel.id).where(AssetModel.name.in_(list(wanted))).order_by(AssetModel.id)
    return {wanted[name]: asset_id for name, asset_id in session.execute(query)}


EVENT = (
    AssetEvent.source_dag_id.label("dag_id"),
    AssetEvent.source_run_id.label("run_id"),
    AssetEvent.partition_key.label("date"),
    AssetEvent.timestamp,
    cast(AssetEvent.extra, Text).label("extra"),  # pydantic reads the text faster than the driver makes objects
)


def newest_events(session: Session, assets: Mapping[str, int], limit: int) -> list[Any]:
    """
    The newest events of each asset.

    :param assets: ids by DAG id
    """
    values = [{"asset": asset, "limit": limit} for asset in assets.values()]
    return _of_runs(_each(session, _newest, values), assets)


def _newest(value: Parameter) -> Any:
    return _events_of(value("asset")).order_by(AssetEvent.timestamp.desc()).limit(value("limit"))


def events_of_newest_dates(
    session: Session, assets: Mapping[str, int], between: Mapping[str, tuple[datetime, datetime]], limit: int
) -> list[Any]:
    """
    The events of the newest dates among those of a time.

    :param between: the first time and that after the last one, by DAG id
    """
    values = [
        {"asset": assets[dag_id], "first": first, "end": end, "limit": limit}
        for dag_id, (first, end) in between.items()
    ]
    return _of_runs(_each(session, _of_newest_dates, values), assets)


def _of_newest_dates(value: Parameter) -> Any:
    return (
        _events_of(value("asset"))
        .where(AssetEvent.timestamp >= value("first"), AssetEvent.timestamp < value("end"))
        .order_by(AssetEvent.partition_key.desc(), AssetEvent.timestamp.desc())
        .limit(value("limit"))
    )


def events_of_runs(session: Session, assets: Mapping[str, int], runs: Iterable[Any]) -> list[Any]:
    """The events of runs (rows with dag_id, run_id, start_date, end_date)."""
    now = datetime.now(UTC)
    values = [
        {"asset": assets[run.dag_id], "first": run.start_date, "last": run.end_date or now, "run": run.run_id}
        for run in runs
        if run.dag_id in assets and run.start_date
    ]
    return _of_runs(_each(session, _of_run, values), assets)


def _of_run(value: Parameter) -> Any:
    """By the index of asset and time. There is none of runs."""
    is_then = AssetEvent.timestamp.between(value("first"), value("last"))
    return _events_of(value("asset")).where(is_then, AssetEvent.source_run_id == value("run"))


def first_start_of_newer_dates(
    session: Session, windows: Mapping[str, tuple[datetime, datetime]]
) -> dict[str, datetime]:
    """
    When the first of those runs started that are about a newer date than a window of events, but ran before it, by DAG
    id.

    :param windows: the oldest date in the window, and the time of its oldest event, by DAG id
    """
    values = [{"dag": dag_id, "date": date, "since": since} for dag_id, (date, since) in windows.items()]
    return {row.dag_id: row.first for row in _each(session, _first_start, values)}


def _first_start(value: Parameter) -> Any:
    return (
        select(DagRun.dag_id, func.min(DagRun.start_date).label("first"))
        .where(DagRun.dag_id == value("dag"))
        .where(DagRun.logical_date > value("date"), DagRun.start_date < value("since"))
        .group_by(DagRun.dag_id)
    )


def _events_of(asset_id: Any) -> Any:
    return select(AssetEvent.asset_id, *EVENT).where(AssetEvent.asset_id == asset_id)


def _of_runs(rows: Iterable[Any], assets: Mapping[str, int]) -> list[Any]:
    """
    The events that runs of the assets' own DAGs have emitted. Others are posted to Airflow's API.

    As a condition in SQL, this would make PostgreSQL expect few events, and so read and sort all.
    """
    return [row for row in rows if row.dag_id and assets.get(row.dag_id) == row.asset_id]


def _each(session: Session, query: Callable[[Parameter], Any], values: Sequence[Mapping[str, Any]]) -> list[Any]:
    """
    The rows of a query for each of many values, in few statements.

    A query of its own for each hashtag is what uses an index for certain. For a single one with a window function or a
    join, PostgreSQL reads all events. Airflow's list of DAGs does the same.

    :param query: makes the query from parameters, which it asks for by name
    :param values: of the parameters
    """
    found: list[Any] = []
    for start in range(0, len(values), QUERIES_PER_STATEMENT):
        part = values[start : start + QUERIES_PER_STATEMENT]
        named = {f"{name}_{i}": value for i, one in enumerate(part) for name, value in one.items()}
        found += session.execute(_statement(query, len(part)), named)
    return found


@cache  # to make it takes longer than to execute it
def _statement(query: Callable[[Parameter], Any], number: int) -> Any:
    def parameter(i: int) -> Parameter:
        return lambda name: bindparam(f"{name}_{i}")

    return union_all(*(select(query(parameter(i)).subquery()) for i in range(number)))


RUN = (
    DagRun.id,
    DagRun.dag_id,
    DagRun.run_id,
    DagRun.state,
    DagRun.run_after,
    DagRun.start_date,
    DagRun.end_date,
)


def last_runs(session: Session, dag_ids: list[str]) -> list[Any]:
    """
    The last run of each DAG, as Airflow's own list of DAGs orders them: by the time after which they may start. The
    run of a day's early tweets may start when that of the day before may, so then the one that was made last.
    """
    return _each(session, _last_run, [{"dag": dag_id} for dag_id in dag_ids])


def _last_run(value: Parameter) -> Any:
    return (
        select(*RUN).where(DagRun.dag_id == value("dag")).order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(1)
    )


def run(session: Session, dag_id: str, run_id: str) -> list[Any]:
    """A run, with the columns of `last_runs`; empty if there is none."""
    return list(session.execute(select(*RUN).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)))


def deployments(session: Session, dag_ids: list[str]) -> list[Any]:
    """
    The runs that may have an endpoint: deploy_endpoint has started, and delete_endpoint has left no result since.
    Somebody may have marked delete_endpoint, or cleared deploy_endpoint alone, so states tell nothing of an endpoint.
    """
    deploy, delete = aliased(TaskInstance), aliased(TaskInstance)
    may_have_one = or_(DagRun.state.in_(ACTIVE), DagRun.end_date >= datetime.now(UTC) - MAX_LIFE)
    is_deleted = exists().where(
        XComModel.dag_run_id == DagRun.id,
        XComModel.task_id == DELETE,
        XComModel.key == "return_value",
        XComModel.timestamp >= deploy.start_date,
    )
    query = (
        select(
            DagRun.id,
            DagRun.dag_id,
            DagRun.run_id,
            DagRun.state,
            DagRun.start_date,
            DagRun.end_date,
            deploy.state.label("deploy_state"),
            deploy.start_date.label("deployed_at"),
            delete.state.label("delete_state"),
        )
        .join(deploy, and_(_is_task_of_run(deploy, DEPLOY), deploy.state.in_(MAY_HAVE_CREATED)))
        .join(delete, _is_task_of_run(delete, DELETE))
        .where(DagRun.dag_id.in_(dag_ids), may_have_one)
        .where(not_(is_deleted))
        .order_by(deploy.start_date)
    )
    return list(session.execute(query))


def _is_task_of_run(task: Any, task_id: str) -> Any:
    return and_(task.dag_id == DagRun.dag_id, task.run_id == DagRun.run_id, task.task_id == task_id)


def last_sweep(session: Session) -> Any | None:
    """
    The newest scheduled run of the clean-up DAG that has succeeded, with id and start_date; None without one in a day.
    """
    query = select(DagRun.id, DagRun.start_date).where(
        DagRun.dag_id == SWEEP,
        DagRun.logical_date >= datetime.now(UTC) - timedelta(days=1),
        DagRun.run_type == "scheduled",  # somebody who triggers it may want a dry run
        DagRun.state == "success",
    )
    return session.execute(query.order_by(DagRun.start_date.desc()).limit(1)).first()


def questions(session: Session, dag_ids: list[str]) -> list[Any]:
    """Airflow's Required Actions that nobody has answered: dag_id, run_id, task_id, subject."""
    query = (
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, HITLDetail.subject)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id.in_(dag_ids), TaskInstance.state.in_(WAITING), HITLDetail.responded_at.is_(None))
        .order_by(TaskInstance.dag_id, HITLDetail.created_at)
    )
    return list(session.execute(query))


def xcoms(
    session: Session, run_ids: Iterable[int], task_ids: tuple[str, ...], keys: tuple[str, ...]
) -> dict[tuple[int, str, str], Any]:
    """Values by dag_run's id, task and key."""
    columns = (XComModel.dag_run_id, XComModel.task_id, XComModel.key, XComModel.value)
    query = select(*columns).where(
        XComModel.dag_run_id.in_(list(run_ids)),
        XComModel.task_id.in_(task_ids),
        XComModel.key.in_(keys),
        XComModel.map_index == -1,
    )
    return {(row.dag_run_id, row.task_id, row.key): XComModel.deserialize_value(row) for row in session.execute(query)}
