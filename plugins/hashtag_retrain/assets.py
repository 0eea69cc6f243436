"""
The assets of a hashtag: what its tasks read and write. Airflow shows them as a graph, and other DAGs can be scheduled
on their events.

An event has the date of the tweets as its partition key. So a DAG that is to run at events must have Airflow's
PartitionedAssetTimetable: an event with a key starts no other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import Asset

from hashtag_retrain.dates import run_date
from hashtag_retrain.lineage import note_datasets
from include.aws.console import PAGE
from include.config.names import dag_id_of, hashtag_of

if TYPE_CHECKING:
    from airflow.sdk import Context

APPROVED = "Approved"


class HashtagAssets(NamedTuple):
    """Each has a name like retrain_aws.model_version."""

    labelled_tweets: Asset
    prepared_dataset: Asset
    model_version: Asset
    """In the model registry, whatever its approval status."""
    approved_model: Asset
    """An event is a version that this product's gate, or a person before the run, has approved: the new champion."""
    endpoint: Asset
    report: Asset


def assets_of(hashtag: str) -> HashtagAssets:
    """
    The assets of a hashtag. They have no URIs, so that the same name is the same asset in any DAG: Airflow lets a task
    fail before it starts if a parse elsewhere has given one of its assets another URI, such as that of another bucket.
    For the same reason the tasks that hold and delete an endpoint have no assets.
    """
    return HashtagAssets(*(Asset(f"{dag_id_of(hashtag)}.{kind}") for kind in HashtagAssets._fields))


def hashtag_of_asset(asset: Asset) -> str:
    """The hashtag to which an asset belongs."""
    return hashtag_of(asset.name.partition(".")[0])


def announce(context: Context, result: Any) -> None:
    """
    Say more about the events of a task's outlets: the date as their key, and figures and addresses as their extra. Also
    tell OpenLineage of the task's datasets. Call this after each task. Airflow makes no events for a task that a
    trigger has ended, so no such task has outlets.
    """
    note_datasets(context, result)
    task, date = context["task"], None
    for asset in list(task.outlets):
        said = _said_of(asset, context, result)
        if said is None:
            task.outlets.remove(asset)  # of this attempt's process only: there is nothing new to tell
            continue
        date = date or run_date(context["dag"].dag_id, context["params"], context["dag_run"])
        event = context["outlet_events"][asset]
        event.add_partitions(date)
        event.extra = {"date": date, **said}


def _said_of(asset: Asset, context: Context, result: Any) -> Mapping[str, Any] | None:
    """What an event says beside the date; None if there is no event."""
    kind = asset.name.partition(".")[2]
    if kind == "prepared_dataset":
        return {name: result[name] for name in ("data_uri", "dates")}
    if kind == "endpoint":
        return _endpoint(context)
    if kind == "approved_model" and result["approval"] != APPROVED:
        return None
    return dict(result)


def _endpoint(context: Context) -> dict[str, Any]:
    ti = context["ti"]
    deployed, registered = ti.xcom_pull(task_ids=["deploy_endpoint", "register_model"])
    return {
        **deployed,
        "instance_type": context["params"]["endpoint_instance_type"],
        "endpoint_url": ti.xcom_pull(task_ids="deploy_endpoint", key=PAGE),
        "version": registered["version"],
    }
