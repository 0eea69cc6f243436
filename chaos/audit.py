"""
Look for violations after a round, in Airflow and in the local AWS's state and request log.

Each function yields the violations that it finds. Its docstring says what the violation is.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chaos.clients import PRINCIPAL, Clients
from chaos.plan import Plan
from include.config.names import Keys, run_name
from local_stack import processes
from local_stack.airflow_api import FINAL_RUN_STATES, AirflowApi
from local_stack.errors import StackError

DELETED = "deleted"
IN_TRANSITION = ("Creating", "Updating", "RollingBack", "Deleting")
FAILED_TASK_STATES = ("failed", "upstream_failed")
SECONDS_TO_SETTLE = 30
SECONDS_TO_SWEEP = 120
READS = ("Describe", "List", "Get", "Head", "Invoke")
"""How the names of operations begin that change nothing."""


@dataclass(slots=True)
class Run:
    """A DAG run of a round, as it was seen last."""

    run_id: str
    state: str
    """One of Airflow's states, or deleted."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)


def wrong_state(plan: Plan, run: Run, user_acted: bool, clients: Clients) -> Iterator[str]:
    """
    The run's state does not fit its tasks and resources. The sweep has not run yet.

    :param user_acted: a user has set the state of the run or of a task, so it need not fit
    """
    if run.state == DELETED:
        return
    if run.state not in FINAL_RUN_STATES:
        yield f"run {run.run_id} has not ended: {run.state}"
    elif user_acted:
        return
    elif run.state == "success":
        yield from _wrong_success(plan, run, clients)
    elif not _failed_tasks(run):
        states = {name: task["state"] for name, task in run.tasks.items()}
        yield f"run {run.run_id} failed, but none of its tasks: {states}"


def open_to_others(pids: Iterable[int]) -> list[str]:
    """A part of the stack listens beyond the loopback interface, after it has been started again, too."""
    return [
        f"listens beyond loopback: {socket}" for pid in pids for socket in processes.open_to_others(processes.tree(pid))
    ]


def _wrong_success(plan: Plan, run: Run, clients: Clients) -> Iterator[str]:
    if failed := _failed_tasks(run):
        yield f"run {run.run_id} is a success, but {', '.join(failed)} failed"
    if left := clients.resources(run_name(clients.deployment, plan.dag_id, run.run_id)):
        yield f"run {run.run_id} is a success, and left {', '.join(left)}"
    yield from _wrong_report(plan, run, clients)


def _failed_tasks(run: Run) -> list[str]:
    return sorted(name for name, task in run.tasks.items() if task["state"] in FAILED_TASK_STATES)


def _wrong_report(plan: Plan, run: Run, clients: Clients) -> Iterator[str]:
    """A successful run has no report, or its report says something else."""
    keys = Keys(clients.settings.prefix, plan.hashtag, plan.parameters["date"])
    key = keys.run(run_name(clients.deployment, plan.dag_id, run.run_id)) + "report.json"
    try:
        report = clients.read_json(key)
    except ClientError as error:
        yield f"run {run.run_id} is a success without a report: {error}"
        return
    if (report["decision"] or {}).get("deploy") is not True or report["status"] not in {"deployed", "rolled back"}:
        yield f"run {run.run_id} had to deploy and is a success, but its report says: {report['outcome']}"


def leaks(plan: Plan, runs: list[Run], clients: Clients) -> Iterator[str]:
    """Resources or jobs of a round still exist after their deadline and one sweep."""
    for run in runs:
        for kind, resource in clients.resources(run_name(clients.deployment, plan.dag_id, run.run_id)).items():
            yield f"{kind} of run {run.run_id} is left: {resource.get('EndpointStatus', '')}"
    if any(run.state not in {*FINAL_RUN_STATES, DELETED} for run in runs):
        return
    for job in clients.training_jobs(plan):
        if job["TrainingJobStatus"] == "InProgress":
            yield f"training job {job['TrainingJobName']} is still running after its run has ended"
    for job in clients.tuning_jobs(plan) if plan.parameters.get("tune") else []:
        if job["HyperParameterTuningJobStatus"] == "InProgress":
            yield f"tuning job {job['HyperParameterTuningJobName']} is still running after its run has ended"


