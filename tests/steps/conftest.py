"""The Python tasks of one run after each other, as plain functions on the local AWS. Airflow is not needed for them."""

import itertools
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from include.aws.dataset import PreparedData
from include.aws.storage import Storage
from include.blazingtext.hyperparameters import HYPERPARAMETERS
from include.config.names import Keys
from include.results import Trained
from include.steps.evaluate_model import evaluate_model
from include.steps.prepare_dataset import prepare_dataset
from include.steps.record_outcome import record_outcome
from include.steps.register_model import register_model
from tests.conftest import IMAGE, ROLE_ARN, archive_of
from tests.tweets.test_prepare import some_rows

DATE = "2026-01-07"
LABELS = {"0": "technical", "1": "marketing"}
WORDS = {"0": "kernel", "1": "coupon"}
PARAMS = {
    **{name: hyperparameter.recommended for name, hyperparameter in HYPERPARAMETERS.items()},
    "window_days": 7,
    "training_instance_type": "ml.c5.xlarge",
    "endpoint_instance_type": "ml.t2.medium",
    "tune": False,
    "tuning_jobs": 2,
    "deploy": "auto",
    "min_gain": 0.0,
    "min_test_tweets": 10,
    "gate_metric": "accuracy",
}
_numbers = itertools.count(1)


class TaskInstance(SimpleNamespace):
    """What the tasks ask of Airflow: the states of the run's tasks, their XComs, and where the run is shown."""

    def __init__(self, run: "Run", task_id: str):
        super().__init__(run=run, task_id=task_id, dag_id=f"retrain_{run.keys.hashtag}", run_id="manual__1")
        self.log_url = f"http://airflow/dags/{self.dag_id}/runs/manual__1/tasks/{task_id}"

    def get_task_states(self, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str | None]]:
        return {"manual__1": {**self.run.states, self.task_id: "running"}}

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.run.xcoms.get((task_ids, key))

    def xcom_push(self, key: str, value: Any) -> None:
        self.run.xcoms[self.task_id, key] = value

    def get_template_context(self) -> dict[str, Any]:
        return {"dag_run": SimpleNamespace(start_date=datetime(2026, 1, 8, tzinfo=UTC))}


class Run:
    """A run about a date of a hashtag. Each method runs one task, and keeps its result and its state."""

    def __init__(self, storage: Storage, folder: Any, date: str = DATE, hashtag: str = "", **params: Any):
        self.keys = Keys("twitter-data", hashtag or f"steps{next(_numbers)}", date)
        self.storage, self.folder, self.params = storage, folder, {**PARAMS, **params}
        self.name = f"{self.keys.hashtag}-{date}"
        self.states: dict[str, str | None] = {}
        self.xcoms: dict[tuple[str, str], Any] = {}

    def upload(self, *more: str, date: str | None = None, count: int = 300) -> None:
        """Tweets whose label one word tells; and more lines."""
        lines = [f"{label},{text} {WORDS[label]}" for label, text in some_rows(count)]
        key = Keys(self.keys.prefix, self.keys.hashtag, date or self.keys.date).tweets
        self.storage.write_bytes("\n".join([*lines, *more, ""]).encode(), f"{key}/part-0.csv")

    def prepare(self, owner: str = "owner", **preparation: Any) -> dict[str, Any]:
        return self._run(prepare_dataset, owner=owner, preparation={"labels": LABELS, **preparation})

    def train(self, lines: bytes | None = None) -> dict[str, Any]:
        """What train_model would return, of a model that is trained here on the train split, or on other lines."""
        prepared = self.xcoms["prepare_dataset", "return_value"]
        request = prepared["training_request"]
        channel = self.storage.key_of(PreparedData(prepared["data_uri"]).file("train"))
        lines = lines or self.storage._client.get_object(Bucket=self.storage.bucket, Key=channel)["Body"].read()
        job = request["TrainingJobName"]
        key = f"{self.keys.models}/{job}/output/model.tar.gz"
        result = Trained(
            training_job_name=job,
            model_uri=self.storage.write_bytes(archive_of(lines, self.folder), key),
            image=IMAGE,
            created_at=datetime.now(UTC).isoformat(),
            instance_type="ml.c5.xlarge",
            hyperparameters=request["HyperParameters"],
            metrics={},
            epochs=[],
            billable_seconds=60,
            reused=False,
        )
        return self.keep("train_model", result.to_xcom())

    def evaluate(self) -> dict[str, Any]:
        return self._run(
            evaluate_model, labels=LABELS, **self._results(prepared="prepare_dataset", trained="train_model")
        )

    def register(self) -> dict[str, Any]:
        results = self._results(prepared="prepare_dataset", evaluated="evaluate_model", trained="train_model")
        return self._run(register_model, with_params=False, **results)

    def record(self) -> dict[str, Any]:
        return self._run(record_outcome)

    @property
    def report(self) -> dict[str, Any]:
        return self.storage.read_json(self.keys.run(self.name) + "report.json")

    def keep(self, task_id: str, result: Any, state: str = "success") -> Any:
        self.xcoms[task_id, "return_value"], self.states[task_id] = result, state
        return result

    def _results(self, **tasks: str) -> dict[str, Any]:
        return {name: self.xcoms[task_id, "return_value"] for name, task_id in tasks.items()}

    def _run(self, step: Any, with_params: bool = True, **arguments: Any) -> Any:
        params = {"params": self.params} if with_params else {}
        ti = TaskInstance(self, step.__name__)
        result = step(self.keys.hashtag, self.keys.date, self.name, ti=ti, **params, **arguments)
        return self.keep(step.__name__, result)


@pytest.fixture
def run(storage, settings, tmp_path, monkeypatch):
    """A run whose date has tweets."""
    monkeypatch.setenv("RETRAIN_TRAINING_IMAGE", IMAGE)
    run = Run(storage, tmp_path)
    run.upload()
    return run


@pytest.fixture(scope="module")
def evaluated(client, tmp_path_factory):
    """A run with an evaluated model, for tests that only look at what it has left."""
    bucket = f"steps-{next(_numbers)}"
    client("s3").create_bucket(Bucket=bucket)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"BUCKET": bucket, "ROLE_ARN": ROLE_ARN, "TRAINING_IMAGE": IMAGE}.items():
            patch.setenv(f"RETRAIN_{name}", value)
        run = Run(Storage(client("s3"), bucket), tmp_path_factory.mktemp("model"))
        run.upload()
        run.prepare()
        run.train()
        run.evaluate()
        yield run
