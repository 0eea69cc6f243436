"""Tune hyperparameters, once for each fingerprint."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.operators.once import SageMakerJobOnceOperator
from hashtag_retrain.resources import TUNING_JOB
from hashtag_retrain.triggers.job import TuningJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class SageMakerTuneOnceOperator(SageMakerJobOnceOperator, SageMakerTuningOperator):
    """
    Start a hyperparameter tuning job, unless one of the same name is done or running (see SageMakerJobOnceOperator).

    :param config: CreateHyperParameterTuningJob's request (templated); where it is empty the task is skipped
    :param check_interval: seconds between two looks at the job
    :return: the names of the tuning job and of its best training job, that one's objective and tuned hyperparameters,
        the number of training jobs, their billable seconds together, and whether another run has made them
    """

    kind = TUNING_JOB
    trigger_class = TuningJobTrigger

    def __init__(self, *, config: Any, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(config=config, deferrable=True, **kwargs)
        self.check_interval = check_interval

    def execute(self, context: Context) -> Any:
        if not self.config:
            # For who looks for a result: that there is none would be an error in that task's log.
            context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value={})
            raise AirflowSkipException("tune is off: one training job with the given hyperparameters follows.")
        return super().execute(context)

    def result(self, name: str) -> dict[str, Any]:
        client = self.hook.get_conn()
        job = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        best = job["BestTrainingJob"]
        billable = self._billable_seconds(client, name)
        result = {
            "tuning_job_name": name,
            "training_job_name": best["TrainingJobName"],
            "validation_accuracy": best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            "hyperparameters": best["TunedHyperParameters"],
            "training_jobs": len(billable),
            "billable_seconds": sum(billable),
            "reused": self.is_reused(client, job),
        }
        self.log.info("The best of %s training jobs: %s", len(billable), result)
        return result

    def patience(self) -> timedelta:
        limits = self.config["HyperParameterTuningJobConfig"]["ResourceLimits"]
        rounds = -(-limits["MaxNumberOfTrainingJobs"] // limits["MaxParallelTrainingJobs"])
        runtime = self.config["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"]
        # Beside their runtimes, jobs wait for instances, download and upload.
        return timedelta(seconds=rounds * runtime) + timedelta(hours=1)

    def is_usable(self, job: dict[str, Any]) -> bool:
        best = self.hook.describe_training_job(job["BestTrainingJob"]["TrainingJobName"])
        hook = S3Hook(**hook_arguments(self))
        exists: bool = hook.check_for_key(best["ModelArtifacts"]["S3ModelArtifacts"])
        return exists

    def _billable_seconds(self, client: Any, name: str) -> list[int]:
        """Of each training job; those that failed are billed, too."""
        pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name
        )
        names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
        return [client.describe_training_job(TrainingJobName=job).get("BillableTimeInSeconds", 0) for job in names]
