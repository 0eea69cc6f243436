"""Glue's state in one account and region, and how requests change it."""

import threading
import uuid
from typing import Any, ClassVar, TypeVar

from moto.core.base_backend import BaseBackend

from local_aws.glue.arguments import RunArguments
from local_aws.glue.exceptions import (
    AlreadyExistsException,
    ConcurrentRunsExceededException,
    EntityNotFoundException,
    NotSupported,
    ResourceNumberLimitExceededException,
)
from local_aws.glue.job import OF_RUNS, Job, check_definition, refuse_unsupported
from local_aws.glue.job_run import JobRun, Machine
from local_aws.glue.spark import Spark
from local_aws.sagemaker.models import Services
from local_aws.sagemaker.resource import Resource, Resources, now

Kind = TypeVar("Kind", bound=Resource)


class GlueResources(Resources[Kind]):
    """The resources of one kind, with Glue's errors."""

    def require_room(self) -> None:
        if len(self) >= self.kind.MAX_COUNT:
            raise ResourceNumberLimitExceededException(
                f"The local AWS has {len(self):,} {self.noun}s, and takes no more. Delete some first."
            )


class GlueBackend(BaseBackend):
    """Jobs and their runs of an account and region."""

    services: ClassVar[Services] = Services()
    machine: ClassVar[Machine] = Machine(Spark(), "")
    instances: ClassVar[list["GlueBackend"]] = []

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        services = self.services
        cloud = services.cloud(account_id, region_name)
        self._lock = threading.RLock()
        self.jobs = GlueResources(Job, cloud, "job")
        self.runs = GlueResources(JobRun, cloud, "job run")
        for collection in (self.jobs, self.runs):
            collection.restore()
            collection.resume()
        self.instances.append(self)

    @classmethod
    def stop_all(cls) -> None:
        """End every run that is at work."""
        for backend in cls.instances:
            for run in list(backend.runs.values()):
                run.abandon()
        cls.instances.clear()

    # Jobs

    def create_job(self, request: dict[str, Any]) -> Job:
        check_definition("CreateJob", request)
        tags = [{"Key": key, "Value": value} for key, value in (request.get("Tags") or {}).items()]
        with self._lock:
            if request["Name"] in self.jobs:
                raise AlreadyExistsException(f"Job with name {request['Name']} already exists.")
            return self.jobs.create({**request, "Tags": tags})

    def job(self, name: str) -> Job:
        """
        :raises EntityNotFoundException: there is no job of this name
        """
        if (job := self.jobs.get(name)) is None:
            raise EntityNotFoundException(f"Job with name: {name} not found.")
        return job

    def update_job(self, name: str, definition: dict[str, Any]) -> Job:
        """As on AWS, what the request leaves out gets its default."""
        check_definition("UpdateJob", definition)
        job = self.job(name)
        job.change(request={"Name": name, **definition}, modified=now())
        return job

    def delete_job(self, name: str) -> None:
        """Delete a job with all of its runs, if there is one."""
        with self._lock:
            for run in self.runs_of(name):
                run.stop()
                self.runs.remove(run.name)
            if name in self.jobs:
                self.jobs.remove(name)

    # Runs

    def start_job_run(self, request: dict[str, Any]) -> JobRun:
        """
        :raises ConcurrentRunsExceededException: as many runs of the job are at work as it allows
        :raises NotSupported: there is no Spark or no Java here, or the request asks for something that is not here
        """
        refuse_unsupported("StartJobRun", request)
        with self._lock:
            job = self.job(request["JobName"])
            facts, own = job.facts(), request.get("Arguments") or {}
            arguments = RunArguments.parse(
                {**facts.get("DefaultArguments", {}), **own, **facts.get("NonOverridableArguments", {})}
            )
            if missing := self.machine.spark.missing():
                raise NotSupported(f"The local AWS cannot run Glue jobs: {missing}.")
            self._require_free_run(job)
            settings = {name: request.get(name, facts.get(name)) for name in OF_RUNS}
            run = self.runs.create(
                {
                    "Id": f"jr_{uuid.uuid4().hex}{uuid.uuid4().hex}",
                    "JobName": job.name,
                    "Arguments": own,
                    "Command": facts["Command"],
                    "GlueVersion": facts["GlueVersion"],
                    **{name: value for name, value in settings.items() if value is not None},
                },
                status="STARTING",
            )
        run.start(self.machine, arguments)
        return run

    def _require_free_run(self, job: Job) -> None:
        at_work = [run for run in list(self.runs.values()) if run.is_in_progress]
        if sum(run.job_name == job.name for run in at_work) >= job.max_concurrent_runs:
            raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")
        if len(at_work) >= JobRun.MAX_IN_PROGRESS:
            raise ResourceNumberLimitExceededException(
                f"{len(at_work)} runs are at work, and the local AWS takes no more at a time."
            )

    def runs_of(self, name: str) -> list[JobRun]:
        """The runs of a job, the newest first."""
        return [run for run in reversed(list(self.runs.values())) if run.job_name == name]

    def run(self, name: str, run_id: str) -> JobRun:
        """
        :raises EntityNotFoundException: the job has no such run
        """
        run = self.runs.get(run_id)
        if run is None or run.job_name != name:
            raise EntityNotFoundException(f"Job run with id: {run_id} not found for job: {name}.")
        return run

    # Tags

    def tagged(self, arn: str) -> Job:
        """
        :raises EntityNotFoundException: there is no job with this ARN
        """
        job = next((job for job in list(self.jobs.values()) if job.arn == arn), None)
        if job is None:
            raise EntityNotFoundException(f"Resource with ARN {arn} not found.")
        return job
