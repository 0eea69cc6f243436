"""The pools that limit how many instances this product uses at the same time."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

TRAINING_POOL = "sagemaker_training"
ENDPOINT_POOL = "sagemaker_endpoints"
SLOTS = 4
"""Few, so that the initial quotas of an account suffice. Set the slots to your quotas under Admin, Pools."""
POOLS = {
    # Airflow never schedules a task that needs more slots than its pool has. tune_model needs two.
    TRAINING_POOL: "Training instances of all hashtags. A training job takes one slot, a tuning job two. At least two.",
    ENDPOINT_POOL: "Endpoints of all hashtags, while they are created and while they are held.",
}


def make_pools() -> None:
    """Create missing pools, because Airflow never schedules the tasks of a pool that does not exist."""
    from airflow.models.pool import Pool
    from sqlalchemy.exc import IntegrityError

    for name, description in POOLS.items():
        if Pool.get_pool(name) is not None:  # somebody may have changed its slots
            continue
        try:
            # A deferred task keeps its slot, because its job or its endpoint is still running.
            Pool.create_or_update_pool(name, slots=SLOTS, description=description, include_deferred=True)
        except IntegrityError:  # another component starts at the same time
            continue


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Airflow calls this when a component starts, and also when a task starts, which has no database."""
    if type(component).__name__ == "Job":
        make_pools()
