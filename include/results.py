"""What each task of a run returns, as it travels between tasks and into the report: small, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from pydantic import TypeAdapter

from include.evaluation.gate import Decision


@dataclass(frozen=True, slots=True)
class Result:
    """A task's result; its fields are plain values, so that Airflow's UI shows them and no class has to be trusted."""

    def to_xcom(self) -> dict[str, Any]:
        """As a task returns it."""
        return asdict(self)

    @classmethod
    def from_xcom(cls, value: Mapping[str, Any]) -> Self:
        """
        What `to_xcom` gave.

        :raises pydantic.ValidationError: the value is none of these
        """
        result: Self = TypeAdapter(cls).validate_python(value)
        return result


@dataclass(frozen=True, slots=True)
class Prepared(Result):
    """Of prepare_dataset."""

    training_request: dict[str, Any]
    """CreateTrainingJob's."""
    tuning_request: dict[str, Any]
    """CreateHyperParameterTuningJob's; empty unless tune is on."""
    data_uri: str
    """Folder in S3 of what was prepared: see `include.aws.dataset.PreparedData`."""
    dates: list[str]
    """Whose labelled tweets it holds, as 2026-01-31."""
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Attempt(Result):
    """A training or tuning job of this run that did not complete."""

    name: str
    status: str
    billable_seconds: int | None
    """None where AWS does not say them of a job that was given an instance."""


@dataclass(frozen=True, slots=True)
class Tuned(Result):
    """Of tune_model."""

    tuning_job_name: str
    training_job_name: str
    """The best training job."""
    validation_accuracy: float
    hyperparameters: dict[str, str]
    """Those that were tuned, of the best training job."""
    training_jobs: int
    """How many were billed."""
    billable_seconds: int
    """Of all training jobs together."""
    reused: bool
    """Another run made the job."""
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trained(Result):
    """Of train_model."""

    training_job_name: str
    model_uri: str
    image: str
    created_at: str
    """ISO 8601, UTC."""
    instance_type: str
    hyperparameters: dict[str, str]
    metrics: dict[str, float]
    """The job's final metrics by their names."""
    epochs: list[dict[str, Any]]
    """Validation accuracy by epoch: see `include.blazingtext.log`."""
    billable_seconds: int | None
    reused: bool
    """Another run made the job."""
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evaluated(Result):
    """Of evaluate_model."""

    decision: Decision
    evaluation_uri: str
    """evaluation.json in S3."""
    endpoint_request: dict[str, dict[str, Any]]
    """The three requests of a deployment."""
    smoke_tests: list[dict[str, Any]]
    """See `include.evaluation.smoke_tests`."""
    smoke_test_request: dict[str, Any]
    """InvokeEndpoint's body."""


@dataclass(frozen=True, slots=True)
class Registered(Result):
    """Of register_model."""

    model_package_arn: str
    version: int
    approval: str


@dataclass(frozen=True, slots=True)
class Deployed(Result):
    """Of deploy_endpoint; times are ISO 8601, UTC."""

    endpoint_name: str
    created_at: str
    deadline: str | None
    """None where somebody has removed its tag."""


@dataclass(frozen=True, slots=True)
class Deleted(Result):
    """Of delete_endpoint: resources as "endpoint retrain-aws-1"."""

    deleted: list[str]
    left_alone: list[str]
    """Somebody else's."""
    deleted_at: str
    """ISO 8601, UTC, by SageMaker's clock."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the tasks of one run have returned, as far as it has come. Each field is named as its task is."""

    prepare_dataset: Prepared | None = None
    tune_model: Tuned | None = None
    train_model: Trained | None = None
    evaluate_model: Evaluated | None = None
    register_model: Registered | None = None
    deploy_endpoint: Deployed | None = None
    smoke_test: list[dict[str, Any]] | None = None
    delete_endpoint: Deleted | None = None

    @classmethod
    def from_xcoms(cls, values: Mapping[str, Any]) -> Self:
        """
        :param values: by the tasks' ids; empty ones count for none
        """
        known = {task.name: values.get(task.name) or None for task in fields(cls)}
        results: Self = TypeAdapter(cls).validate_python(known)
        return results
