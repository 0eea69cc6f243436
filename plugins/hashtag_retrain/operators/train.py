"""Train a model, once for each fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.links import TrainingJobLink, TrainingLogLink
from hashtag_retrain.operators.once import SageMakerJobOnceOperator
from hashtag_retrain.triggers.job import LOG_GROUP, TrainingJobTrigger
from hashtag_retrain.triggers.polling import wait_for
from include.aws.console import LOG, Console
from include.aws.resources import TRAINING_JOB

if TYPE_CHECKING:
    from airflow.sdk import Context

BESIDE_ITS_RUNTIME = timedelta(hours=1)
"""The time in which a job waits for an instance, downloads and uploads."""


class SageMakerTrainOnceOperator(SageMakerJobOnceOperator, SageMakerTrainingOperator):
    """
    Start a training job, unless one with the same name has completed or is running (see SageMakerJobOnceOperator).

    :param config: CreateTrainingJob's request (templated). Its StoppingCondition also limits how long the task waits.
    :param tuned: the result of SageMakerTuneOnceOperator; if there is one, its best training job is used (templated)
    :param check_interval: seconds between two polls
    :return: TrainingJobTrigger's result
    """

    kind = TRAINING_JOB
    trigger_class = TrainingJobTrigger
    page_of = Console.training_job
    operator_extra_links = (TrainingJobLink(), TrainingLogLink())
    get_openlineage_facets_on_complete = None  # the provider's reads what its own execute has left; see lineage.py
    template_fields: Sequence[str] = (*SageMakerTrainingOperator.template_fields, "tuned")

    def __init__(self, *, config: Any, tuned: Any = None, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(config=config, check_interval=check_interval, deferrable=True, print_log=False, **kwargs)
        self.tuned = tuned

    def execute(self, context: Context, event: Any = None) -> Any:
        if self.tuned and event is None:
            self.log.info("Using the best training job of the tuning job %s", self.tuned["tuning_job_name"])
            name, seconds = self.tuned["training_job_name"], self.max_wait().total_seconds()
            self.link(context, name)
            trigger = TrainingJobTrigger(name, self._tags, seconds, self.check_interval, hook_arguments(self))
            return wait_for(trigger, self, context)
        return super().execute(context, event)

    def link(self, context: Context, name: str) -> None:
        super().link(context, name)
        log = Console.of(self.hook.get_conn()).log(LOG_GROUP, f"{name}/")
        context["ti"].xcom_push(key=LOG, value=log)

    def max_wait(self) -> timedelta:
        return time_until_stopped(self.config) + BESIDE_ITS_RUNTIME

    def is_usable(self, job: dict[str, Any]) -> bool:
        return has_artifact(self, job)


def time_until_stopped(training: Mapping[str, Any]) -> timedelta:
    """
    How long SageMaker lets a job run; of a job on spot instances, how long it lets it wait and run.

    :param training: CreateTrainingJob's request, or the definition of a tuning's training jobs
    """
    condition = training["StoppingCondition"]
    return timedelta(seconds=condition.get("MaxWaitTimeInSeconds", condition["MaxRuntimeInSeconds"]))


def has_artifact(operator: Any, job: dict[str, Any]) -> bool:
    """Whether the artifact of a training job still exists."""
    exists: bool = S3Hook(**hook_arguments(operator)).check_for_key(job["ModelArtifacts"]["S3ModelArtifacts"])
    return exists