def ignored_answer(plan: Plan, run: Run, answered: datetime, clients: Clients) -> Iterator[str]:
    """A user's answer has not changed the deadline's tag. After the deployment nothing else changes it."""
    calls = clients.calls_for(run_name(clients.deployment, plan.dag_id, run.run_id))
    changes = [call for call in calls if call["operation"] == "AddTags" and call["outcome"] == "ok"]
    if not any(datetime.fromisoformat(call["time"]) > answered for call in changes):
        yield f"the user's answer in run {run.run_id} had no effect"


def trained_twice(plan: Plan, clients: Clients) -> Iterator[str]:
    """More than one training with the same fingerprint has completed."""
    if plan.parameters.get("tune"):
        jobs, kind = clients.tuning_jobs(plan), "HyperParameterTuningJob"
    else:
        jobs, kind = clients.training_jobs(plan), "TrainingJob"
    names = sorted(job[f"{kind}Name"] for job in jobs if job[f"{kind}Status"] == "Completed")
    if len(names) > 1:
        yield f"trained twice: {', '.join(names)}"


def state_mismatches(runs: list[Run], airflow: AirflowApi) -> Iterator[str]:
    """
    Airflow has failed a task because it mistook the executor's report about a deferral for a report about the task's
    end. Airflow also logs a mismatch if a user clears a running task; that task starts again.
    """
    for run in runs:
        for entry in airflow.events("state mismatch", run.run_id):
            if re.search("finished with state success, .* state attribute is (running|queued)", entry["extra"]):
                yield f"state mismatch of {entry['task_id']} in run {run.run_id}: {entry['extra']}"


def not_deleted_after_mark(plan: Plan, run: Run, clients: Clients) -> Iterator[str]:
    """A user has marked the whole run, and its resources are not deleted at once."""
    name = run_name(clients.deployment, plan.dag_id, run.run_id)
    limit = time.monotonic() + SECONDS_TO_SETTLE
    while (left := clients.resources(name)) and time.monotonic() < limit:
        time.sleep(0.5)
    for kind in left:
        yield f"{kind} of run {run.run_id} still exists, although a user has marked the run"


def foreign_changes(name: str, clients: Clients) -> Iterator[str]:
    """The product has deleted or changed the foreign endpoint, its configuration or its model."""
    if missing := {"endpoint", "endpoint config", "model"} - set(clients.resources(name)):
        yield f"deleted from the foreign endpoint {name}: {', '.join(sorted(missing))}"
    calls = Counter(
        call["operation"]
        for call in clients.calls_for(name)
        if call["principal"] != PRINCIPAL and not call["operation"].startswith(READS)
    )
    for operation, count in calls.items():
        yield f"{operation} was called {count} times for the foreign endpoint {name}"


def wait_for_deadlines(names: list[str], clients: Clients) -> None:
    """Wait until the deadlines of all resources with these names have passed, and none is in transition."""
    limit = time.monotonic() + SECONDS_TO_SETTLE * 3
    while time.monotonic() < limit:
        resources = [resource for name in names for resource in clients.resources(name).values()]
        busy = [resource for resource in resources if resource.get("EndpointStatus") in IN_TRANSITION]
        if not busy and all(clients.deadline_of(resource) <= datetime.now(UTC) for resource in resources):
            return
        time.sleep(0.5)


def sweep(airflow: AirflowApi) -> Iterator[str]:
    """Run the sweep once. It does not succeed."""
    run_id, state = airflow.trigger("sweep_endpoints", {}), "queued"
    limit = time.monotonic() + SECONDS_TO_SWEEP
    while state not in FINAL_RUN_STATES and time.monotonic() < limit:
        time.sleep(0.5)
        with suppress(StackError):
            state = airflow.run_state("sweep_endpoints", run_id)
    if state != "success":
        yield f"the sweep {run_id} is {state}"
