"""
Results of other tasks and their fields, as arguments of operators.

A task stores its result once. Airflow's way to a field, ``task["field"]``, needs each field stored again, as an XCom of
its own, with a request to the API server. And it asks for a result again for each argument; these ask once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.xcom_arg import PlainXComArg

Argument = Callable[..., Any]
"""Airflow calls a function that is an argument of an operator, in place of rendering a template."""
_PULLED = "results_of_tasks"
"""Key in the context of a task: the results that its arguments have asked for, by the other tasks' ids."""


def field_of(task: PlainXComArg, name: str) -> Argument:
    """One field of a task's result."""

    def pull(context: Context, jinja_env: Any) -> Any:
        return _result_of(task, context)[name]

    return pull


def fields_of(task: PlainXComArg, *names: str) -> Argument:
    """Some fields of a task's result, by their names."""

    def pull(context: Context, jinja_env: Any) -> dict[str, Any]:
        result = _result_of(task, context)
        return {name: result[name] for name in names}

    return pull


def result_if(condition: Argument, task: PlainXComArg) -> Argument:
    """A task's result, or None if it has none; asked for only if the other argument is truthy."""

    def pull(context: Context, jinja_env: Any) -> Any:
        return _pull(task, context) if condition(context, jinja_env) else None

    return pull


def _result_of(task: PlainXComArg, context: Context) -> dict[str, Any]:
    result = _pull(task, context)
    if result is None:
        task_id = task.operator.task_id
        raise AirflowFailException(f"{task_id} has no result: it has not run, or somebody marked it. Clear {task_id}.")
    return result


def _pull(task: PlainXComArg, context: Context) -> dict[str, Any] | None:
    pulled: dict[str, dict[str, Any] | None] = cast("dict[str, Any]", context).setdefault(_PULLED, {})
    task_id = task.operator.task_id
    if task_id not in pulled:
        pulled[task_id] = task.resolve(context)
    return pulled[task_id]
