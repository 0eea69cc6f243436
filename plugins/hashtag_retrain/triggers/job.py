"""Wait for a training or tuning job."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from asgiref.sync import sync_to_async
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.resources import TRAINING_JOB, TUNING_JOB, Kind
from hashtag_retrain.triggers.polling import PollingTrigger

FINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})


class JobTrigger(PollingTrigger):
    """
    Fire when a job has ended, with `name`, `status` and `reason`. Killed by a person, stop the job.

    :param tags: the job is stopped only if it carries these, that is, if this run has made it
    """

    kind: ClassVar[Kind]

    def __init__(
        self, name: str, poll_seconds: float, hook_arguments: dict[str, Any], tags: dict[str, str] | None = None
    ) -> None:
        super().__init__(name, poll_seconds, hook_arguments)
        self.tags = tags or {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path, arguments = super().serialize()
        return path, {**arguments, "tags": self.tags}

    async def look(self, client: Any) -> dict[str, Any] | None:
        job = await self.kind.call(client, "describe", self.name)
        status = job[f"{self.kind.request_name}Status"]
        phase = job.get("SecondaryStatus", status)
        if status in FINAL_STATUSES:
            return {"name": self.name, "status": status, "reason": job.get("FailureReason") or phase}
        self.log.info("The %s %s: %s", self.kind.noun, self.name, phase)
        return None

    async def on_kill(self) -> None:
        """A person has stopped, cleared or marked the waiting task: stop what costs money."""
        if not self.tags or await self._task_still_waits():
            return
        async with await self.connect() as client:
            try:
                job = await self.kind.call(client, "describe", self.name)
                tags = await client.list_tags(ResourceArn=job[f"{self.kind.request_name}Arn"])
                if self.tags.items() <= {tag["Key"]: tag["Value"] for tag in tags["Tags"]}.items():
                    await self.kind.call(client, "stop", self.name)
            except (ClientError, BotoCoreError) as error:  # it has ended meanwhile, or the sweep will stop it
                self.log.warning("The %s %s was not stopped: %s", self.kind.noun, self.name, error)

    async def _task_still_waits(self) -> bool:
        """Airflow kills a trigger as well when another triggerer has taken it over: its task is deferred then."""
        task = getattr(self, "task_instance", None)
        if task is None:
            return False
        try:
            states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
                dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
            )
        except Exception as error:
            self.log.warning("The state of the task that waited is not known, so it counts as stopped: %r", error)
            return False
        state: str | None = states.get(task.run_id, {}).get(task.task_id)
        return state == "deferred"


class TrainingJobTrigger(JobTrigger):
    """A training job; with each look, its phase is logged."""

    kind = TRAINING_JOB


class TuningJobTrigger(JobTrigger):
    """A tuning job; stopping it stops its training jobs."""

    kind = TUNING_JOB
