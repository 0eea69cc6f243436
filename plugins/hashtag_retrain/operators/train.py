"""Train, once for each fingerprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.triggers.training import TrainingJobTrigger
from include.blazingtext.training_log import accuracy_by_epoch
from include.names import next_attempt

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_JOBS_PER_FINGERPRINT = 20
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
LOG_LINES = 200
RESOURCE_NOT_FOUND = "Requested resource not found"
CUSTOMER_ERRORS = ("AlgorithmError", "ClientError")
"""A FailureReason that begins so will be the same at every retry."""


class SageMakerTrainOnceOperator(SageMakerTrainingOperator):
    """
    Start a training job, unless one of the same name is done or running.

    The job's name is taken for a fingerprint of everything that decides the result. A completed job of that name is
    reused, a running one is joined, and after a failed or stopped one the next attempt gets the name with ``-a2``,
    ``-a3`` and so on. So a retry, a cleared task or a worker that died between submitting and waiting never trains
    twice. Always deferred; a person who stops the waiting task stops the job, unless it is another run's.

    :param config: CreateTrainingJob's request (templated). Its StoppingCondition bounds the waiting as well.
    :param check_interval: seconds between two looks at the job
    :return: the job's name, its artifact, image, hyperparameters, metrics, validation accuracy by epoch and billable
        seconds, and whether it is reused, that is, carries other tags than this run's
    """

    template_fields: Sequence[str] = SageMakerTrainingOperator.template_fields

    def __init__(self, *, config: Any, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(config=config, check_interval=check_interval, deferrable=True, print_log=False, **kwargs)

    def execute(self, context: Context) -> dict[str, Any] | None:
        self.preprocess_config()
        name, status = self._find_job(self.config["TrainingJobName"])
        if status == "Completed":
            self.log.info("Training job %s has trained the same data, code and settings already.", name)
            return self._result(name, self._read_log(name))
        if status is None:
            self.log.info("Starting training job %s", name)
            self.hook.get_conn().create_training_job(**{**self.config, "TrainingJobName": name})
        else:
            self.log.info("Joining training job %s, which is %s", name, status)
        runtime = self.config["StoppingCondition"]["MaxRuntimeInSeconds"]
        # Beside its runtime, a job waits for an instance, downloads and uploads.
        patience = timedelta(seconds=runtime) + timedelta(hours=1)
        self.defer(
            trigger=TrainingJobTrigger(name, self.check_interval, hook_arguments(self), self._tags),
            method_name="execute_complete",
            timeout=patience,
        )
        return None  # defer raises

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        assert event is not None
        log = self._read_log(event["name"])
        for line in log[-LOG_LINES:]:
            self.log.info("  %s", line)
        if event["status"] == "Completed":
            return self._result(event["name"], log)
        message = f"Training job {event['name']} ended as {event['status']}: {event['reason']}"
        if event["reason"].startswith(CUSTOMER_ERRORS):
            raise AirflowFailException(message)
        raise AirflowException(message)

    def _read_log(self, name: str) -> list[str]:
        """The job's own log; that it cannot be read fails nothing."""
        logs = AwsLogsHook(
            aws_conn_id=self.aws_conn_id, region_name=self.region_name, verify=self.verify, config=self.botocore_config
        ).conn
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

    def _find_job(self, first_name: str) -> tuple[str, str | None]:
        """The name to use and the status of the job that has it; None where there is none yet."""
        for attempt in range(1, MAX_JOBS_PER_FINGERPRINT + 1):
            name = next_attempt(first_name, attempt)
            job = self._describe(name)
            status = job["TrainingJobStatus"] if job else None
            if status == "Completed" and not self._artifact_exists(job):
                status = "Completed, but its artifact is gone"
            if status in {None, "InProgress", "Completed"}:
                return name, status
            self.log.info("Training job %s is %s: another attempt is made.", name, status)
        raise AirflowFailException(f"{MAX_JOBS_PER_FINGERPRINT} training jobs {first_name} failed; giving up.")

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            job: dict[str, Any] = self.hook.describe_training_job(name)
        except ClientError as error:
            if RESOURCE_NOT_FOUND in error.response["Error"]["Message"]:
                return None
            raise
        return job

    def _artifact_exists(self, job: Any) -> bool:
        hook = S3Hook(aws_conn_id=self.aws_conn_id, region_name=self.region_name, verify=self.verify)
        exists: bool = hook.check_for_key(job["ModelArtifacts"]["S3ModelArtifacts"])
        return exists

    @property
    def _tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.config.get("Tags", [])}

    def _result(self, name: str, log: list[str]) -> dict[str, Any]:
        job = self.hook.describe_training_job(name)
        tags = self.hook.get_conn().list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
        reused = self._tags != {tag["Key"]: tag["Value"] for tag in tags}
        metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
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
            "reused": reused,
        }


def _log_events(logs: Any, where: dict[str, str]) -> Iterator[dict[str, Any]]:
    """All events of a stream, the oldest first; GetLogEvents has no paginator."""
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(**where, startFromHead=True, **token)
        yield from page["events"]
        if page["nextForwardToken"] == token.get("nextToken"):  # the same one again is its way to say: the end
            return
        token = {"nextToken": page["nextForwardToken"]}
