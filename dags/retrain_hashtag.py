"""
Retrain the tweet classifier of a hashtag. Each hashtag has a DAG.

A run trains a model on labelled tweets, evaluates it, deploys it to an endpoint, and deletes the endpoint at its
deadline.

The hashtags are in include/hashtags.yaml, the functions of the tasks in include/steps, the operators in
plugins/hashtag_retrain.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from airflow.sdk import (
    DAG,
    TriggerRule,
    chain,
    literal,
    task,
)
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from hashtag_retrain.assets import announce, assets_of
from hashtag_retrain.backfills import SETTINGS, skip_empty_date_of_backfill
from hashtag_retrain.deadlines import ScheduledRun
from hashtag_retrain.documentation import doc_md, task_docs
from hashtag_retrain.failures import note_failure
from hashtag_retrain.hashtags import hashtags
from hashtag_retrain.links import ModelRegistryLink, PreparedDataLink, ReportLink
from hashtag_retrain.macros import MACROS
from hashtag_retrain.notices import tell_of_failed_run, tell_of_late_run
from hashtag_retrain.operators.delete import SageMakerDeleteEndpointOperator
from hashtag_retrain.operators.deploy import SageMakerOwnedEndpointOperator
from hashtag_retrain.operators.hold import SageMakerHoldEndpointOperator
from hashtag_retrain.operators.invoke import SageMakerInvokeEndpointOperator
from hashtag_retrain.operators.live import SageMakerPromoteOperator
from hashtag_retrain.operators.prepare import GluePrepareOnceOperator
from hashtag_retrain.operators.train import SageMakerTrainOnceOperator
from hashtag_retrain.operators.tune import SageMakerTuneOnceOperator
from hashtag_retrain.parameters import (
    DEFAULT_KEEP_MINUTES,
    MAX_KEEP_MINUTES,
    enter_task,
    run_parameters,
    start_run,
)
from hashtag_retrain.pools import ENDPOINT_POOL, TRAINING_POOL
from hashtag_retrain.results import field_of, fields_of, result_if
from hashtag_retrain.retries import RetryTransientErrors
from hashtag_retrain.sensors.tweets import TweetsSensor
from hashtag_retrain.timetable import TweetsTimetable
from hashtag_retrain.tuning import announce_and_skip_tuning
from include.config.hashtags import Hashtag
from include.config.names import dag_id_of
from include.config.ownership import DEPLOYMENT as DEPLOYMENT_TAG
from include.config.ownership import OWNER as OWNER_TAG
from include.config.settings import BOTOCORE_CONFIG, poll_seconds, retry_seconds
from include.evaluation.smoke_tests import check_smoke_test
from include.steps.evaluate_model import evaluate_model as evaluate
from include.steps.prepare_dataset import PARALLEL_TUNING_JOBS
from include.steps.prepare_dataset import prepare_dataset as prepare
from include.steps.record_outcome import record_outcome as record
from include.steps.register_model import register_model as register

DATE = "{{ run_date(dag.dag_id, params, dag_run) }}"
DEPLOYMENT = "{{ deployment() }}"
RUN_NAME = "{{ run_name(dag.dag_id, run_id) }}"
OWNER = "{{ owner_of(dag.dag_id, run_id) }}"
POLL_SECONDS = poll_seconds()

# If a run's logical date is before the DAG's start date or after its end date, Airflow creates no tasks for the run,
# and marks it as a success. People may train on any date that has tweets, and the trigger form's logical date is the
# current time. So the start date is early, and there is no end date.
EARLIEST = datetime(2006, 3, 21, tzinfo=UTC)

# Without multiple outputs: Airflow would store each field of a result once more, as an XCom of its own.
python_task = partial(task, multiple_outputs=False)

DEFAULT_ARGUMENTS = {
    "retries": 2,
    "retry_delay": timedelta(seconds=retry_seconds()),
    "retry_exponential_backoff": 2.0,
    "retry_policy": RetryTransientErrors(),
    "on_failure_callback": note_failure,
    "botocore_config": BOTOCORE_CONFIG,
    "pre_execute": enter_task,
    "post_execute": announce,
    "weight_rule": "upstream",  # later tasks first: an endpoint is held before the next one is created
    "show_return_value_in_logs": False,  # results are long: requests and test tweets
}


def _deadline(hashtag: Hashtag) -> DeadlineAlert:
    """
    When a scheduled run is late. The time for which it keeps its endpoint does not count.

    The reference is the logical date. If an alert counts from the time at which a run was queued, Airflow 3.3 cannot
    clear the run's tasks.
    """
    settings = hashtag.settings
    kept = timedelta(minutes=settings.parameters.get("keep_endpoint_minutes", DEFAULT_KEEP_MINUTES))
    interval = timedelta(hours=settings.late_after_hours) + kept
    return DeadlineAlert(
        reference=ScheduledRun(),
        interval=interval,
        callback=SyncCallback(tell_of_late_run, {"hashtag": hashtag.name, "hours": interval / timedelta(hours=1)}),
    )


def retrain(hashtag: Hashtag) -> DAG:
    """The DAG of a hashtag."""
    with DAG(
        dag_id=dag_id_of(hashtag.name),
        description=f"Retrain, evaluate, serve and clean up the tweet classifier of #{hashtag.name}",
        doc_md=doc_md(hashtag),
        schedule=TweetsTimetable(hashtag.settings.schedule, timezone="UTC"),
        start_date=EARLIEST,
        catchup=False,
        params=run_parameters(hashtag),
        default_args={**DEFAULT_ARGUMENTS, "owner": hashtag.settings.owner},
        on_failure_callback=tell_of_failed_run,
        deadline=_deadline(hashtag),
        user_defined_macros={**MACROS, SETTINGS: hashtag.settings},
        tags=sorted({"retrain", hashtag.name, *hashtag.settings.tags}),
    ) as dag:
        settings, labels, assets = hashtag.settings, literal(dict(hashtag.settings.labels)), assets_of(hashtag.name)

        wait_for_tweets = TweetsSensor(
            task_id="wait_for_tweets",
            bucket="{{ bucket() }}",
            folder="{{ tweets_folder(dag.dag_id, params, dag_run) }}",
            require_success_marker=settings.require_success_marker,
            poke_interval=POLL_SECONDS,
            timeout=timedelta(hours=settings.wait_hours).total_seconds(),
            pre_execute=start_run,
            inlets=[assets.labelled_tweets],
        )
        preparation: dict[str, Any] = {
            "hashtag": hashtag.name,
            "date": DATE,
            "run_name": RUN_NAME,
            "owner": OWNER,
            "preparation": literal(settings.preparation),
            "require_success_marker": settings.require_success_marker,
        }
        if settings.prepare_on == "glue":
            prepare_dataset = GluePrepareOnceOperator(
                task_id="prepare_dataset",
                arguments=preparation,
                workers=settings.glue_workers,
                check_interval=POLL_SECONDS,
                inlets=[assets.labelled_tweets],
                outlets=[assets.prepared_dataset],
                post_execute=announce_and_skip_tuning,
            ).output
        else:
            prepare_dataset = python_task(
                inlets=[assets.labelled_tweets],
                outlets=[assets.prepared_dataset],
                post_execute=announce_and_skip_tuning,
            )(skip_empty_date_of_backfill(prepare))(**preparation)
        tune_model = SageMakerTuneOnceOperator(
            task_id="tune_model",
            config=field_of(prepare_dataset, "tuning_request"),
            check_interval=POLL_SECONDS,
            pool=TRAINING_POOL,
            pool_slots=PARALLEL_TUNING_JOBS,
        )
        train_model = SageMakerTrainOnceOperator(
            task_id="train_model",
            config=field_of(prepare_dataset, "training_request"),
            tuned=result_if(field_of(prepare_dataset, "tuning_request"), tune_model.output),
            check_interval=POLL_SECONDS,
            pool=TRAINING_POOL,
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
            inlets=[assets.prepared_dataset],
        )
        evaluate_model = python_task(inlets=[assets.prepared_dataset, assets.approved_model])(evaluate)(
            hashtag=hashtag.name,
            date=DATE,
            run_name=RUN_NAME,
            labels=labels,
            prepared=prepare_dataset,
            trained=train_model.output,
        )
        register_model = python_task(outlets=[assets.model_version, assets.approved_model])(register)(
            hashtag=hashtag.name,
            date=DATE,
            run_name=RUN_NAME,
            prepared=prepare_dataset,
            evaluated=evaluate_model,
            trained=train_model.output,
        )
        deploy_endpoint = SageMakerOwnedEndpointOperator(
            task_id="deploy_endpoint",
            config=field_of(evaluate_model, "endpoint_request"),
            decision=field_of(evaluate_model, "decision"),
            owner_tag=OWNER,
            deployment=DEPLOYMENT,
            keep_minutes="{{ parameters_of_run(dag, params, dag_run).keep_endpoint_minutes }}",
            purpose=f"endpoint of {hashtag.name} {DATE}",
            deleted_by="delete_endpoint",
            check_interval=POLL_SECONDS,
            pool=ENDPOINT_POOL,
            inlets=[assets.model_version],
        )
        smoke_test = SageMakerInvokeEndpointOperator(
            task_id="smoke_test",
            endpoint_name=RUN_NAME,
            payload=field_of(evaluate_model, "smoke_test_request"),
            max_latency_seconds=10,
            response_check=check_smoke_test,
            response_check_arguments=fields_of(evaluate_model, "smoke_tests"),
            outlets=[assets.endpoint],
        )
        hold_endpoint = SageMakerHoldEndpointOperator(
            task_id="hold_endpoint",
            endpoint_name=RUN_NAME,
            max_minutes=MAX_KEEP_MINUTES,
            check_interval=POLL_SECONDS,
            pool=ENDPOINT_POOL,
            retries=5,
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,  # promote_model may be skipped
        )
        delete_endpoint = SageMakerDeleteEndpointOperator(
            task_id="delete_endpoint",
            endpoint_name=RUN_NAME,
            required_tags={OWNER_TAG: OWNER, DEPLOYMENT_TAG: DEPLOYMENT},
            check_interval=POLL_SECONDS,
            retries=5,
        ).as_teardown(on_failure_fail_dagrun=True)
        record_outcome = python_task(outlets=[assets.report])(record)(
            hashtag=hashtag.name, date=DATE, run_name=RUN_NAME
        )
        record_outcome.as_teardown(on_failure_fail_dagrun=True)

        chain(
            wait_for_tweets,
            prepare_dataset,
            tune_model,
            train_model,
            evaluate_model,
            register_model,
            deploy_endpoint,
            smoke_test,
            hold_endpoint,
            delete_endpoint,
            record_outcome,
        )
        chain(prepare_dataset, train_model)  # tune_model is skipped unless tune is on
        # Somebody may clear one of these again, and not delete_endpoint.
        chain([deploy_endpoint, smoke_test, hold_endpoint], record_outcome)
        if settings.live:
            promote_model = SageMakerPromoteOperator(
                task_id="promote_model",
                hashtag=hashtag.name,
                version=field_of(register_model, "version"),
                date=DATE,
                live=settings.live_endpoint,
                check_interval=POLL_SECONDS,
                pool=ENDPOINT_POOL,
            )
            chain(smoke_test, promote_model, hold_endpoint)
        prepare_dataset.operator.operator_extra_links = (PreparedDataLink(),)
        evaluate_model.operator.operator_extra_links = (ReportLink(),)
        register_model.operator.operator_extra_links = (ModelRegistryLink(),)
        record_outcome.operator.operator_extra_links = (ReportLink(),)
        docs = task_docs()
        for operator in dag.tasks:
            operator.doc_md = docs[operator.task_id]
    return dag


for entry in hashtags().usable:
    retrain(entry)
