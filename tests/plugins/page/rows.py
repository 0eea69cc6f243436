"""Rows of Airflow's database as the runs of hashtags leave them, for the page's tests and its benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

from airflow.models import DagModel, DagRun, TaskInstance
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.hitl import HITLDetail
from airflow.models.xcom import XComModel
from sqlalchemy import and_, delete, insert, select
from sqlalchemy.orm import Session

from include.config.names import dag_id_of

BUNDLE = "page"
RUN_TIME = timedelta(minutes=20)
SWEEP = "sweep_endpoints"


@dataclass
class Rows:
    """Adds rows to a session. Each method is about one hashtag."""

    session: Session
    assets: dict[str, int] = field(default_factory=dict)

    def add_dag(self, hashtag: str, **columns: Any) -> str:
        """Return the DAG's id."""
        dag_id = dag_id_of(hashtag)
        if self.session.get(DagBundleModel, BUNDLE) is None:
            self.session.execute(insert(DagBundleModel).values(name=BUNDLE, active=True))
        more = {"owners": "airflow", "is_paused": False, "is_stale": False, "fileloc": "f", **columns}
        required: dict[str, Any] = {"bundle_name": BUNDLE, "max_active_tasks": 16}
        required |= {"max_consecutive_failed_dag_runs": 0, "has_task_concurrency_limits": False}
        self.session.execute(insert(DagModel).values(dag_id=dag_id, **required, **more))
        return dag_id

    def add_run(self, hashtag: str, date: str, state: str = "success", **columns: Any) -> str:
        """A scheduled run about a date, which it starts at the date's end. Return its id."""
        row = self.run_row(hashtag, date, state=state, **columns)
        self.session.execute(insert(DagRun.__table__).values(**row))
        return str(row["run_id"])

    def run_row(self, hashtag: str, date: str, **columns: Any) -> dict[str, Any]:
        logical = datetime.fromisoformat(date).replace(tzinfo=UTC)
        start = columns.pop("start_date", logical + timedelta(days=1))
        ended = columns.get("state", "success") in {"success", "failed"}
        return {
            "dag_id": dag_id_of(hashtag),
            "run_id": f"scheduled__{date}",
            "run_type": "scheduled",
            "state": "success",
            "logical_date": logical,
            "run_after": logical + timedelta(days=1),
            "start_date": start,
            "end_date": start + RUN_TIME if ended else None,
            "clear_number": 0,
            "span_status": "not_started",
            **columns,
        }

    def add_event(self, hashtag: str, kind: str, date: str, extra: dict[str, Any], **columns: Any) -> None:
        """An event of a date's scheduled run, unless `source_run_id` says another one."""
        self.session.execute(insert(AssetEvent).values(**self.event_row(hashtag, kind, date, extra, **columns)))

    def event_row(self, hashtag: str, kind: str, date: str, extra: dict[str, Any], **columns: Any) -> dict[str, Any]:
        if "timestamp" not in columns:
            columns["timestamp"] = datetime.fromisoformat(date).replace(tzinfo=UTC) + timedelta(days=1) + RUN_TIME / 2
        return {
            "asset_id": self.asset(f"{dag_id_of(hashtag)}.{kind}"),
            "extra": extra,
            "partition_key": date,
            "source_dag_id": dag_id_of(hashtag),
            "source_run_id": f"scheduled__{date}",
            "source_map_index": -1,
            **columns,
        }

    def asset(self, name: str) -> int:
        """The id of an asset, which is made if there is none."""
        if name not in self.assets:
            now = datetime.now(UTC)
            values = {"name": name, "uri": name, "group": "asset", "extra": {}, "created_at": now, "updated_at": now}
            self.session.execute(insert(AssetModel).values(**values))
            self.assets[name] = self.session.scalars(select(AssetModel.id).where(AssetModel.name == name)).one()
        return self.assets[name]

    def add_task(self, hashtag: str, run_id: str, task_id: str, state: str | None, **columns: Any) -> UUID:
        """Return the task instance's id."""
        row = task_row(hashtag, run_id, task_id, state, **columns)
        self.session.execute(insert(TaskInstance).values(**row))
        found: UUID = row["id"]
        return found

    def add_xcom(
        self, hashtag: str, run_id: str, task_id: str, key: str, value: Any, dag_id: str | None = None
    ) -> None:
        dag_id = dag_id or dag_id_of(hashtag)
        is_task = and_(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
        if self.session.scalars(select(TaskInstance.id).where(is_task)).first() is None:
            self.add_task(hashtag, run_id, task_id, "success", dag_id=dag_id)
        run = self.session.scalars(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
        values = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "key": key, "value": value}
        self.session.execute(
            insert(XComModel).values(dag_run_id=run, map_index=-1, timestamp=datetime.now(UTC), **values)
        )

    def add_question(self, task_instance: UUID, subject: str, **columns: Any) -> None:
        values = {"ti_id": task_instance, "subject": subject, "options": ["yes"], "params": {}, "params_input": {}}
        self.session.execute(insert(HITLDetail).values(created_at=datetime.now(UTC), **values, **columns))

    def remove(self) -> None:
        """Remove all rows that were added."""
        dag_ids = list(self.session.scalars(select(DagModel.dag_id).where(DagModel.bundle_name == BUNDLE)))
        self.session.execute(delete(AssetEvent).where(AssetEvent.asset_id.in_(list(self.assets.values()))))
        self.session.execute(delete(AssetModel).where(AssetModel.id.in_(list(self.assets.values()))))
        # Task instances, XComs and questions go with the runs.
        self.session.execute(delete(DagRun).where(DagRun.dag_id.in_([*dag_ids, SWEEP])))
        self.session.execute(delete(DagModel).where(DagModel.dag_id.in_(dag_ids)))

    def add_dates(self, hashtags: Iterable[str], dates: Iterable[str], first_version: int = 1, **run: Any) -> None:
        """Runs of each hashtag about these dates, each with a model and a report."""
        runs, events = [], []
        for hashtag, (version, date) in product(hashtags, list(enumerate(dates, start=first_version))):
            row = self.run_row(hashtag, date, **run)
            accuracy = 0.8 + 0.15 * ((version * 7919) % 100) / 100
            shared = {"source_run_id": row["run_id"], "timestamp": row["start_date"] + RUN_TIME / 2}
            runs.append(row)
            events += [
                self.event_row(hashtag, "model_version", date, model_extra(date, version, accuracy), **shared),
                self.event_row(hashtag, "report", date, report_extra(date, accuracy, version=version), **shared),
            ]
        self.session.execute(insert(DagRun.__table__), runs)
        self.session.execute(insert(AssetEvent), events)


def task_row(hashtag: str, run_id: str, task_id: str, state: str | None, **columns: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "dag_id": dag_id_of(hashtag),
        "run_id": run_id,
        "task_id": task_id,
        "map_index": -1,
        "state": state,
        "pool": "default_pool",
        "pool_slots": 1,
        "priority_weight": 1,
        "try_number": 1,
        "max_tries": 0,
        "start_date": datetime.now(UTC),
        "executor_config": {},
        **columns,
    }


def model_extra(date: str, version: int, accuracy: float | None = 0.9, **more: Any) -> dict[str, Any]:
    """The extra of an event of `model_version`."""
    return {
        "date": date,
        "version": version,
        "model_package_arn": f"arn:aws:sagemaker:us-east-1:123456789012:model-package/retrain-aws/{version}",
        "approval": "Approved",
        **_figures(accuracy),
        "training_job": f"retrain-aws-{date}-0123456789ab",
        "report_url": f"https://aws.example/{date}/report.html",
        "registry_url": "https://aws.example/registry",
        **more,
    }


def report_extra(date: str, accuracy: float | None = 0.9, version: int | None = 1, **more: Any) -> dict[str, Any]:
    """The extra of an event of `report`."""
    return {
        "date": date,
        "status": "deployed",
        "outcome": f"Deployed: accuracy {accuracy or 0:.1%}, majority 60.0%.",
        **_figures(accuracy),
        "champion": {"version": version, "date": date, "accuracy": accuracy, "accuracy_interval": None}
        if version
        else None,
        "report_url": f"https://aws.example/{date}/report.html",
        **more,
    }


def _figures(accuracy: float | None) -> dict[str, Any]:
    if accuracy is None:
        return dict.fromkeys(("accuracy", "accuracy_interval", "majority_accuracy", "test_tweets"))
    interval = [accuracy - 0.04, min(1.0, accuracy + 0.03)]
    return {"accuracy": accuracy, "accuracy_interval": interval, "majority_accuracy": 0.6, "test_tweets": 251}


def dates_from(first: str, number: int) -> list[str]:
    """So many dates one after the other."""
    start = datetime.fromisoformat(first)
    return [f"{start + timedelta(days=n):%Y-%m-%d}" for n in range(number)]
