"""
Go back to a version, or turn a live endpoint off.

Runs of `retrain_<hashtag>` keep the live endpoint of a hashtag at the approved model. *Trigger* this DAG to let it
serve another version of the model registry, or to turn it off. A version is served with the same canary, alarms and
smoke tests, whatever its approval status. The next approved model of newer tweets replaces it.

`sweep_endpoints` starts a run of this DAG for a live endpoint that the hashtags file does not name any more. Then
*Required Actions* asks whether to turn it off. **AWS bills it until somebody answers.**
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.sdk import DAG, Param, TriggerRule, chain, task

from hashtag_retrain.failures import note_failure
from hashtag_retrain.live import ASK, DAG_ID, OFF, SERVE, TELL, choose_action, tell_outcome, what_is_billed
from hashtag_retrain.operators.live import SageMakerPromoteOperator, SageMakerRetireOperator
from hashtag_retrain.pools import ENDPOINT_POOL
from hashtag_retrain.retries import RetryTransientErrors
from include.config.settings import BOTOCORE_CONFIG, poll_seconds, retry_seconds

with DAG(
    dag_id=DAG_ID,
    description="Let a live endpoint serve a version of the model registry, or turn it off",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,  # a paused DAG would not ask
    params={
        "hashtag": Param(type="string", pattern="^[a-z0-9_]{1,50}$", title="Hashtag", description="Without the #."),
        "action": Param(
            SERVE,
            enum=[SERVE, OFF, ASK],
            title="Action",
            description=f"{SERVE}: serve the version below. {OFF}: delete the live endpoint and all that belongs to "
            f"it. {ASK}: ask in Required Actions whether to turn it off.",
        ),
        "version": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Version",
            description="Its number in the model registry. Only to serve a version.",
        ),
    },
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=retry_seconds()),
        "retry_policy": RetryTransientErrors(),
        "on_failure_callback": note_failure,
    },
    user_defined_macros={"what_is_billed": what_is_billed},
    tags=["retrain"],
) as dag:
    choose = task.branch(doc_md="takes the way that the parameter *action* names.")(choose_action)()
    serve_version = SageMakerPromoteOperator(
        task_id=SERVE,
        hashtag="{{ params.hashtag }}",
        version="{{ params.version }}",
        check_interval=poll_seconds(),
        pool=ENDPOINT_POOL,
        botocore_config=BOTOCORE_CONFIG,
        doc_md="updates the live endpoint to the version, with a canary, alarms and smoke tests.",
    )
    ask_person = HITLBranchOperator(
        task_id=ASK,
        subject="#{{ params.hashtag }} has a live endpoint that nobody wants, and AWS bills it",
        body="{{ what_is_billed(params.hashtag) }}",
        options=["Turn it off", "Keep it"],
        options_mapping={"Turn it off": OFF, "Keep it": TELL},
        doc_md="asks whether to turn the live endpoint off.",
    )
    turn_off = SageMakerRetireOperator(
        task_id=OFF,
        hashtag="{{ params.hashtag }}",
        check_interval=poll_seconds(),
        botocore_config=BOTOCORE_CONFIG,
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        doc_md="deletes the live endpoint, its configurations, its models and its alarms.",
    )
    tell = task(
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        doc_md="says what became of the live endpoint. A notice is sent of a rollback.",
    )(tell_outcome)()
    chain(choose, [serve_version, ask_person, turn_off], tell)
    chain(ask_person, turn_off)
