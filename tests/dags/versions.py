"""What Airflow compares to know whether a DAG has a new version."""

from collections.abc import Mapping
from typing import Any

from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import DagSerialization


def versions(dags: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each DAG, by its id."""
    return {dag_id: SerializedDagModel.hash(DagSerialization.to_dict(dag)) for dag_id, dag in dags.items()}
