"""Tune hyperparameters, once for each fingerprint."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain.links import TuningJobLink
from hashtag_retrain.operators.once import SageMakerJobOnceOperator
from hashtag_retrain.operators.train import BESIDE_ITS_RUNTIME, has_artifact, time_until_stopped
from hashtag_retrain.triggers.job import TuningJobTrigger
from include.aws.console import Console
from include.aws.resources import TUNING_JOB

if TYPE_CHECKING:
    from airflow.sdk import Context


class SageMakerTuneOnceOperator(SageMakerJobOnceOperator, SageMakerTuningOperator):
    """
    Start a tuning job, unless one with the same name has completed or is running (see SageMakerJobOnceOperator).

    :param config: CreateHyperParameterTuningJob's request (templated); if it is empty, the task is skipped
    :param check_interval: seconds between two polls
    :return: TuningJobTrigger's result
    """

    kind = TUNING_JOB
    trigger_class = TuningJobTrigger
    page_of = Console.tuning_job
    operator_extra_links = (TuningJobLink(),)

    def __init__(self, *, config: Any, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(config=config, deferrable=True, **kwargs)
        self.check_interval = check_interval

    def execute(self, context: Context, event: Any = None) -> Any:
        if not self.config:
            self.log.info("tune is off.")
            raise AirflowSkipException("tune is off, so train_model trains one model with the given hyperparameters.")
        return super().execute(context, event)

    def max_wait(self) -> timedelta:
        limits = self.config["HyperParameterTuningJobConfig"]["ResourceLimits"]
        rounds: int = -(-limits["MaxNumberOfTrainingJobs"] // limits["MaxParallelTrainingJobs"])
        return rounds * time_until_stopped(self.config["TrainingJobDefinition"]) + BESIDE_ITS_RUNTIME

    def is_usable(self, job: dict[str, Any]) -> bool:
        best = job.get("BestTrainingJob")
        return best is not None and has_artifact(self, self.hook.describe_training_job(best["TrainingJobName"]))
