"""
Every 15 minutes, delete endpoints, endpoint configurations and models whose deadline has passed, and stop jobs whose
run has ended.

The DAG touches only resources with this product's tags. Trigger it with *Dry run* to see what it would remove.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from hashtag_retrain.macros import deployment
from hashtag_retrain.operators.sweep import SageMakerSweepEndpointsOperator
from hashtag_retrain.retries import RetryTransientErrors
from include.config.settings import BOTOCORE_CONFIG, retry_seconds

with DAG(
    dag_id="sweep_endpoints",
    description="Delete endpoints, configurations and models whose deadline has passed; stop jobs whose run has ended",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # it deletes an endpoint if the run that owns it cannot
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="List what would be removed, and remove nothing."
        )
    },
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=retry_seconds()),
        "retry_policy": RetryTransientErrors(),
        "botocore_config": BOTOCORE_CONFIG,
    },
    user_defined_macros={"deployment": deployment},
    tags=["retrain"],
):
    SageMakerSweepEndpointsOperator(
        task_id="sweep_endpoints",
        name_contains="retrain",
        deployment="{{ deployment() }}",
        dry_run_only="{{ params.dry_run }}",
    )
