"""Glue's operations: take a checked request, return the answer of the service model."""

import re
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from local_aws.checked_requests import CheckedRequests
from local_aws.glue.exceptions import InvalidInputException
from local_aws.glue.models import GlueBackend

DEFAULT_PAGE = 200


class GlueResponse(CheckedRequests, BaseResponse):
    """Each operation has a method with its name in snake case. Any other operation is refused by name."""

    REFUSAL = InvalidInputException

    def __init__(self) -> None:
        super().__init__(service_name="glue")

    @property
    def backend(self) -> GlueBackend:
        from moto.glue.models import glue_backends

        backend: GlueBackend = glue_backends[self.current_account][self.region]
        return backend

    @property
    def request_members(self) -> dict[str, Any]:
        members: dict[str, Any] = self._parameters()
        return members

    # Jobs

    def create_job(self) -> ActionResult:
        return ActionResult({"Name": self.backend.create_job(self.request_members).name})

    def get_job(self) -> ActionResult:
        return ActionResult({"Job": self.backend.job(self.request_members["JobName"]).as_shape("Job")})

    def get_jobs(self) -> ActionResult:
        return self._page("Jobs", list(self.backend.jobs.values()), lambda job: job.as_shape("Job"))

    def list_jobs(self) -> ActionResult:
        wanted = (self.request_members.get("Tags") or {}).items()
        jobs = [
            job
            for job in list(self.backend.jobs.values())
            if wanted <= {tag["Key"]: tag["Value"] for tag in job.tags}.items()
        ]
        return self._page("JobNames", jobs, lambda job: job.name)

    def update_job(self) -> ActionResult:
        request = self.request_members
        return ActionResult({"JobName": self.backend.update_job(request["JobName"], request["JobUpdate"]).name})

    def delete_job(self) -> ActionResult:
        name = self.request_members["JobName"]
        self.backend.delete_job(name)
        return ActionResult({"JobName": name})

    # Runs

    def start_job_run(self) -> ActionResult:
        return ActionResult({"JobRunId": self.backend.start_job_run(self.request_members).name})

    def get_job_run(self) -> ActionResult:
        request = self.request_members
        return ActionResult({"JobRun": self.backend.run(request["JobName"], request["RunId"]).as_shape("JobRun")})

    def get_job_runs(self) -> ActionResult:
        runs = self.backend.runs_of(self.backend.job(self.request_members["JobName"]).name)
        return self._page("JobRuns", runs, lambda run: run.as_shape("JobRun"))

    def batch_stop_job_run(self) -> ActionResult:
        request = self.request_members
        stopped, errors = [], []
        for run_id in request["JobRunIds"]:
            names = {"JobName": request["JobName"], "JobRunId": run_id}
            if (error := self._stop(request["JobName"], run_id)) is None:
                stopped.append(names)
            else:
                errors.append({**names, "ErrorDetail": error})
        return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})

    def _stop(self, name: str, run_id: str) -> dict[str, str] | None:
        """Stop a run. Return why it cannot be stopped."""
        try:
            run = self.backend.run(name, run_id)
        except ServiceException as error:
            return {"ErrorCode": str(error.code), "ErrorMessage": str(error.message)}
        if run.stop():
            return None
        return {"ErrorCode": "IllegalStateException", "ErrorMessage": f"Job run is in state {run.status}."}

    # Tags

    def tag_resource(self) -> ActionResult:
        request = self.request_members
        added = [{"Key": key, "Value": value} for key, value in request["TagsToAdd"].items()]
        self.backend.tagged(request["ResourceArn"]).change_tags(added)
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        request = self.request_members
        self.backend.tagged(request["ResourceArn"]).change_tags([], removed=request["TagsToRemove"])
        return EmptyResult()

    def get_tags(self) -> ActionResult:
        tags = self.backend.tagged(self.request_members["ResourceArn"]).tags
        return ActionResult({"Tags": {tag["Key"]: tag["Value"] for tag in tags}})

    def _page(self, key: str, found: list[Any], show: Callable[[Any], Any]) -> ActionResult:
        request = self.request_members
        token = request.get("NextToken") or "0"
        if not re.fullmatch(r"[0-9]{1,9}", token):
            raise InvalidInputException("Invalid NextToken")
        start, end = int(token), int(token) + request.get("MaxResults", DEFAULT_PAGE)
        page: dict[str, Any] = {key: [show(entry) for entry in found[start:end]]}
        if end < len(found):
            page["NextToken"] = str(end)
        return ActionResult(page)


OPERATIONS = frozenset(
    "".join(word.capitalize() for word in name.split("_"))
    for name in vars(GlueResponse)
    if name.split("_")[0] in {"create", "get", "list", "update", "delete", "start", "batch", "tag", "untag"}
)
