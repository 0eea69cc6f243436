"""Prepare a dataset with a job of AWS Glue, once for each fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from botocore.exceptions import ClientError

from hashtag_retrain.backfills import BACKFILL
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.operators.once import MAX_JOBS_PER_FINGERPRINT, is_first_try
from hashtag_retrain.triggers.glue import ACTIVE, OWNER, GlueRunTrigger, words_of_end
from hashtag_retrain.triggers.polling import defer, ended
from include.aws.resources import ABSENT
from include.config.errors import NoRows

if TYPE_CHECKING:
    from airflow.sdk import Context

GLUE_VERSION, WORKER_TYPE = "5.1", "G.1X"
TIMEOUT_MINUTES = 240
A_PERSONS_DECISION = frozenset({"STOPPED", "TIMEOUT"})
STARTED_MEANWHILE = frozenset({"AlreadyExistsException", "ConcurrentRunsExceededException"})


class GluePrepareOnceOperator(GlueJobOperator):
    """
    Do what `include.steps.prepare_dataset.prepare_dataset` does, with a run of a Glue job, and return the same.

    The job's name is made of a fingerprint of everything that affects the result, and the job allows one run at a
    time. So the same tweets are not prepared twice: an outcome in S3 is used again, and a run that is at work is
    joined, if the task is retried or cleared, if a worker dies, or if another DAG run has the same tweets and settings.

    A retry starts another run only after a fault of AWS. After a run that was stopped, or that ran out of time, a
    person must clear the task. If a person stops the task, running or deferred, its run is stopped, unless another DAG
    run has started it.

    :param arguments: those of prepare_dataset, except its params (templated)
    :param workers: the number of Glue's workers
    :param check_interval: seconds between two polls
    :return: the result of prepare_dataset
    """

    template_fields: Sequence[str] = (*GlueJobOperator.template_fields, "arguments")

    _trigger: GlueRunTrigger | None = None

    def __init__(
        self,
        *,
        arguments: dict[str, Any],
        workers: int = 5,
        check_interval: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            job_desc="Prepares labelled tweets. It is deleted when it has succeeded.",
            deferrable=True,
            **kwargs,
        )
        self.arguments = arguments
        self.workers = workers
        self.check_interval = check_interval

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        from include.steps.prepare_on_spark import glue_job, plan_dataset, prepared_dataset

        planned = plan_dataset(**self.arguments, params=context["params"])
        is_backfill = context["dag_run"].run_type == BACKFILL
        try:
            result = prepared_dataset(planned)
        except NoRows as error:
            if not is_backfill:
                raise
            self.log.info("%s", error)  # Airflow does not log the exception's message
            raise AirflowSkipException(str(error)) from None
        if result is not None:
            self.log.info("The same tweets have been prepared before, with the same code and settings.")
            return result
        self.job_name = planned.job_name
        self.script_location, self.script_args, self.iam_role_arn, tags = glue_job(planned)
        self.create_job_kwargs = {
            "GlueVersion": GLUE_VERSION,
            "WorkerType": WORKER_TYPE,
            "NumberOfWorkers": self.workers,
            "Timeout": TIMEOUT_MINUTES,
            "Tags": tags,
        }
        run_id = self._join_or_start(context)
        self._trigger = GlueRunTrigger(
            self.job_name,
            run_id,
            planned.owner,
            planned.to_json(),
            is_backfill,
            self.check_interval,
            hook_arguments(self),
        )
        self._set_job_run_id(context, run_id)
        return defer(self._trigger, self)

    def _join_or_start(self, context: Context) -> str:
        """
        The id of the run to wait for.

        :raises AirflowFailException: a person must decide
        """
        runs = self._runs()
        if runs and runs[0]["JobRunState"] in ACTIVE:
            return self._join(runs[0])
        if runs and not is_first_try(context["ti"], self) and self._needs_person(runs):
            raise AirflowFailException(words_of_end(self.job_name, runs[0]))
        return self._start()

    def _start(self) -> str:
        # Glue checks the permission first. So no run is started that could not be stopped.
        self.hook.get_conn().batch_stop_job_run(JobName=f"{self.job_name}{ABSENT}", JobRunIds=["jr_absent"])
        try:
            run_id: str = self.hook.initialize_job(self.script_args)["JobRunId"]
        except ClientError as error:
            # By another DAG run, or by this request: if its answer is lost, botocore sends it again.
            active = [run for run in self._runs() if run["JobRunState"] in ACTIVE]
            if error.response["Error"]["Code"] not in STARTED_MEANWHILE or not active:
                raise
            return self._join(active[0])
        self.log.info("Started the run %s of the Glue job %s", run_id, self.job_name)
        return run_id

    def _join(self, run: dict[str, Any]) -> str:
        self.log.info(
            "Joining the run %s of the Glue job %s, which is %s", run["Id"], self.job_name, run["JobRunState"]
        )
        run_id: str = run["Id"]
        return run_id

    def _needs_person(self, runs: list[dict[str, Any]]) -> bool:
        """Whether a retry does not start another run after these, of which none has an outcome."""
        last = runs[0]
        is_own = last.get("Arguments", {}).get(OWNER) == self.arguments["owner"]
        return (is_own and last["JobRunState"] in A_PERSONS_DECISION) or len(runs) >= MAX_JOBS_PER_FINGERPRINT

    def _runs(self) -> list[dict[str, Any]]:
        """The runs of the job, the newest first; none if there is no such job."""
        client = self.hook.get_conn()
        try:
            runs: list[dict[str, Any]] = client.get_job_runs(JobName=self.job_name)["JobRuns"]
        except client.exceptions.EntityNotFoundException:
            return []
        return runs

    def on_kill(self) -> None:
        """A person has stopped the task before it was deferred."""
        if self._trigger is not None:
            # A new client, because the other one may have been interrupted in the middle of a call.
            self._trigger.client = GlueJobHook(**hook_arguments(self)).get_conn()
            self._trigger.stop()
