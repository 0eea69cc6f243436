"""What Airflow's UI shows about a hashtag's DAG, for whoever opens it there."""

from __future__ import annotations

from hashtag_retrain.parameters import DEFAULT_KEEP_MINUTES
from include.config.hashtags import Hashtag

STORY = """\
This DAG trains a classifier of #{hashtag} tweets, and keeps it on an endpoint for a while.
Its labels: {labels}. Whom to ask: **{owner}**.

**What a run does**

1. `wait_for_tweets` waits for the date's labelled tweets in S3. A backfill skips a date without tweets.
2. `prepare_dataset` cleans, tokenises and splits them.
3. `tune_model` (only with the parameter *tune*) and `train_model` train on SageMaker. The same data and settings are
   not trained twice.
4. `evaluate_model` tests the model on tweets that it has not seen, beside simple baselines and the champion.
5. `register_model` makes it a version in the model registry.
6. `deploy_endpoint` and `smoke_test` deploy it, if it passes the gate and no newer date has tweets.
7. `hold_endpoint` keeps the endpoint, for {keep} minutes by default. **AWS bills it until it is deleted.**
8. `delete_endpoint` deletes what the run has created, also if an earlier task failed.
9. `record_outcome` writes the run's report.

**Where to look.** The tasks' tab *Details* has links: the report (`evaluate_model`, `record_outcome`), the training
job, the model registry, the endpoint.

**How to keep or delete an endpoint.** While `hold_endpoint` waits, *Required Actions* asks: delete it now, or keep it
longer.

**How to train on another date.** *Trigger*, and set the date. Empty is the newest date that has tweets. *Backfill*
takes the tweets' dates as they are. Airflow's backfill form can lose parameters, so backfills use
`backfill_parameters` of the hashtags file: {backfill_parameters}.
"""


def doc_md(hashtag: Hashtag) -> str:
    """The DAG's documentation, in Markdown."""
    settings = hashtag.settings
    backfill = ", ".join(f"`{name}: {value}`" for name, value in settings.backfill_parameters.items())
    return STORY.format(
        hashtag=hashtag.name,
        labels=", ".join(f"`{label}`" for label in dict.fromkeys(settings.labels.values())),
        owner=settings.owner,
        keep=settings.parameters.get("keep_endpoint_minutes", DEFAULT_KEEP_MINUTES),
        backfill_parameters=backfill or "none",
    )
