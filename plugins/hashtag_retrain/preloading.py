"""
Modules that Airflow's components import once, when they start.

The DAG processor forks a process for each parsing of a DAG file, and Airflow 3.3 parses it twice for each task that a
trigger ends. LocalExecutor forks a process for each task. What their parents have imported, forks need not.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl

IMPORTED_FOR_DAGS = (
    "airflow.dag_processing.bundles.local",
    "airflow.providers.common.compat.openlineage.check",
    "airflow.providers.standard.decorators.branch_python",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.providers.standard.sensors.external_task",
    "airflow.providers.standard.triggers.hitl",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.definitions.template",
    "airflow.timetables.trigger",
    "hashtag_retrain.arrivals",
    "hashtag_retrain.assets",
    "hashtag_retrain.documentation",
    "hashtag_retrain.failures",
    "hashtag_retrain.hashtags",
    "hashtag_retrain.live",
    "hashtag_retrain.macros",
    "hashtag_retrain.notices",
    "hashtag_retrain.operators.delete",
    "hashtag_retrain.operators.hold",
    "hashtag_retrain.operators.invoke",
    "hashtag_retrain.operators.live",
    "hashtag_retrain.operators.prepare",
    "hashtag_retrain.operators.sweep",
    "hashtag_retrain.operators.tune",
    "hashtag_retrain.results",
    "hashtag_retrain.retries",
    "hashtag_retrain.sensors.tweets",
    "hashtag_retrain.tuning",
    "include.steps.evaluate_model",
    "include.steps.prepare_dataset",
    "include.steps.record_outcome",
    "include.steps.register_model",
    "jinja2.ext",
    "setproctitle",
)
"""What the DAG files import, and what Airflow imports to parse one and to start a task."""


def import_all(names: tuple[str, ...]) -> None:
    for name in names:
        import_module(name)


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Airflow calls this when a component starts, and also when a task starts."""
    if type(component).__name__ == "Job":
        import_all(IMPORTED_FOR_DAGS)
        _make_sessions_ready()


def _make_sessions_ready() -> None:
    """If Airflow's settings say that sessions share what they read."""
    from airflow.providers.amazon.aws.hooks.base_aws import SessionFactory

    from hashtag_retrain.sessions import SharedModelsSessionFactory, make_ready

    if issubclass(SessionFactory, SharedModelsSessionFactory):
        make_ready()
