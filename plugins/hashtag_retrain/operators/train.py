"""Train, once for each fingerprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.operators.once import SageMakerJobOnceOperator
from hashtag_retrain.resources import TRAINING_JOB
from hashtag_retrain.triggers.job import TrainingJobTrigger
from include.blazingtext.training_log import accuracy_by_epoch

if TYPE_CHECKING:
    from airflow.sdk import Context

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
LOG_LINES = 200


class SageMakerTrainOnceOperator(SageMakerJobOnceOperator, SageMakerTrainingOperator):
    """
    Start a training job, unless one of the same name is done or running (see SageMakerJobOnceOperator).

    :param config: CreateTrainingJob's request (templated). Its StoppingCondition bounds the waiting as well.
    :param tuned: what SageMakerTuneOnceOperator returned; its best training job is taken instead (templated)
    :param check_interval: seconds between two looks at the job
    :return: the job's name, its artifact, image, hyperparameters, metrics, validation accuracy by epoch and billable
        seconds, and whether it is reused, that is, carries other tags than this run's
    """

    kind = TRAINING_JOB
    trigger_class = TrainingJobTrigger
    template_fields: Sequence[str] = (*SageMakerTrainingOperator.template_fields, "tuned")

    def __init__(self, *, config: Any, tuned: Any = None, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(config=config, check_interval=check_interval, deferrable=True, print_log=False, **kwargs)
        self.tuned = tuned

    def execute(self, context: Context) -> Any:
        if self.tuned:
            self.log.info("Taking the best training job of the tuning job %s", self.tuned["tuning_job_name"])
            return self.result(self.tuned["training_job_name"])
        return super().execute(context)

    def result(self, name: str) -> dict[str, Any]:
        client = self.hook.get_conn()
        job = client.describe_training_job(TrainingJobName=name)
        metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
        log = self._read_log(name)
        self._show(log)
        self.log.info("Training job %s: %s, %s billable seconds", name, metrics, job.get("BillableTimeInSeconds"))
        return {
            "training_job_name": name,
            "model_uri": job["ModelArtifacts"]["S3ModelArtifacts"],
            "image": job["AlgorithmSpecification"]["TrainingImage"],
            "created_at": job["CreationTime"].astimezone(UTC).isoformat(),
            "instance_type": job["ResourceConfig"]["InstanceType"],
            "hyperparameters": job["HyperParameters"],
            "metrics": metrics,
            "epochs": accuracy_by_epoch(log),
            "billable_seconds": job.get("BillableTimeInSeconds"),
            "reused": self.is_reused(client, job),
        }

    def patience(self) -> timedelta:
        # Beside its runtime, a job waits for an instance, downloads and uploads.
        return timedelta(seconds=self.config["StoppingCondition"]["MaxRuntimeInSeconds"]) + timedelta(hours=1)

    def is_usable(self, job: dict[str, Any]) -> bool:
        hook = S3Hook(**hook_arguments(self))
        exists: bool = hook.check_for_key(job["ModelArtifacts"]["S3ModelArtifacts"])
        return exists

    def show_failure(self, name: str) -> None:
        self._show(self._read_log(name))

    def _show(self, log: list[str]) -> None:
        for line in log[-LOG_LINES:]:
            self.log.info("  %s", line)

    def _read_log(self, name: str) -> list[str]:
        """The job's own log; that it cannot be read fails nothing."""
        logs = AwsLogsHook(**hook_arguments(self)).conn
        lines: list[str] = []
        try:
            streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
            for stream in streams:
                self.log.info("The job's log: %s in CloudWatch Logs, stream %s", LOG_GROUP, stream["logStreamName"])
                where = {"logGroupName": LOG_GROUP, "logStreamName": stream["logStreamName"]}
                lines += (event["message"] for event in _log_events(logs, where))
        except (ClientError, BotoCoreError) as error:
            self.log.warning("The job's log, %s in CloudWatch Logs, cannot be read: %s", LOG_GROUP, error)
        return lines


def _log_events(logs: Any, where: dict[str, str]) -> Iterator[dict[str, Any]]:
    """All events of a stream, the oldest first; GetLogEvents has no paginator."""
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(**where, startFromHead=True, **token)
        yield from page["events"]
        if page["nextForwardToken"] == token.get("nextToken"):  # the same one again is its way to say: the end
            return
        token = {"nextToken": page["nextForwardToken"]}
