"""Wait for a training or tuning job."""

from __future__ import annotations

import time
from datetime import UTC, timedelta
from functools import cached_property
from typing import Any, ClassVar

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.triggers.job_log import JobLog
from hashtag_retrain.triggers.polling import Done, StoppingTrigger
from include.aws.clock import time_of
from include.aws.resources import TRAINING_JOB, TUNING_JOB, Kind, is_owned
from include.blazingtext.log import accuracy_by_epoch
from include.config.ownership import STOPPED, TOO_LONG, WITH_RUN, tag_values
from include.report.failures import ATTEMPTS
from include.results import Attempt, Result, Trained, Tuned

FINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SECONDS_BETWEEN_LOOKS_AT_LOG = 10


class JobTrigger(StoppingTrigger):
    """
    Wait until a job has ended. Only a completed job has a result. If a person stops the task, stop the job.

    :param tags: a job with these tags belongs to this run, and may be stopped
    :param max_seconds: a job that has not ended so long after its creation is stopped
    :param attempts: this run's earlier jobs that did not complete, as `Attempt.to_xcom` returns them
    """

    kind: ClassVar[Kind]

    def __init__(
        self,
        name: str,
        tags: dict[str, str],
        max_seconds: float,
        poll_seconds: float,
        hook_arguments: dict[str, Any],
        attempts: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.name = name
        self.tags = tags
        self.max_seconds = max_seconds
        self.attempts = attempts or []

    def poll(self) -> Done | None:
        job = self.kind.call(self.client, "describe", self.name)
        status = job[f"{self.kind.request_name}Status"]
        self.log_state(f"The {self.kind.noun} {self.name}", job.get("SecondaryStatus", status))
        if status == "Completed":
            return Done(self.result(job).to_xcom())
        if status in FINAL_STATUSES:
            self._note_attempt(job)
            self.show_failure()
            raise AirflowException(self.words_of_end(job, tag_values(self.kind.tags(self.client, job)).get(STOPPED)))
        if time_of(job) - job["CreationTime"] > timedelta(seconds=self.max_seconds):
            self._note_attempt(job)
            if self.is_owned(job):
                self.kind.stop(self.client, self.name, TOO_LONG)
            raise AirflowException(
                f"The {self.kind.noun} {self.name} has not ended within {timedelta(seconds=self.max_seconds)}."
            )
        return None

    def result(self, job: dict[str, Any]) -> Result:
        """The task's result for a completed job."""
        raise NotImplementedError

    def show_failure(self) -> None:
        """Log more about a job that did not complete."""

    def words_of_end(self, job: dict[str, Any], stopped: str | None) -> str:
        """
        The message about a job that did not complete: how it ended, and what to do.

        :param stopped: why this product has stopped it; None if it has not
        """
        noun = self.kind.noun
        status = {"Stopping": "Stopped"}.get(status := job[f"{self.kind.request_name}Status"], status)
        end = f"The {noun} {self.name} ended as {status}"
        if (reason := job.get("FailureReason") or job.get("SecondaryStatus", status)) != status:
            end += f": {reason}"
        if job.get("SecondaryStatus") == "MaxRuntimeExceeded":
            return (
                f"{end}. It ran out of time, and AWS bills every attempt, so a retry does not start it again. Train "
                "fewer epochs or fewer dates (window_days), or use a larger training_instance_type. To train the same "
                "again, clear this task."
            )
        if job.get("SecondaryStatus") == "MaxWaitTimeExceeded":
            return (
                f"{end}. The company's rules train on spot instances, and none were there for long enough; BlazingText "
                "begins anew after each interruption. A retry does not start it again. Clear this task, or let the "
                "rules change spot_training."
            )
        if status == "Stopped" and stopped == WITH_RUN:
            return f"{end}, because the run or the task that started it was stopped"
        if status == "Stopped" and stopped == TOO_LONG:
            return f"{end}, because it took too long. To train the same again, clear this task"
        if status == "Stopped":
            return (
                f"{end}. Somebody stopped it, so a retry does not start it again. To train the same again, clear this "
                "task."
            )
        return end

    def more_of_failure(self) -> dict[str, Any]:
        return {ATTEMPTS: self.attempts}

    def is_owned(self, job: dict[str, Any]) -> bool:
        """Whether this run has started the job."""
        return bool(self.tags) and is_owned(self.client, self.kind, job, self.tags)

    def _note_attempt(self, job: dict[str, Any]) -> None:
        if self.is_owned(job):
            self.attempts = [*self.attempts, attempt_of(self.kind, job).to_xcom()]

    def stop(self) -> None:
        """Stop the job, if this run has started it. If that fails, it is no error: the sweep will stop the job."""
        if not self.tags:
            return
        try:
            job = self.kind.describe(self.client, self.name)
            if job is not None and self.is_owned(job):
                self.log.info("Stopping the %s %s", self.kind.noun, self.name)
                self.kind.stop(self.client, self.name)
        except (ClientError, BotoCoreError) as error:
            self.log.warning("The %s %s was not stopped: %s", self.kind.noun, self.name, error)


def attempt_of(kind: Kind, job: dict[str, Any]) -> Attempt:
    """A job that did not complete, for the report."""
    return Attempt(
        name=job[f"{kind.request_name}Name"],
        status=job.get("SecondaryStatus", job[f"{kind.request_name}Status"]),
        billable_seconds=job.get("BillableTimeInSeconds", None if "TrainingStartTime" in job else 0),
    )


class TrainingJobTrigger(JobTrigger):
    """A training job. The result is a `Trained`."""

    kind = TRAINING_JOB
    _last_look: float | None = None

    def poll(self) -> Done | None:
        done = super().poll()
        now = time.monotonic()
        if self._last_look is None:  # a new job has no log yet
            self._last_look = now
        elif done is None and now - self._last_look >= SECONDS_BETWEEN_LOOKS_AT_LOG:
            self._last_look = now
            self._follow_log()
        return done

    def result(self, job: dict[str, Any]) -> Trained:
        metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
        self._follow_log()
        self.log.info("Training job %s: %s, %s billable seconds", self.name, metrics, job.get("BillableTimeInSeconds"))
        return Trained(
            training_job_name=self.name,
            model_uri=job["ModelArtifacts"]["S3ModelArtifacts"],
            image=job["AlgorithmSpecification"]["TrainingImage"],
            created_at=job["CreationTime"].astimezone(UTC).isoformat(),
            instance_type=job["ResourceConfig"]["InstanceType"],
            hyperparameters=job["HyperParameters"],
            metrics=metrics,
            epochs=accuracy_by_epoch(self._job_log.lines),
            billable_seconds=job.get("BillableTimeInSeconds"),
            reused=not self.is_owned(job),
            attempts=[Attempt.from_xcom(attempt) for attempt in self.attempts],
        )

    def show_failure(self) -> None:
        self._follow_log()

    @cached_property
    def _job_log(self) -> JobLog:
        return JobLog(AwsLogsHook(**self.hook_arguments).get_conn(), LOG_GROUP, f"{self.name}/")

    def _follow_log(self) -> None:
        """Show what is new in the job's log."""
        for line in self._job_log.read():
            self.log.info("  %s", line)


class TuningJobTrigger(JobTrigger):
    """A tuning job. If it is stopped, its training jobs are stopped. The result is a `Tuned`."""

    kind = TUNING_JOB

    def result(self, job: dict[str, Any]) -> Tuned:
        if (best := job.get("BestTrainingJob")) is None:
            raise AirflowException(f"The tuning job {self.name} has completed without a best training job.")
        billable = self._billable_seconds()
        result = Tuned(
            tuning_job_name=self.name,
            training_job_name=best["TrainingJobName"],
            validation_accuracy=best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            hyperparameters=best["TunedHyperParameters"],
            training_jobs=len(billable),
            billable_seconds=sum(billable),
            reused=not self.is_owned(job),
            attempts=[Attempt.from_xcom(attempt) for attempt in self.attempts],
        )
        self.log.info("The best of %s training jobs: %s", len(billable), result)
        return result

    def _note_attempt(self, job: dict[str, Any]) -> None:
        super()._note_attempt({**job, "BillableTimeInSeconds": sum(self._billable_seconds())})

    def _billable_seconds(self) -> list[int]:
        """The billable seconds of each training job. AWS also bills those that failed."""
        pages = self.client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=self.name
        )
        names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
        jobs = (self.client.describe_training_job(TrainingJobName=name) for name in names)
        return [job.get("BillableTimeInSeconds", 0) for job in jobs]
