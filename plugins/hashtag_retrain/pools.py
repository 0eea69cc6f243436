"""The pools that bound how many instances this product asks an account for at once."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

TRAINING_POOL = "sagemaker_training"
ENDPOINT_POOL = "sagemaker_endpoints"
SLOTS = 4
"""Few, so that an account's first quotas suffice; set the pools' slots to yours under Admin, Pools."""
POOLS = {
    # Airflow never schedules a task that needs more slots than its pool has; tune_model needs two to be skipped, too.
    TRAINING_POOL: "Training instances at once, of all hashtags: one a training job, two a tuning job. Two at least.",
    ENDPOINT_POOL: "Endpoints at once, of all hashtags: while they are made and while they are held.",
}


def make_pools() -> None:
    """Make the pools that are not there: Airflow never schedules the tasks of a pool that does not exist."""
    from airflow.models.pool import Pool
    from sqlalchemy.exc import IntegrityError

    for name, description in POOLS.items():
        if Pool.get_pool(name) is not None:  # somebody may have set its slots
            continue
        try:
            # A task that waits, deferred, holds its slot: its job or its endpoint still runs.
            Pool.create_or_update_pool(name, slots=SLOTS, description=description, include_deferred=True)
        except IntegrityError:  # another component starts at the same time
            continue


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Airflow calls this as its components start, and, where there is no database, as each task does."""
    if type(component).__name__ == "Job":
        make_pools()
