"""What became of a run, out of its tasks' states and results."""

from collections.abc import Mapping
from typing import Any

REPORT_SCHEMA = "run-report/1"


def failed_tasks(states: Mapping[str, str | None]) -> list[str]:
    """Tasks that failed themselves, not those that wait behind one."""
    return [task_id for task_id, state in states.items() if state == "failed"]


def describe_outcome(
    hashtag: str,
    date: str,
    dag_id: str,
    run_id: str,
    states: Mapping[str, str | None],
    results: Mapping[str, Any],
) -> dict[str, Any]:
    """
    The run's report.

    :param states: of every task of the run by its id, as far as it has one
    :param results: what each task returned; None where it did not come to that
    """
    prepared = results.get("prepare_dataset") or {}
    evaluated = results.get("evaluate_model") or {}
    return {
        "schema": REPORT_SCHEMA,
        "hashtag": hashtag,
        "date": date,
        "dag_id": dag_id,
        "run_id": run_id,
        "outcome": _in_words(states, evaluated.get("decision")),
        "tasks": dict(states),
        "dates": prepared.get("dates"),
        "data": prepared.get("summary"),
        "files": prepared.get("data"),
        "training": results.get("train_model"),
        "evaluation": evaluated.get("evaluation"),
        "decision": evaluated.get("decision"),
        "endpoint": results.get("deploy_endpoint"),
        "smoke_test": results.get("smoke_test"),
        "deletion": results.get("delete_endpoint"),
    }


def _in_words(states: Mapping[str, str | None], decision: Mapping[str, Any] | None) -> str:
    if failed := failed_tasks(states):
        return f"Failed at {', '.join(failed)}."
    if states.get("wait_for_tweets") == "skipped":
        return "Skipped: no labelled tweets for this date."
    if decision is None:
        return "Nothing was evaluated."
    return str(decision["reason"])
