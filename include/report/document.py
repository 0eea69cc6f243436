"""
The run's report as data (report.json), made from the states and results of its tasks.

Its schema is in run-report.schema.json. REPORT_SCHEMA is the schema's version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from include.evaluation.gate import TO_BE_DEPLOYED, Decision
from include.report.failures import NO_MESSAGE, describe_failures
from include.results import ENDED, Promoted, Registered, Results, Trained, Tuned

REPORT_SCHEMA = "run-report/4"

Status = Literal["deployed", "rolled back", "not deployed", "failed", "skipped", "unfinished", "evaluated"]
"""
What became of the run's model. "rolled back": the live endpoint has given it up. "skipped": there were no tweets.
"unfinished": the run goes on, or ended without an evaluation. "evaluated": outside of a run, by the command line.
"""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses for a browser."""

    run: str | None = None
    training_job: str | None = None
    tuning_job: str | None = None
    registry: str | None = None
    endpoint: str | None = None
    tasks: Mapping[str, str] = field(default_factory=dict)
    """By task id."""
    files: Mapping[str, str] = field(default_factory=dict)
    """By the names in the run's files."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run that a report is about."""

    hashtag: str
    date: str | None
    """None outside of a run; as the next three fields."""
    dag_id: str | None
    run_id: str | None
    name: str | None
    code_version: str
    parameters: Mapping[str, Any]
    states: Mapping[str, str | None]
    """Airflow's states by task id; None for a task that has no state yet."""
    files: Mapping[str, str | None] = field(default_factory=dict)
    """URIs by name."""
    failures: Mapping[str, str | None] = field(default_factory=dict)
    """Messages of the failed tasks by task id; None if a task has left no message."""
    attempts: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """This run's jobs that did not complete, by the id of the failed task that started them."""
    links: Links = field(default_factory=Links)


NOT_DELETED = "not deleted by this attempt: it still exists, or was deleted before"


def failed_tasks(states: Mapping[str, str | None]) -> list[str]:
    """The tasks that failed themselves, without those in state upstream_failed."""
    return [task_id for task_id, state in states.items() if state == "failed"]


def describe_run(
    run: Run,
    results: Results,
    data: Mapping[str, Any] | None,
    evaluation: Mapping[str, Any] | None,
    history: list[dict[str, Any]],
) -> dict[str, Any]:
    """
    Make the report of a run, which may still be running.

    :param results: what the tasks have returned so far
    :param data: prepare's report, if there is one yet
    :param evaluation: the content of evaluation.json, if there is one yet
    :param history: the newest evaluation of each date of the hashtag, the oldest date first
    """
    prepared, evaluated = results.prepare_dataset, results.evaluate_model
    decision = evaluated.decision if evaluated else None
    cost = _cost(run, results)
    status, outcome = _outcome(run, decision, results.promote_model)
    outcome += _leftover(run, cost["endpoint"])
    return {
        "schema": REPORT_SCHEMA,
        "hashtag": run.hashtag,
        "date": run.date,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "run_name": run.name,
        "code_version": run.code_version,
        "status": status,
        "outcome": outcome,
        "links": asdict(run.links),
        "summary": [*(prepared.warnings if prepared else []), *_summary(outcome, data, evaluation)],
        "tasks": dict(run.states),
        "failures": {task_id: message or NO_MESSAGE for task_id, message in run.failures.items()},
        "dates": prepared.dates if prepared else None,
        "parameters": dict(run.parameters),
        "files": dict(run.files),
        "data": {name: value for name, value in data.items() if name != "samples"} if data else None,
        "tuning": _as_dict(results.tune_model),
        "training": _as_dict(results.train_model),
        "evaluation": dict(evaluation) if evaluation else None,
        "history": history,
        "decision": _as_dict(decision),
        "registration": _registration(results.register_model),
        "endpoint": _as_dict(results.deploy_endpoint),
        "smoke_test": results.smoke_test,
        "promotion": _as_dict(results.promote_model),
        "deletion": _as_dict(results.delete_endpoint),
        "cost": cost,
    }


def describe_evaluation(
    run: Run, data: Mapping[str, Any], evaluation: Mapping[str, Any], outcome: str
) -> dict[str, Any]:
    """
    Make the report of an evaluation outside of a run.

    :param run: without states
    :param data: prepare's report
    :param evaluation: `include.evaluation.scoring.Scored.found`
    """
    report = describe_run(run, Results(), data, evaluation, [])
    return {**report, "status": "evaluated", "outcome": outcome, "summary": _summary(outcome, data, evaluation)}


def _as_dict(result: Any) -> dict[str, Any] | None:
    return asdict(result) if result else None


def _registration(registered: Registered | None) -> dict[str, Any] | None:
    """Without the figures and addresses, which the report has elsewhere."""
    names = ("model_package_arn", "version", "approval")
    return {name: getattr(registered, name) for name in names} if registered else None


