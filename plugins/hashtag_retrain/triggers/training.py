"""Wait for a training job."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from hashtag_retrain.triggers.polling import PollingTrigger

FINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})


class TrainingJobTrigger(PollingTrigger):
    """
    Fire when a training job has ended, with `name`, `status` and `reason`. Killed by a person, stop the job.

    :param tags: the job is stopped only if it carries exactly these, that is, if this run has made it
    """

    def __init__(
        self, name: str, poll_seconds: float, hook_arguments: dict[str, Any], tags: dict[str, str] | None = None
    ) -> None:
        super().__init__(name, poll_seconds, hook_arguments)
        self.tags = tags or {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path, arguments = super().serialize()
        return path, {**arguments, "tags": self.tags}

    async def look(self, client: Any) -> dict[str, Any] | None:
        job = await client.describe_training_job(TrainingJobName=self.name)
        if (status := job["TrainingJobStatus"]) in FINAL_STATUSES:
            return {
                "name": self.name,
                "status": status,
                "reason": job.get("FailureReason") or job["SecondaryStatus"],
            }
        self.log.info("Training job %s: %s", self.name, job["SecondaryStatus"])
        return None

    async def on_kill(self) -> None:
        """A person has stopped, cleared or marked the waiting task: stop what costs money."""
        async with await self.connect() as client:
            try:
                job = await client.describe_training_job(TrainingJobName=self.name)
                tags = await client.list_tags(ResourceArn=job["TrainingJobArn"])
                if self.tags == {tag["Key"]: tag["Value"] for tag in tags["Tags"]}:
                    await client.stop_training_job(TrainingJobName=self.name)
            except ClientError as error:  # it has ended meanwhile
                self.log.warning("Training job %s was not stopped: %s", self.name, error)
