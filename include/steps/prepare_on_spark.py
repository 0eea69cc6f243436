"""Prepare a dataset on Spark: what the task does before the job runs, and what it makes of the job's outcome."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from include.aws.dataset import PreparedData, fetch_tweets
from include.blazingtext.hyperparameters import HYPERPARAMETERS
from include.config.errors import DataError, MissingObject, NoRows
from include.config.names import glue_job_name
from include.config.ownership import ownership_tags
from include.config.printable import printable
from include.spark import package
from include.spark.plan import OUTCOME, PLAN, REJECTED, Outcome, Plan, sources_of
from include.steps.prepare_dataset import prepared, training_image
from include.steps.workplace import Workplace

PARAMETERS = (*HYPERPARAMETERS, "training_instance_type", "tune", "tuning_jobs")
"""Parameters of the run on which the requests for training and tuning depend."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """A planned preparation, and what the task's result needs beside its outcome. It is a small JSON value."""

    job_name: str
    """Made of the plan's fingerprint."""
    folder: str
    """The key of the folder of plan and outcome."""
    hashtag: str
    date: str
    run_name: str
    owner: str
    params: dict[str, Any]
    image: str
    dates: list[str]
    ignored_dates: list[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def plan_dataset(
    hashtag: str,
    date: str,
    run_name: str,
    owner: str,
    preparation: dict[str, Any],
    params: Mapping[str, Any],
    require_success_marker: bool = False,
) -> Preparation:
    """List the labelled tweets, and upload a plan of their preparation."""
    place = Workplace.connect(hashtag, date)
    storage, keys = place.storage, place.keys
    tweets = fetch_tweets(storage, keys, int(params["window_days"]), None, storage.today(), require_success_marker)
    names = ", ".join(source.name for source in tweets.sources)
    print(printable(f"Preparing the tweets of {', '.join(tweets.dates)} on Spark: {names}"))
    sources = sources_of(tweets.sources)
    plan = Plan(storage.bucket, keys.prefix, hashtag, date, preparation, sources, code=package.digest())
    storage.write_json(plan.to_json(), plan.folder + PLAN)
    return Preparation(
        job_name=glue_job_name(hashtag, date, plan.fingerprint),
        folder=plan.folder,
        hashtag=hashtag,
        date=date,
        run_name=run_name,
        owner=owner,
        params={name: params[name] for name in PARAMETERS},
        image=training_image(place.settings, storage.region),
        dates=tweets.dates,
        ignored_dates=tweets.ignored_dates,
    )


class GlueJob(NamedTuple):
    """What a Glue job is made of."""

    script: str
    """A URI."""
    arguments: dict[str, str]
    """Of its runs."""
    role_arn: str
    tags: dict[str, str]


def glue_job(preparation: Preparation) -> GlueJob:
    """Upload the code for a job; return what the job is made of."""
    place = Workplace.connect(preparation.hashtag, preparation.date)
    uris = package.upload(place.storage, place.keys.prefix)
    arguments = {
        "--extra-py-files": uris[package.ARCHIVE],
        "--additional-python-modules": uris[package.REQUIREMENTS],
        "--python-modules-installer-option": "-r",
        "--conf": "spark.driver.maxResultSize=0",  # the driver collects the rejected rows, which may be many
        "--PLAN": place.storage.uri(preparation.folder + PLAN),
        "--OWNER": preparation.owner,
    }
    purpose = f"preparation of {preparation.hashtag} {preparation.date}"
    tags = {**ownership_tags(preparation.owner, place.settings.deployment, purpose), **place.rules.tags}
    if key := place.rules.kms_keys.s3:
        arguments["--KMS_KEY"] = key
    return GlueJob(uris[package.SCRIPT], arguments, place.settings.glue_role_arn or place.settings.role_arn, tags)


def prepared_dataset(preparation: Preparation) -> dict[str, Any] | None:
    """
    The result of prepare_dataset, from the outcome of the job; None if there is none, or if its data are gone.

    :raises DataError: the outcome is that the tweets cannot be used
    """
    place = Workplace.connect(preparation.hashtag, preparation.date)
    storage = place.storage
    try:
        outcome = Outcome.from_json(storage.read_json(preparation.folder + OUTCOME))
    except MissingObject:
        return None
    if outcome.is_empty:
        raise NoRows(outcome.error)
    if outcome.error:
        rejected = storage.copy(preparation.folder + REJECTED, place.keys.run(preparation.run_name) + REJECTED)
        raise DataError(f"{outcome.error} ({rejected})")
    data = PreparedData(outcome.data_uri)
    if not storage.exists(storage.key_of(data.file("report"))):
        return None
    for sentence in (*(f"WARNING: {warning}" for warning in outcome.warnings), *outcome.notes):
        print(printable(sentence))
    return prepared(
        place,
        data,
        outcome.sha256,
        outcome.train_examples,
        preparation.image,
        preparation.params,
        preparation.owner,
        preparation.dates,
        preparation.ignored_dates,
    ).to_xcom()
