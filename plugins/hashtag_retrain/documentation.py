"""What Airflow's UI shows about a hashtag's DAG, for whoever opens it there."""

from __future__ import annotations

from hashtag_retrain.parameters import DEFAULT_KEEP_MINUTES
from include.config.hashtags import DEFAULT_OWNER, Hashtag

TASKS = {
    "wait_for_tweets": """\
waits for the date's labelled tweets in S3, at most `wait_hours` of the hashtags file. A backfill skips a date without
tweets. Its log says which parameters hold in this run, and what it waits for.""",
    "prepare_dataset": """\
cleans, tokenises and splits them. Its log says how many rows were read, used and rejected; the rejected rows are in
the file that it names.""",
    "tune_model": """\
(only with the parameter *tune*) searches hyperparameters on SageMaker, with several training jobs.""",
    "train_model": """\
trains on SageMaker. The same data and settings are not trained twice: a job that has done so is used again. The job's
log appears in this task's log.""",
    "evaluate_model": """\
tests the model on tweets that it has not seen, beside simple baselines and the champion, and decides whether the model
is deployed.""",
    "register_model": """\
makes it a version in the model registry: Approved, Rejected, or PendingManualApproval, about which a
person decides.""",
    "deploy_endpoint": """\
deploys it, if it passes the gate and no newer date has tweets. **AWS bills the endpoint until it is deleted.**""",
    "smoke_test": """\
asks the endpoint about some test tweets. It must answer as the evaluated model does.""",
    "promote_model": """\
(only with `live: true` in the hashtags file) lets the live endpoint serve the model, if it is Approved and no newer
date has tweets. A canary, alarms and smoke tests guard the update. A rollback is told in the report and in a notice.
**AWS bills the live endpoint until somebody turns it off.**""",
    "hold_endpoint": """\
keeps the endpoint until its deadline, {keep}. *Required Actions* asks meanwhile: delete it now, or keep it
longer.""",
    "delete_endpoint": """\
deletes what the run has created, also if an earlier task failed. If it fails itself, the DAG `sweep_endpoints` deletes
the endpoint after its deadline.""",
    "record_outcome": """\
writes the run's report, and fails if a task has failed. A notice is sent of failed runs and refused models.""",
}
"""What each task does: its name and this are a sentence."""
KEEP = "the minutes of the parameter *keep_endpoint_minutes* after the start of its deployment"

NO_OWNER = "Whom to ask is not said: set `owner` in the hashtags file."
STORY = """\
This DAG trains a classifier of #{hashtag} tweets, and keeps it on an endpoint for a while.
Its labels: {labels}. {whom_to_ask}

**What a run does**

{tasks}

**Where to look.** The tasks' tab *Details* has links: the labelled tweets and the prepared data in S3, the training job
and its log, the report (`evaluate_model`, `record_outcome`), the model registry, the endpoint. *Assets* shows what the
tasks read and write, with the figures of each date.

**How to keep or delete an endpoint.** While `hold_endpoint` waits, *Required Actions* asks: delete it now, or keep it
longer.

**How to train on another date.** *Trigger*, and set the date. Empty is the newest date that has tweets. *Backfill*
takes the tweets' dates as they are. Airflow's backfill form can lose parameters, so backfills use
`backfill_parameters` of the hashtags file: {backfill_parameters}.
"""


def task_docs() -> dict[str, str]:
    """The documentation of each task, in Markdown, by the task's id."""
    return {task_id: f"`{task_id}` {text.format(keep=KEEP)}" for task_id, text in TASKS.items()}


def doc_md(hashtag: Hashtag) -> str:
    """The DAG's documentation, in Markdown."""
    settings = hashtag.settings
    backfill = ", ".join(f"`{name}: {value}`" for name, value in settings.backfill_parameters.items())
    minutes = settings.parameters.get("keep_endpoint_minutes", DEFAULT_KEEP_MINUTES)
    kept = f"by default {minutes:g} minutes after the start of its deployment"
    return STORY.format(
        hashtag=hashtag.name,
        labels=", ".join(f"`{label}`" for label in dict.fromkeys(settings.labels.values())),
        whom_to_ask=f"Whom to ask: **{settings.owner}**." if settings.owner != DEFAULT_OWNER else NO_OWNER,
        tasks="\n".join(
            f"{number}. `{task_id}` {text.format(keep=kept)}" for number, (task_id, text) in enumerate(TASKS.items(), 1)
        ),
        backfill_parameters=backfill or "none",
    )
