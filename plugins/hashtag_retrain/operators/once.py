"""What training and tuning have in common: a job for each fingerprint, started once."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.resources import Kind, is_owned
from hashtag_retrain.triggers.job import JobTrigger, attempt_of
from hashtag_retrain.triggers.polling import ended, wait_for
from include.config.names import next_attempt
from include.config.ownership import STOPPED, WITH_RUN, tag_values
from include.report.failures import ATTEMPTS

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_JOBS_PER_FINGERPRINT = 9
"""So many are started by retries; then a person must ask for the next one."""
CUSTOMER_ERRORS = ("AlgorithmError", "ClientError", "All training jobs failed")
"""A FailureReason that begins so will be the same at every retry, or too dear to find out."""


class SageMakerJobOnceOperator(SageMakerBaseOperator):
    """
    Start a job, unless one of the same name is done or running.

    The job's name is taken for a fingerprint of everything that decides the result. A completed job of that name is
    reused, a running one is joined. So a retry, a cleared task or a worker that died between submitting and waiting
    never pays twice.

    After a job that did not complete, the next attempt gets the name with ``-a2``, ``-a3`` and so on. A retry makes one
    only after a fault of AWS's. A job that failed for its data's or its request's sake, that ran out of its time, or
    that somebody stopped, is a person's decision: clearing the task or triggering another run makes the next attempt.

    A person who stops the task, running or waiting, stops the job, unless it is another run's.
    """

    kind: ClassVar[Kind]
    trigger_class: ClassVar[type[JobTrigger]]

    check_interval: float
    _trigger: JobTrigger | None = None
    _is_killed = False

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        self.preprocess_config()
        client = self.hook.get_conn()
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
        return wait_for(self._trigger, self)

    def _jobs(self, client: Any, first_name: str) -> list[dict[str, Any]]:
        """Every job of the fingerprint, described, the first one first."""
        found = (self.kind.describe(client, next_attempt(first_name, attempt)) for attempt in itertools.count(1))
        return list(itertools.takewhile(lambda job: job is not None, found))  # type: ignore[arg-type]

    def _starts_another(
        self, client: Any, jobs: list[dict[str, Any]], attempts: list[dict[str, Any]], context: Context
    ) -> bool:
        """
        Whether there is nothing to reuse or to join.

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
            self.log.info("What the %s %s has made is gone: another attempt is made.", self.kind.noun, name)
            return True
        if status not in {"Failed", "Stopped", "Stopping"}:
            self.log.info("Joining the %s %s, which is %s", self.kind.noun, name, status)
            return False
        if (objection := self._objection(client, jobs)) and not is_first_try(context["ti"], self):
            context["ti"].xcom_push(key=ATTEMPTS, value=attempts)
            raise AirflowFailException(objection)
        self.log.info("The %s %s is %s: another attempt is made.", self.kind.noun, name, status)
        return True

    def _objection(self, client: Any, jobs: list[dict[str, Any]]) -> str | None:
        """Why a retry makes no other attempt after the last job, which did not complete."""
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
                f"{words}. It is the {self.kind.noun} number {len(jobs)} of the same data, code "
                "and settings that did not complete, so no retry starts another one. To try once more, clear this "
                "task; with any other setting, or other data, a job of another name is started."
            )
        return None

    def _say_whose(self, client: Any, job: dict[str, Any]) -> None:
        name, seconds = job[f"{self.kind.request_name}Name"], job.get("BillableTimeInSeconds")
        if self._is_owned(client, job):
            self.log.info("The %s %s of this run has completed.", self.kind.noun, name)
        else:
            saved = f"{seconds} billable seconds are saved" if seconds is not None else "what it cost is saved"
            self.log.info(
                "The %s %s of another run has used the same data, code and settings: %s.", self.kind.noun, name, saved
            )

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
            self._stop()

    def on_kill(self) -> None:
        """A person has stopped the task before it waited."""
        self._is_killed = True
        self._stop()

    def _stop(self) -> None:
        if self._trigger is not None and self._tags:  # without tags nothing would tell whose it is
            # Another client: this may interrupt the other one in the middle of a call.
            self._trigger.client = SageMakerHook(**hook_arguments(self)).get_conn()
            self._trigger.stop()

    def max_wait(self) -> timedelta:
        """How long a job may take, from its creation on."""
        raise NotImplementedError

    def is_usable(self, job: dict[str, Any]) -> bool:
        """Whether what a completed job has made is still there."""
        raise NotImplementedError

    def _is_owned(self, client: Any, job: dict[str, Any]) -> bool:
        """Whether this run has made the job."""
        return bool(self._tags) and is_owned(client, self.kind, job, self._tags)

    def _status(self, job: dict[str, Any]) -> str:
        status: str = job[f"{self.kind.request_name}Status"]
        return status

    @property
    def _tags(self) -> dict[str, str]:
        return tag_values(self.config.get("Tags", []))


def is_first_try(ti: Any, operator: Any) -> bool:
    """
    Whether a person or the scheduler has started the task, and not a retry. Airflow raises `max_tries` where a task is
    cleared, so that it has all its retries again.
    """
    first: int = ti.max_tries - (operator.retries or 0) + 1
    return bool(ti.try_number <= first)
