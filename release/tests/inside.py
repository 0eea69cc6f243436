"""
Runs in the environment of a bundle, with that platform's Python, folders and variables, and prints what it found as the
last line, in JSON: ``python inside.py packages|triggerer|run``. It imports nothing of this repository by itself.
"""

import json
import os
import sys
from importlib import import_module
from importlib.metadata import distributions
from pkgutil import iter_modules
from typing import Any


def packages() -> dict[str, Any]:
    """Their versions."""
    return {found.name: found.version for found in distributions()}


def triggerer() -> dict[str, Any]:
    """A triggerer knows a trigger by the name of its class, and has no DAGs."""
    from airflow.jobs.triggerer_job_runner import TriggerRunner
    from airflow.triggers.base import BaseTrigger

    package = import_module("hashtag_retrain.triggers")
    modules = [f"{package.__name__}.{found.name}" for found in iter_modules(package.__path__)]
    names = [
        f"{module}.{name}"
        for module in modules
        for name, value in vars(import_module(module)).items()
        if isinstance(value, type) and issubclass(value, BaseTrigger) and value.__module__ == module
    ]
    loaded = [TriggerRunner().get_trigger_by_classpath(name) for name in names]
    return {"triggers": [loaded_class.__name__ for loaded_class in loaded]}


def run() -> dict[str, Any]:
    """The plugin as the API server loads it, the DAGs as a DAG processor does, and one run of a hashtag's DAG."""
    from airflow import plugins_manager
    from airflow.dag_processing.dagbag import DagBag

    plugins, plugin_errors = plugins_manager._get_plugins()
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    return {
        "pages": [app["url_prefix"] for plugin in plugins for app in plugin.fastapi_apps],
        "dags": sorted(bag.dags),
        "errors": {**plugin_errors, **bag.import_errors},
        "tasks": _states(bag.dags["retrain_aws"]),
    }


def _states(dag: Any) -> dict[str, str]:
    """Of the tasks of a run: what runs in Python, sensors, operators that defer until AWS has done its work."""
    for task in dag.tasks:
        task.retries = 0
    dag.deadline = None  # dag.test() fails for a DAG with an alert
    quick = {"epochs": 10, "buckets": 1000, "keep_endpoint_minutes": 0.001}
    dag_run = dag.test(run_conf={"date": "2026-01-07", "deploy": "always", **quick})
    return {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}


if __name__ == "__main__":
    if sys.argv[1] != "packages":
        import airflow.settings

        airflow.settings.initialize()
    print("\n" + json.dumps({"packages": packages, "triggerer": triggerer, "run": run}[sys.argv[1]]()))
