"""The common part of training and tuning: one job for each fingerprint, started once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.triggers.job import JobTrigger, attempt_of
from hashtag_retrain.triggers.polling import ended, wait_for
from include.aws.console import PAGE, Console
from include.aws.resources import Kind, is_owned
from include.config.names import next_attempt
from include.config.ownership import STOPPED, WITH_RUN, own_tags, tag_values
from include.config.settings import seconds_before_deferral
from include.report.failures import ATTEMPTS

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_JOBS_PER_FINGERPRINT = 9
"""Retries start at most so many. Only a person can start further ones."""
CUSTOMER_ERRORS = ("AlgorithmError", "ClientError", "All training jobs failed")
"""If a FailureReason starts with one of these, a retry would fail, too, or would be too expensive."""


class SageMakerJobOnceOperator(SageMakerBaseOperator):
    """
    Start a job, unless a job with the same name has completed or is running.

    The job's name must be a fingerprint of everything that affects the result. A completed job with this name is used
    again, and a running one is joined. So nothing is billed twice if the task is retried or cleared, or if a worker
    dies after it has sent the request.

    If a job did not complete, the next one has ``-a2``, ``-a3`` and so on at the end of its name. A retry starts one
    only after a fault of AWS. If the job failed because of its data or its request, if it ran out of time, or if
    somebody stopped it, a person must decide. To start the next job, clear the task or trigger another run.

    If a person stops the task, running or deferred, the job is stopped, unless another run has started it.
    """

    kind: ClassVar[Kind]
    trigger_class: ClassVar[type[JobTrigger]]
    page_of: ClassVar[Callable[[Console, str], str]]
    """The address of a job's page."""

    check_interval: float
    _trigger: JobTrigger | None = None
    _is_killed = False

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        client = self.hook.get_conn()
        before_deferral = seconds_before_deferral()  # if the setting is wrong, no job is started
        jobs = self._jobs(client, self.config[f"{self.kind.request_name}Name"])
        attempts = [
            attempt_of(self.kind, job).to_xcom()
            for job in jobs
            if self._status(job) in {"Failed", "Stopped"} and self._is_owned(client, job)
        ]
        starts = self._starts_another(client, jobs, attempts, context)
        name = next_attempt(self.config[f"{self.kind.request_name}Name"], len(jobs) + starts)
        self._trigger = self.trigger_class(
            name, self._tags, self.max_wait().total_seconds(), self.check_interval, hook_arguments(self), attempts
        )
        if starts:
            self._start(client, name)
        self.link(context, name)
        return wait_for(self._trigger, self, context, before_deferral)

    def link(self, context: Context, name: str) -> None:
        """Store the address of a job's page for the task's link."""
        context["ti"].xcom_push(key=PAGE, value=type(self).page_of(Console.of(self.hook.get_conn()), name))

    def _jobs(self, client: Any, first_name: str) -> list[dict[str, Any]]:
        """The descriptions of all jobs of the fingerprint, the first one first."""
        found = (self.kind.describe(client, next_attempt(first_name, attempt)) for attempt in itertools.count(1))
        return list(itertools.takewhile(lambda job: job is not None, found))  # type: ignore[arg-type]

    def _starts_another(
        self, client: Any, jobs: list[dict[str, Any]], attempts: list[dict[str, Any]], context: Context
    ) -> bool:
        """
        Whether to start a job, because there is none to use again or to join.

        :raises AirflowFailException: a person must decide
        """
        if not jobs:
            return True
        last, status = jobs[-1], self._status(jobs[-1])
        name = last[f"{self.kind.request_name}Name"]
        if status == "Completed":
            if self.is_usable(last):
                self._say_whose(client, last)
                return False
            self.log.info(
                "The result of the %s %s does not exist any more. Starting another one.", self.kind.noun, name
            )
            return True
        if status not in {"Failed", "Stopped", "Stopping"}:
            self.log.info("Joining the %s %s, which is %s", self.kind.noun, name, status)
            return False
        if (objection := self._objection(client, jobs)) and not is_first_try(context["ti"], self):
            context["ti"].xcom_push(key=ATTEMPTS, value=attempts)
            raise AirflowFailException(objection)
        self.log.info("The %s %s is %s. Starting another one.", self.kind.noun, name, status)
        return True

    def _objection(self, client: Any, jobs: list[dict[str, Any]]) -> str | None:
        """Why a retry starts no other job after the last one, which did not complete; None if it does."""
        last = jobs[-1]
        name = last[f"{self.kind.request_name}Name"]
        stopped = tag_values(self.kind.tags(client, last)).get(STOPPED)
        words = self.trigger_class(name, {}, 0, 0, {}).words_of_end(last, stopped)
        if self._status(last) in {"Stopped", "Stopping"}:
            return None if stopped == WITH_RUN else words
        if last.get("FailureReason", "").startswith(CUSTOMER_ERRORS):
            return words
        if len(jobs) >= MAX_JOBS_PER_FINGERPRINT:
            return (
                f"{words}. It is the {self.kind.noun} number {len(jobs)} with the same data, code and settings, so a "
                "retry does not start another one. To start one more, clear this task. With other settings or other "
                "data, a job with another name is started."
            )
        return None

    def _say_whose(self, client: Any, job: dict[str, Any]) -> None:
        name, seconds = job[f"{self.kind.request_name}Name"], job.get("BillableTimeInSeconds")
        if self._is_owned(client, job):
            self.log.info("The %s %s of this run has completed.", self.kind.noun, name)
        else:
            saved = f"{seconds} billable seconds are saved" if seconds is not None else "its cost is saved"
            self.log.info(
                "Using the %s %s of another run with the same data, code and settings: %s.", self.kind.noun, name, saved
            )

    def _start(self, client: Any, name: str) -> None:
        self.kind.require_removable(client, name)
        self.log.info("Starting the %s %s", self.kind.noun, name)
        try:
            self.kind.call(client, "create", name, **self.config)
        except ClientError as error:
            # By another run, or by this request: if its answer is lost, botocore sends it again.
            if error.response["Error"]["Code"] != "ResourceInUse" or self.kind.describe(client, name) is None:
                raise
            self.log.info("The %s %s has been started meanwhile. Joining it.", self.kind.noun, name)
        if self._is_killed:  # during the request
            self._stop()

    def on_kill(self) -> None:
        """A person has stopped the task before it was deferred."""
        self._is_killed = True
        self._stop()

    def _stop(self) -> None:
        if self._trigger is not None and self._tags:  # without tags, the job's owner is not known
            # A new client, because the other one may have been interrupted in the middle of a call.
            self._trigger.client = SageMakerHook(**hook_arguments(self)).get_conn()
            self._trigger.stop()

    def max_wait(self) -> timedelta:
        """How long a job may take from its creation."""
        raise NotImplementedError

    def is_usable(self, job: dict[str, Any]) -> bool:
        """Whether the result of a completed job still exists."""
        raise NotImplementedError

    def _is_owned(self, client: Any, job: dict[str, Any]) -> bool:
        """Whether this run has started the job."""
        return bool(self._tags) and is_owned(client, self.kind, job, self._tags)

    def _status(self, job: dict[str, Any]) -> str:
        status: str = job[f"{self.kind.request_name}Status"]
        return status

    @property
    def _tags(self) -> dict[str, str]:
        """Those that say whose the job is. What a company adds to this product's tags does not."""
        tags = tag_values(self.config.get("Tags", []))
        return own_tags(tags) or tags


def is_first_try(ti: Any, operator: Any) -> bool:
    """
    Whether a person or the scheduler has started the task, and not a retry. When a task is cleared, Airflow increases
    `max_tries`, so that the task has all its retries again.
    """
    first: int = ti.max_tries - (operator.retries or 0) + 1
    return bool(ti.try_number <= first)
