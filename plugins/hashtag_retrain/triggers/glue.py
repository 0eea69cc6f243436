"""Wait for the run of a Glue job that prepares a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import BaseTaskEndEvent, TaskSuccessEvent, TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.triggers.polling import Done, StoppingTrigger
from include.config.errors import NoRows

ACTIVE = frozenset({"WAITING", "STARTING", "RUNNING", "STOPPING"})
OWNER = "--OWNER"
"""The argument of a run that names the DAG run that has started it."""


class GlueRunTrigger(StoppingTrigger):
    """
    Wait until a run has ended. The result is that of prepare_dataset. Then the job is deleted: its outcome is in S3,
    and AWS allows only so many jobs. If a person stops the task, stop the run.

    With a result, the task is resumed, and not ended as by other triggers: Airflow makes events of assets only for a
    task whose own process ends it. If Airflow fails the resumed task (see PollingTrigger), the retry finds the outcome
    in S3.

    :param owner: a run with this owner belongs to this DAG run, and may be stopped
    :param preparation: an `include.steps.prepare_on_spark.Preparation`, as a dictionary
    :param skips_without_rows: whether the task is skipped if the tweets contain no row
    """

    def __init__(
        self,
        job_name: str,
        run_id: str,
        owner: str,
        preparation: dict[str, Any],
        skips_without_rows: bool,
        poll_seconds: float,
        hook_arguments: dict[str, Any],
    ) -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.job_name = job_name
        self.run_id = run_id
        self.owner = owner
        self.preparation = preparation
        self.skips_without_rows = skips_without_rows

    @cached_property
    def client(self) -> Any:
        return GlueJobHook(**self.hook_arguments).get_conn()

    def poll(self) -> Done | None:
        run = self._describe()
        state = run["JobRunState"] if run else "deleted"
        self.log_state(f"The run {self.run_id} of the Glue job {self.job_name}", state)
        return None if state in ACTIVE else self._done(run)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(self.poll_seconds)  # so the scheduler has read that the first process has ended
        async for event in super().run():
            yield event

    async def _end(self, event_class: type[BaseTaskEndEvent], xcoms: dict[str, Any]) -> TriggerEvent:
        if event_class is TaskSuccessEvent:
            return TriggerEvent(xcoms)
        return await super()._end(event_class, xcoms)

    def _done(self, run: dict[str, Any] | None) -> Done:
        """
        :param run: None if the job has been deleted, as another task does that has waited for the same run
        """
        from include.steps.prepare_on_spark import Preparation, prepared_dataset

        try:
            result = prepared_dataset(Preparation(**self.preparation))
        except NoRows as error:
            if self.skips_without_rows:
                return Done(skip=str(error))
            raise
        if result is None:
            raise AirflowException(words_of_end(self.job_name, run) if run else f"The job {self.job_name} is gone.")
        with suppress(ClientError, BotoCoreError):
            self.client.delete_job(JobName=self.job_name)
        return Done(result)

    def stop(self) -> None:
        try:
            run = self._describe()
            if run is not None and run["JobRunState"] in ACTIVE and run.get("Arguments", {}).get(OWNER) == self.owner:
                self.log.info("Stopping the run %s of the Glue job %s", self.run_id, self.job_name)
                self.client.batch_stop_job_run(JobName=self.job_name, JobRunIds=[self.run_id])
        except (ClientError, BotoCoreError) as error:
            self.log.warning("The run %s was not stopped: %s. Its Timeout will end it.", self.run_id, error)

    def _describe(self) -> dict[str, Any] | None:
        try:
            run: dict[str, Any] = self.client.get_job_run(JobName=self.job_name, RunId=self.run_id)["JobRun"]
        except self.client.exceptions.EntityNotFoundException:
            return None
        return run


def words_of_end(job_name: str, run: dict[str, Any]) -> str:
    """The message about a run that ended without an outcome: how it ended, and what to do."""
    state, log = run["JobRunState"], f"{run.get('LogGroupName', '/aws-glue/jobs')}/error, stream {run['Id']}"
    end = f"The run {run['Id']} of the Glue job {job_name} ended as {state}"
    if message := run.get("ErrorMessage"):
        end += f": {message}"
    if state == "TIMEOUT":
        return (
            f"{end}. AWS bills every attempt, so a retry does not start it again. Set more glue_workers or fewer dates "
            "(window_days). To prepare the same again, clear this task."
        )
    if state in {"STOPPED", "STOPPING"}:
        return f"{end}. A retry does not start it again. To prepare the same again, clear this task."
    return f"{end} (log: {log})"
