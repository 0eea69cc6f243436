"""Whole runs of a hashtag's DAG in this process, as a user of IAM who may do what the product's policies say."""

import csv
import io
import itertools
import json
import logging
import os
import random
import sys
import time
from typing import Any

import pytest
import requests
from airflow.sdk import DAG

from hashtag_retrain.links import ReportLink
from include.config.names import Keys, run_name
from include.live.promotion import Clients
from include.live.retirement import Retirement
from include.report.failures import FAILURE
from tests.conftest import REPOSITORY
from tests.live.promotions import finish
from tests.users import User, airflow_user

__all__ = ["airflow_user", "live", "on_glue", "quick_loop", "run_dag", "synced_when_changed", "upload"]
_numbers = itertools.count(1)
TECHNICAL = ("lambda", "kernel", "latency", "iam", "vpc", "deploy")
MARKETING = ("webinar", "coupon", "discount", "offer", "register", "sponsor")
QUICK = {"epochs": 10, "buckets": 1000, "keep_endpoint_minutes": 0.001}


class Run:
    """A finished run: its state, its tasks' states, its report, and what it left in SageMaker."""

    def __init__(self, dag_run: Any, storage: Any, sagemaker: Any, keys: Keys):
        self.state = str(dag_run.state)
        self.tasks = {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}
        self.run_id = dag_run.run_id
        self.name = run_name(f"{storage.bucket}/twitter-data", dag_run.dag_id, dag_run.run_id)
        self._storage, self._sagemaker, self._keys = storage, sagemaker, keys

    @property
    def report(self) -> dict[str, Any]:
        return self._storage.read_json(self._keys.run(self.name) + "report.json")

    @property
    def messages(self) -> list[str]:
        return self.messages_of(self.run_id)

    @staticmethod
    def messages_of(run_id: str) -> list[str]:
        """Of a run's failed tasks, as notices and the report tell them."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            found = session.scalars(XComModel.get_many(key=FAILURE, run_id=run_id)).all()
            return [XComModel.deserialize_value(one) for one in found]

    @property
    def page_url(self) -> str:
        return self._storage.browser_url(self._keys.run(self.name) + "report.html")

    @property
    def page(self) -> str:
        """The report as a browser gets it."""
        response = requests.get(self.page_url, timeout=5)
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        return response.text

    def link(self, task_id: str) -> str:
        """Where the task's link in Airflow's UI leads."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            query = XComModel.get_many(key=ReportLink().xcom_key, run_id=self.run_id, task_ids=[task_id])
            return XComModel.deserialize_value(session.scalars(query).one())

    @property
    def events(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Key and extra of the run's asset events, by the kind of the asset."""
        from airflow.models.asset import AssetEvent, AssetModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            query = select(AssetModel.name, AssetEvent.partition_key, AssetEvent.extra).join(
                AssetModel, AssetModel.id == AssetEvent.asset_id
            )
            events = session.execute(query.where(AssetEvent.source_run_id == self.run_id)).all()
        return {name.partition(".")[2]: (key, extra) for name, key, extra in events}

    @property
    def endpoints(self) -> list[str]:
        found = self._sagemaker.list_endpoints(NameContains=self.name)["Endpoints"]
        return [endpoint["EndpointName"] for endpoint in found]

    @property
    def left(self) -> list[str]:
        client = self._sagemaker
        return [
            *(e["EndpointName"] for e in client.list_endpoints(NameContains=self.name)["Endpoints"]),
            *(e["EndpointConfigName"] for e in client.list_endpoint_configs(NameContains=self.name)["EndpointConfigs"]),
            *(e["ModelName"] for e in client.list_models(NameContains=self.name)["Models"]),
        ]


@pytest.fixture
def upload(storage):
    """Put labelled rows where the pipeline looks for them."""

    def put(rows: list[tuple[str, str]], date: str, hashtag: str = "aws") -> None:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        storage._client.put_object(
            Bucket=storage.bucket, Key=f"{Keys('twitter-data', hashtag, date).tweets}/part-0.csv", Body=text.getvalue()
        )

    return put


@pytest.fixture
def quick_loop(monkeypatch):
    """The loop of dag.test() sleeps a second whenever tasks are to be skipped: here not."""
    sleep, looping = time.sleep, DAG.test.__code__.co_filename

    def sleep_unless_looping(seconds: float) -> None:
        if sys._getframe(1).f_code.co_filename != looping:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep_unless_looping)


