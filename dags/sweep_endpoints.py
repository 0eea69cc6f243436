"""
Every 15 minutes, delete endpoints, endpoint configurations and models whose deadline has passed, and stop jobs whose
run has ended.

It also lists the live endpoints, which it does not touch. If the hashtags file does not name one of them, a run of the
DAG `live_endpoint` asks a person whether to turn it off.

The DAG touches only resources with this product's tags. Trigger it with *Dry run* to see what it would remove.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, task

from hashtag_retrain import live
from hashtag_retrain.failures import note_failure
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
        "on_failure_callback": note_failure,
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
        doc_md="deletes what has outlived its deadline, and stops jobs without a run.",
    )
    listed = task(doc_md="lists the live endpoints, with their age and what AWS bills for them this month.")
    TriggerDagRunOperator.partial(
        task_id="ask_about_unwanted",
        trigger_dag_id=live.DAG_ID,
        skip_when_already_exists=True,  # it was asked before
        doc_md="starts a run that asks a person about a live endpoint that the hashtags file does not name.",
    ).expand_kwargs(listed(live.list_live_endpoints)())
