"""
Start the run of a date as soon as its labelled tweets have arrived, beside the schedule.

An event of the asset `retrain_<hashtag>.labelled_tweets`, with the date as its partition key, starts the run; somebody
can create it in Airflow's UI or over its API. With RETRAIN_TWEETS_QUEUE_URL, S3 sends messages about new objects to an
SQS queue, and they become such events.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, AssetAny, PartitionedAssetTimetable, task

from hashtag_retrain.arrivals import announce_arrivals, queue_of, read_messages, runs_to_start
from hashtag_retrain.assets import assets_of
from hashtag_retrain.hashtags import hashtags
from hashtag_retrain.retries import RetryTransientErrors
from include.config.settings import retry_seconds, tweets_queue_url

ALWAYS = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "is_paused_upon_creation": False,  # nobody would notice: the schedule starts the runs later
    "default_args": {
        "retries": 2,
        "retry_delay": timedelta(seconds=retry_seconds()),
        "retry_policy": RetryTransientErrors(),
    },
    "tags": ["retrain"],
}
LABELLED_TWEETS = [assets_of(hashtag.name).labelled_tweets for hashtag in hashtags().usable]

if LABELLED_TWEETS:
    with DAG(
        dag_id="start_early",
        description="Start the run of a date whose labelled tweets have arrived",
        doc_md=__doc__,
        schedule=PartitionedAssetTimetable(assets=AssetAny(*LABELLED_TWEETS)),
        max_active_runs=1,  # two events of one date at once would clear the date's run twice, and so interrupt it
        **ALWAYS,
    ):
        runs = task(doc_md="lists the runs to start, and says of which dates and hashtags tweets have arrived.")
        TriggerDagRunOperator.partial(
            task_id="start_run",
            doc_md="starts the date's run. It is skipped if the date has a run with the same logical date already, and "
            "fails if that run was refused. The log of runs_to_start says why.",
        ).expand_kwargs(runs(runs_to_start)())

if LABELLED_TWEETS and (url := tweets_queue_url()):
    with DAG(
        dag_id="read_tweets_queue",
        description="Make S3's messages about new labelled tweets events of their assets",
        doc_md=__doc__,
        schedule=[queue_of(url)],
        **ALWAYS,
    ):
        task(
            outlets=LABELLED_TWEETS,
            post_execute=announce_arrivals,
            doc_md="makes each message about a new object with labelled tweets an event of its hashtag and date.",
        )(read_messages)()
