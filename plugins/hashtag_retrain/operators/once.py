"""What training and tuning have in common: a job for each fingerprint, started once."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferralTimeout
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.resources import Kind
from hashtag_retrain.triggers.job import JobTrigger
from include.names import next_attempt

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_JOBS_PER_FINGERPRINT = 9
CUSTOMER_ERRORS = ("AlgorithmError", "ClientError", "All training jobs failed")
"""A FailureReason that begins so will be the same at every retry, or too dear to find out."""


class SageMakerJobOnceOperator(SageMakerBaseOperator):
    """
    Start a job, unless one of the same name is done or running.

    The job's name is taken for a fingerprint of everything that decides the result. A completed job of that name is
    reused, a running one is joined, and after a failed or stopped one the next attempt gets the name with ``-a2``,
    ``-a3`` and so on. So a retry, a cleared task or a worker that died between submitting and waiting never pays
    twice. Always deferred. A person who stops the task, running or waiting, stops the job, and so does the end of the
    operator's patience; unless the job is another run's.
    """

    kind: ClassVar[Kind]
    trigger_class: ClassVar[type[JobTrigger]]

    check_interval: float
    _job_name: str | None = None
    _is_killed = False

    def execute(self, context: Context) -> Any:
        self.preprocess_config()
        client = self.hook.get_conn()
        name, status = self._find_job(client, self.config[f"{self.kind.request_name}Name"])
        if status == "Completed":
            result = self.result(name)
            self.log.info(
                "The %s %s has done the same data, code and settings already: %s billable seconds are saved.",
                self.kind.noun, name, result["billable_seconds"],
            )  # fmt: skip
            return result
        self._job_name = name
        if status is None:
            self._start(client, name)
        else:
            self.log.info("Joining the %s %s, which is %s", self.kind.noun, name, status)
        self.defer(
            trigger=self.trigger_class(name, self.check_interval, hook_arguments(self), self._tags),
            method_name="execute_complete",
            timeout=self.patience(),
        )
        return None  # defer raises

    def _start(self, client: Any, name: str) -> None:
        self.log.info("Starting the %s %s", self.kind.noun, name)
        try:
            self.kind.call(client, "create", name, **self.config)
        except ClientError as error:
            # By a run at the same time, or by this very request, sent again because its answer was lost.
            if error.response["Error"]["Code"] != "ResourceInUse" or self.kind.describe(client, name) is None:
                raise
            self.log.info("The %s %s has been started meanwhile: joining it.", self.kind.noun, name)
        if self._is_killed:  # while the request was under way
            self._stop(client, name)

    def on_kill(self) -> None:
        """A person has stopped the task before it waited."""
        self._is_killed = True
        if self._job_name is not None:
            # Another client: this may interrupt the other one in the middle of a call.
            self._stop(SageMakerHook(**hook_arguments(self)).get_conn(), self._job_name)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            self.log.error("The %s has not ended within %s.", self.kind.noun, self.patience())
            with suppress(ClientError, BotoCoreError):  # the sweep will stop it
                self.preprocess_config()
                client = self.hook.get_conn()
                name, status = self._find_job(client, self.config[f"{self.kind.request_name}Name"])
                if status == "InProgress":
                    self._stop(client, name)
            raise

    def _stop(self, client: Any, name: str) -> None:
        """Stop a job that this run has made and that still runs."""
        if not self._tags:  # nothing would tell whose it is
            return
        try:
            job = self.kind.describe(client, name)
            if job and not self.is_reused(client, job):
                self.log.info("Stopping the %s %s", self.kind.noun, name)
                self.kind.call(client, "stop", name)
        except (ClientError, BotoCoreError) as error:  # it has ended meanwhile, or the sweep will stop it
            self.log.warning("The %s %s was not stopped: %s", self.kind.noun, name, error)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        assert event is not None
        if event["status"] == "Completed":
            return self.result(event["name"])
        self.show_failure(event["name"])
        message = f"The {self.kind.noun} {event['name']} ended as {event['status']}: {event['reason']}"
        if event["reason"].startswith(CUSTOMER_ERRORS):
            raise AirflowFailException(message)
        raise AirflowException(message)

    def result(self, name: str) -> dict[str, Any]:
        """What the task returns for a completed job."""
        raise NotImplementedError

    def patience(self) -> timedelta:
        """How long to wait for a job at most."""
        raise NotImplementedError

    def is_usable(self, job: dict[str, Any]) -> bool:
        """Whether what a completed job has made is still there."""
        return True

    def show_failure(self, name: str) -> None:
        """Say more of a job that did not complete."""

    def is_reused(self, client: Any, job: dict[str, Any]) -> bool:
        """Whether another run has made the job."""
        # A company's own tags may have come to ours.
        return not self._tags.items() <= {tag["Key"]: tag["Value"] for tag in self.kind.tags(client, job)}.items()

    @property
    def _tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.config.get("Tags", [])}

    def _find_job(self, client: Any, first_name: str) -> tuple[str, str | None]:
        """The name to use and the status of the job that has it; None where there is none yet."""
        for attempt in range(1, MAX_JOBS_PER_FINGERPRINT + 1):
            name = next_attempt(first_name, attempt)
            job = self.kind.describe(client, name)
            status = job[f"{self.kind.request_name}Status"] if job else None
            if job and status == "Completed" and not self.is_usable(job):
                status = "Completed, but what it made is gone"
            if status in {None, "InProgress", "Completed"}:
                return name, status
            self.log.info("The %s %s is %s: another attempt is made.", self.kind.noun, name, status)
        raise AirflowFailException(f"{MAX_JOBS_PER_FINGERPRINT} {self.kind.noun}s {first_name} failed; giving up.")