@pytest.fixture(scope="module")
def synced_when_changed():
    """Each dag.test() parses all DAG files and writes the DAGs to the database: a sixth of its time."""
    from airflow.dag_processing import dagbag

    parse, sync, synced = dagbag.BundleDagBag, dagbag.sync_bag_to_db, []

    def parse_if_changed(**folder: Any) -> Any:
        file = os.environ.get("RETRAIN_HASHTAGS_FILE")
        if synced != [file]:
            synced[:] = [file]
            return parse(**folder)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dagbag, "BundleDagBag", parse_if_changed)
        patch.setattr(dagbag, "sync_bag_to_db", lambda bag, *bundle: bag and sync(bag, *bundle))
        yield


@pytest.fixture
def run_dag(
    airflow_database, local_aws, storage, client, airflow_user: User, quick_loop, synced_when_changed, monkeypatch
):
    """Run a hashtag's DAG to its end, in this process, without retries. A task that waits is deferred after a while."""
    monkeypatch.delenv("RETRAIN_SECONDS_BEFORE_DEFERRAL", raising=False)
    from airflow.dag_processing.dagbag import DagBag

    def run(date: str, hashtag: str = "aws", **parameters: Any) -> Run:
        dag = DagBag(str(REPOSITORY / "dags" / "retrain_hashtag.py")).dags[f"retrain_{hashtag}"]
        for task in dag.tasks:
            task.retries = 0
        dag.deadline = None  # Airflow's dag.test() takes the alert itself for its id in the database, and fails
        with airflow_user.signs():
            dag_run = dag.test(run_conf={**QUICK, "date": date, **parameters})
        return Run(dag_run, storage, client("sagemaker"), Keys("twitter-data", hashtag, date))

    return run


@pytest.fixture
def on_glue(glue, monkeypatch, tmp_path):
    """#aws is prepared by a Glue job."""
    entry = {"labels": {"0": "technical", "1": "marketing"}, "prepare_on": "glue"}
    (tmp_path / "hashtags.yaml").write_text(json.dumps({"aws": entry}))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))


@pytest.fixture
def live(monkeypatch, tmp_path, client, settings, sagemaker):
    """A hashtag with a live endpoint, which is turned off after the test."""
    name = f"live_{next(_numbers)}"
    entry = {"labels": {"0": "technical", "1": "marketing"}, "live": True, "live_baking_minutes": 60}
    (tmp_path / "hashtags.yaml").write_text(json.dumps({name: entry}))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    yield name
    clients = Clients(sagemaker, client("sagemaker-runtime"), client("cloudwatch"))
    finish(Retirement(clients, name, settings.deployment, logging.getLogger("off")))


def tweets(count: int = 400, noise: bool = False) -> list[tuple[str, str]]:
    """Rows whose label can be told from their words, unless they are noise."""
    chance = random.Random(next(_numbers))
    rows = []
    for number in range(count):
        label = chance.choice("01")
        words = TECHNICAL if label == "0" else MARKETING
        words = chance.choices(TECHNICAL + MARKETING if noise else words, k=4)
        rows.append((label, f"{chance.random()} {number} {' '.join(words)}"))
    return rows


def some_frequent_and_many_rare_words() -> list[tuple[str, str]]:
    """Half of the tweets tell their label by one frequent word, the others by one of thirty rare ones."""
    chance = random.Random(next(_numbers))
    rows = []
    for number in range(800):
        label = chance.choice("01")
        rare = f"rare{label}x{chance.randrange(30)}"
        rows.append((label, f"{number}a {('kernel', 'coupon')[int(label)] if number % 2 else rare}"))
    return rows
