"""Wait for a training job."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from hashtag_retrain.triggers.polling import PollingTrigger

FINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})


class TrainingJobTrigger(PollingTrigger):
    """Fire when a training job has ended, with `name`, `status` and `reason`. Killed by a person, stop the job."""

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
                await client.stop_training_job(TrainingJobName=self.name)
            except ClientError as error:  # it has ended meanwhile
                self.log.warning("Training job %s was not stopped: %s", self.name, error)
