"""
The results of a run's tasks, as they are passed to other tasks and to the report. They are small JSON values.

They are pydantic's dataclasses, so each task finds their validators made: its parent has imported this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field, fields
from typing import Any, Literal, Self

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from include.evaluation.gate import Decision

CURRENT_DEADLINE = "deadline"
"""Key of hold_endpoint's XCom with the deadline of the endpoint (ISO 8601), which people can move."""
ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")
"""States of a task that does not run again unless somebody clears it."""
LISTED = "live_endpoints"
"""Key of list_live_endpoints' XCom with all live endpoints, which the page *Hashtags* shows."""


Promotion = Literal["created", "updated", "already live", "rolled back"]
"""What became of a version that was to be served by the live endpoint."""


@dataclass(frozen=True, slots=True)
class Result:
    """A task's result. Tasks return plain values, so Airflow's UI can show them, and no class must be deserialised."""

    def to_xcom(self) -> dict[str, Any]:
        """The dictionary that the task returns."""
        return asdict(self)

    @classmethod
    def from_xcom(cls, value: Mapping[str, Any]) -> Self:
        """
        The result from a dictionary that `to_xcom` has returned.

        :raises pydantic.ValidationError: it is another value
        """
        result: Self = TypeAdapter(cls).validate_python(value)
        return result


@dataclass(frozen=True, slots=True)
class Prepared(Result):
    """The result of prepare_dataset."""

    training_request: dict[str, Any]
    """CreateTrainingJob's request."""
    tuning_request: dict[str, Any]
    """CreateHyperParameterTuningJob's request; empty unless tune is on."""
    data_uri: str
    """The folder of the prepared data in S3: see `include.aws.dataset.PreparedData`."""
    dates: list[str]
    """The dates of the labelled tweets, like 2026-01-31."""
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Attempt(Result):
    """A training or tuning job of this run that did not complete."""

    name: str
    status: str
    billable_seconds: int | None
    """None if AWS does not report them, although the job had an instance."""


@dataclass(frozen=True, slots=True)
class Tuned(Result):
    """The result of tune_model."""

    tuning_job_name: str
    training_job_name: str
    """The best training job."""
    validation_accuracy: float
    hyperparameters: dict[str, str]
    """The tuned hyperparameters of the best training job."""
    training_jobs: int
    """The number of training jobs. AWS bills all of them."""
    billable_seconds: int
    """The sum over all training jobs."""
    reused: bool
    """Another run made the job."""
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trained(Result):
    """The result of train_model."""

    training_job_name: str
    model_uri: str
    image: str
    created_at: str
    """ISO 8601, UTC."""
    instance_type: str
    hyperparameters: dict[str, str]
    metrics: dict[str, float]
    """The job's final metrics by name."""
    epochs: list[dict[str, Any]]
    """Validation accuracy by epoch: see `include.blazingtext.log`."""
    billable_seconds: int | None
    reused: bool
    """Another run made the job."""
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evaluated(Result):
    """The result of evaluate_model."""

    decision: Decision
    evaluation_uri: str
    """The URI of evaluation.json."""
    endpoint_request: dict[str, dict[str, Any]]
    """The three requests for the deployment: Model, EndpointConfig, Endpoint."""
    smoke_tests: list[dict[str, Any]]
    """See `include.evaluation.smoke_tests`."""
    smoke_test_request: dict[str, Any]
    """InvokeEndpoint's body."""


@dataclass(frozen=True, slots=True)
class Registered(Result):
    """The result of register_model."""

    model_package_arn: str
    version: int
    approval: str
    accuracy: float
    """On the test split, as the other figures."""
    accuracy_interval: list[float]
    majority_accuracy: float
    test_tweets: int
    training_job: str
    report_url: str
    """For a browser, as the next one."""
    registry_url: str


@dataclass(frozen=True, slots=True)
class Deployed(Result):
    """The result of deploy_endpoint. Times are ISO 8601 in UTC."""

    endpoint_name: str
    created_at: str
    deadline: str | None
    """None if somebody has removed the tag."""


@dataclass(frozen=True, slots=True)
class Promoted(Result):
    """The result of promote_model."""

    endpoint_name: str
    version: int
    """That was to serve."""
    status: Promotion
    serving_version: int | None
    """That serves now; None if its configuration does not say so."""
    previous_version: int | None = None
    """That served before; None if there was none, or if it served already."""
    reason: str = ""
    """That it was rolled back, and why: the alarm that tripped, with its figures."""

    def __str__(self) -> str:
        if self.status == "rolled back":
            serves = f"version {self.serving_version}" if self.serving_version else "the model of before"
            return f"{self.reason} {self.endpoint_name} serves {serves} now."
        if self.status == "already live":
            return f"{self.endpoint_name} serves version {self.version} already."
        before = f" Before it served version {self.previous_version}." if self.previous_version else ""
        return f"{self.endpoint_name} was {self.status}, and serves version {self.version}.{before}"


@dataclass(frozen=True, slots=True)
class Deleted(Result):
    """The result of delete_endpoint. Resources are named like "endpoint retrain-aws-1"."""

    deleted: list[str]
    left_alone: list[str]
    """They belong to somebody else."""
    deleted_at: str
    """ISO 8601, UTC, by SageMaker's clock."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the tasks of one run have returned so far. Each field has the name of its task."""

    prepare_dataset: Prepared | None = None
    tune_model: Tuned | None = None
    train_model: Trained | None = None
    evaluate_model: Evaluated | None = None
    register_model: Registered | None = None
    deploy_endpoint: Deployed | None = None
    smoke_test: list[dict[str, Any]] | None = None
    promote_model: Promoted | None = None
    delete_endpoint: Deleted | None = None

    @classmethod
    def task_ids(cls) -> list[str]:
        return [task.name for task in fields(cls)]

    @classmethod
    def from_xcoms(cls, values: Mapping[str, Any]) -> Self:
        """
        :param values: results by task id; an empty one counts as no result
        """
        known = {task_id: values.get(task_id) or None for task_id in cls.task_ids()}
        results: Self = TypeAdapter(cls).validate_python(known)
        return results
