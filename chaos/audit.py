"""What must be true after a round, by the local AWS's state and request log, and by Airflow."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chaos.clients import PRINCIPAL, Clients
from chaos.plan import Plan
from include.config.names import Keys, run_name
from local_stack.airflow_api import AirflowApi
from local_stack.errors import StackError

DELETED = "deleted"
IN_TRANSITION = ("Creating", "Updating", "Deleting")
SECONDS_TO_SETTLE = 30
READS = ("Describe", "List", "Get", "Head", "Invoke")


@dataclass(slots=True)
class Played:
    """A run of a round, as it ended."""

    run_id: str
    state: str
    """success, failed, deleted, or what it was when nobody waited any longer."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)


def untold(plan: Plan, run: Played, meddled: bool, clients: Clients) -> Iterator[str]:
    """Where a run's state does not tell the truth, before any sweep. What a person has said is taken for it."""
    if run.state == DELETED:
        return
    if run.state not in {"success", "failed"}:
        yield f"run {run.run_id} has not ended: {run.state}"
        return
    states = {name: task["state"] for name, task in run.tasks.items()}
    failed = sorted(name for name, state in states.items() if state in {"failed", "upstream_failed"})
    if meddled:
        return
    if run.state == "success" and failed:
        yield f"run {run.run_id} is a success, but {', '.join(failed)} failed"
    if run.state == "failed" and not failed:
        yield f"run {run.run_id} failed, but none of its tasks: {states}"
    if run.state == "success" and (left := clients.resources(run_name(clients.deployment, plan.dag_id, run.run_id))):
        yield f"run {run.run_id} is a success, and left {', '.join(left)}"
    if run.state == "success":
        yield from _report(plan, run, clients)


def _report(plan: Plan, run: Played, clients: Clients) -> Iterator[str]:
    """The report of a successful run is there, and says what its tasks say."""
    keys = Keys(clients.settings.prefix, plan.hashtag, plan.parameters["date"])
    key = keys.run(run_name(clients.deployment, plan.dag_id, run.run_id)) + "report.json"
    try:
        report = clients.read_json(key)
    except ClientError as error:
        yield f"run {run.run_id} is a success without a report: {error}"
        return
    if (report["decision"] or {}).get("deploy") is not True or not report["outcome"].startswith("Deployed"):
        yield f"run {run.run_id} was to deploy, is a success, and its report says: {report['outcome']}"


def leaks(plan: Plan, runs: list[Played], clients: Clients) -> Iterator[str]:
    """What of a round outlives its deadline by more than one sweep."""
    for run in runs:
        for kind, resource in clients.resources(run_name(clients.deployment, plan.dag_id, run.run_id)).items():
            yield f"{kind} of run {run.run_id} is left: {resource.get('EndpointStatus', '')}"
    if all(run.state in {"success", "failed", DELETED} for run in runs):
        for job in clients.training_jobs(plan):
            if job["TrainingJobStatus"] == "InProgress":
                yield f"training job {job['TrainingJobName']} still runs, and its run has ended"
        for job in clients.tuning_jobs(plan) if plan.parameters.get("tune") else []:
            if job["HyperParameterTuningJobStatus"] == "InProgress":
                yield f"tuning job {job['HyperParameterTuningJobName']} still runs, and its run has ended"


def disobeyed(plan: Plan, run: Played, answered: datetime, clients: Clients) -> Iterator[str]:
    """What a person answers moves the deadline's tag; nothing else does after the deployment."""
    calls = clients.calls_for(run_name(clients.deployment, plan.dag_id, run.run_id))
    moved = [call for call in calls if call["operation"] == "AddTags" and call["outcome"] == "ok"]
    if not any(datetime.fromisoformat(call["time"]) > answered for call in moved):
        yield f"what a person answered in run {run.run_id} was not done"


def trained_twice(plan: Plan, clients: Clients) -> Iterator[str]:
    """No fingerprint is trained twice successfully."""
    if plan.parameters.get("tune"):
        tuning = clients.tuning_jobs(plan)
        names = [
            job["HyperParameterTuningJobName"] for job in tuning if job["HyperParameterTuningJobStatus"] == "Completed"
        ]
    else:
        jobs = clients.training_jobs(plan)
        names = [job["TrainingJobName"] for job in jobs if job["TrainingJobStatus"] == "Completed"]
    if len(names) > 1:
        yield f"trained twice: {', '.join(sorted(names))}"


def mismatched(runs: list[Played], airflow: AirflowApi) -> Iterator[str]:
    """
    Tasks that Airflow has failed because it took a deferral's report of success for their own. (It also speaks of a
    mismatch where a person has cleared a task that ran; that one starts again.)
    """
    for run in runs:
        for entry in airflow.events("state mismatch", run.run_id):
            if re.search("finished with state success, .* state attribute is (running|queued)", entry["extra"]):
                yield f"state mismatch of {entry['task_id']} in run {run.run_id}: {entry['extra']}"


def kept(plan: Plan, run: Played, clients: Clients) -> Iterator[str]:
    """What is there still, although a person has marked the whole run: that is no reason to wait for the deadline."""
    name = run_name(clients.deployment, plan.dag_id, run.run_id)
    limit = time.monotonic() + SECONDS_TO_SETTLE
    while (left := clients.resources(name)) and time.monotonic() < limit:
        time.sleep(0.5)
    for kind in left:
        yield f"{kind} of run {run.run_id} is still there, although a person has marked the run"


def touched(name: str, clients: Clients) -> Iterator[str]:
    """The bystander is there, and nobody but us has asked for anything but to look at it."""
    if missing := {"endpoint", "endpoint config", "model"} - set(clients.resources(name)):
        yield f"of the bystander {name} is gone: {', '.join(sorted(missing))}"
    calls = Counter(
        call["operation"]
        for call in clients.calls_for(name)
        if call["principal"] != PRINCIPAL and not call["operation"].startswith(READS)
    )
    for operation, count in calls.items():
        yield f"{operation} was called {count} times for the bystander {name}"


def wait_for_deadlines(names: list[str], clients: Clients) -> None:
    """Until the deadline of everything of these names has passed, and nothing is in transition."""
    limit = time.monotonic() + SECONDS_TO_SETTLE * 3
    while time.monotonic() < limit:
        resources = [resource for name in names for resource in clients.resources(name).values()]
        busy = [resource for resource in resources if resource.get("EndpointStatus") in IN_TRANSITION]
        if not busy and all(clients.deadline_of(resource) <= datetime.now(UTC) for resource in resources):
            return
        time.sleep(0.5)


def sweep(airflow: AirflowApi) -> Iterator[str]:
    """Have the sweep run once, to its end."""
    run_id, state = airflow.trigger("sweep_endpoints", {}), "queued"
    limit = time.monotonic() + 120
    while state not in {"success", "failed"} and time.monotonic() < limit:
        time.sleep(0.5)
        with suppress(StackError):
            state = airflow.run_state("sweep_endpoints", run_id)
    if state != "success":
        yield f"the sweep {run_id} is {state}"