def subject_of_notice(report: Mapping[str, Any]) -> str | None:
    """The subject of a notice about a run that has ended; None if no notice is needed."""
    what = f"#{report['hashtag']} {report['date']}"
    if failed_tasks(report["tasks"]):
        return f"{what}: Failed at {', '.join(failed_tasks(report['tasks']))}."
    if report["status"] == "rolled back":
        return f"{what}: the live endpoint has rolled the new model back."
    if (report["decision"] or {}).get("refused"):
        return f"{what}: the new model was not deployed."
    return None


def _outcome(run: Run, decision: Decision | None, promoted: Promoted | None) -> tuple[Status, str]:
    states = run.states
    if failed := failed_tasks(states):
        why = describe_failures({task_id: run.failures.get(task_id) for task_id in failed})
        return "failed", f"Failed at {why.rstrip('.')}."
    if "skipped" in (states.get("wait_for_tweets"), states.get("prepare_dataset")):
        return "skipped", f"Skipped: no labelled tweets of {run.date}."
    if decision is None:
        return "unfinished", "No model was evaluated."
    status, outcome = _outcome_of(decision, states.get("deploy_endpoint"))
    if promoted is None:
        return status, outcome
    if promoted.status == "rolled back":
        return "rolled back", str(promoted)
    return status, f"{outcome} {promoted}"


def _leftover(run: Run, endpoint: str) -> str:
    """A sentence if the run has left its endpoint; the endpoint of a run that goes on is meant to be there."""
    has_ended = run.states.get("delete_endpoint") in ENDED
    return f" Its endpoint was {NOT_DELETED}." if has_ended and endpoint == NOT_DELETED else ""


def _outcome_of(decision: Decision, deployment: str | None) -> tuple[Status, str]:
    """
    :param deployment: the state of deploy_endpoint, which has not failed
    """
    if not decision.deploy:
        return "not deployed", decision.reason
    if deployment == "success":
        return "deployed", decision.reason.replace(TO_BE_DEPLOYED, "Deployed", 1)
    if deployment == "skipped":
        words = "Not deployed, because deploy_endpoint was skipped"
        return "not deployed", decision.reason.replace(TO_BE_DEPLOYED, words, 1)
    return "unfinished", decision.reason


def _summary(outcome: str, data: Mapping[str, Any] | None, evaluation: Mapping[str, Any] | None) -> list[str]:
    """The sentences to read first. Warnings come before the figures, which depend on the data."""
    warnings = [warning for found in (data, evaluation) if found for warning in found["warnings"]]
    return [*warnings, outcome, *(evaluation["verdicts"] if evaluation else [])]


def _cost(run: Run, results: Results) -> dict[str, Any]:
    """
    Seconds that AWS bills for this run; None if they are not known, because a task did not finish. A reused job costs
    nothing here, because it was billed to the run that started it.
    """
    endpoint_seconds, endpoint = _endpoint_cost(run.name, results)
    jobs = [job for job in (results.tune_model, results.train_model) if job]
    attempts = [asdict(attempt) for job in jobs for attempt in job.attempts]
    attempts += [attempt for left in run.attempts.values() for attempt in left]
    return {
        "failed_attempts": attempts,
        "failed_attempts_seconds": _total(attempt["billable_seconds"] for attempt in attempts),
        "training_seconds": 0 if results.tune_model else _job_seconds("train_model", run, results.train_model),
        "tuning_seconds": _job_seconds("tune_model", run, results.tune_model),
        "training_instance_type": run.parameters.get("training_instance_type"),
        "endpoint_seconds": endpoint_seconds,
        "endpoint": endpoint,
        "endpoint_instance_type": run.parameters.get("endpoint_instance_type"),
    }


def _total(seconds: Iterable[int | None]) -> int | None:
    """The sum; None if one of the values is not known."""
    known = list(seconds)
    return None if None in known else sum(second for second in known if second is not None)


def _job_seconds(task_id: str, run: Run, job: Tuned | Trained | None) -> int | None:
    if job is None:
        not_started = run.states.get(task_id) in {None, "skipped", "upstream_failed", "removed"}
        return 0 if not_started or run.attempts.get(task_id) else None
    return 0 if job.reused else job.billable_seconds


def _endpoint_cost(name: str | None, results: Results) -> tuple[float | None, str]:
    """Seconds from the endpoint's creation to its deletion, and a sentence about the endpoint."""
    created = results.deploy_endpoint.created_at if results.deploy_endpoint else None
    deletion = results.delete_endpoint
    if deletion and f"endpoint {name}" in deletion.deleted:
        if created is None:
            return None, "deleted; the time of its creation is not known"
        lifetime = datetime.fromisoformat(deletion.deleted_at) - datetime.fromisoformat(created)
        if lifetime >= timedelta(0):
            return lifetime.total_seconds(), "deleted"
        # Then the deletion was that of an earlier endpoint of this run.
    if created is not None:
        return None, NOT_DELETED
    return (0, "none was created") if deletion else (None, "none had been created when this was written")
