"""
Fields of another task's result, as arguments of operators.

A task stores its result once. Airflow's way to a field, ``task["field"]``, needs each field stored again, as an XCom of
its own, with a request to the API server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.xcom_arg import XComArg

Argument = Callable[..., Any]
"""Airflow calls a function that is an argument of an operator, in place of rendering a template."""


def field_of(task: XComArg, name: str) -> Argument:
    """One field of a task's result."""

    def pull(context: Context, jinja_env: Any) -> Any:
        return _result_of(task, context)[name]

    return pull


def fields_of(task: XComArg, *names: str) -> Argument:
    """Some fields of a task's result, by their names."""

    def pull(context: Context, jinja_env: Any) -> dict[str, Any]:
        result = _result_of(task, context)
        return {name: result[name] for name in names}

    return pull


def _result_of(task: XComArg, context: Context) -> dict[str, Any]:
    result: dict[str, Any] = task.resolve(context)
    return result
