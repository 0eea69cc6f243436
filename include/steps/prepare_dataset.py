"""Prepare BlazingText's channels from labelled tweets, and the requests for training and tuning."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include import __version__
from include.aws.company import training_under
from include.aws.console import PAGE
from include.aws.dataset import PreparedData, fetch_tweets, sha256_of_files, upload_prepared
from include.aws.requests import training_request, tuning_request
from include.blazingtext.hyperparameters import HYPERPARAMETERS, TUNING_METRIC, to_request, tuning_ranges
from include.blazingtext.image import image_uri
from include.config.errors import DataError, NoRows
from include.config.names import fingerprint, training_job_name, tuning_job_name
from include.config.ownership import ownership_tags
from include.config.printable import printable
from include.config.settings import Settings
from include.results import Prepared
from include.steps.workplace import Workplace
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.tally import words_of_rows

PARALLEL_TUNING_JOBS = 2
"""Training jobs of a tuning at the same time. With more, the tuning is faster, but the search knows fewer results."""


def prepare_dataset(
    hashtag: str,
    date: str,
    run_name: str,
    owner: str,
    preparation: dict[str, Any],
    require_success_marker: bool = False,
    params: Mapping[str, Any] | None = None,
    ti: Any = None,
) -> dict[str, Any]:
    """Read, check, clean, tokenise and split the labelled tweets. Upload the channels and a report on the data."""
    assert params is not None
    place = Workplace.connect(hashtag, date)
    storage, keys = place.storage, place.keys
    with TemporaryDirectory(prefix="prepare-") as folder:
        tweets = fetch_tweets(
            storage, keys, int(params["window_days"]), Path(folder) / "in", storage.today(), require_success_marker
        )
        sources, dates = tweets.sources, tweets.dates
        names = ", ".join(source.name for source in sources)
        print(printable(f"Preparing the tweets of {', '.join(dates)}: {names}"))
        out = Path(folder) / "out"
        try:
            report = prepare(sources, out, PrepareSettings(**preparation))
        except NoRows:
            raise
        except DataError as error:
            rejected = storage.upload(out / "rejected.csv", keys.run(run_name) + "rejected.csv")
            raise DataError(f"{error} ({rejected})") from None
        print(printable(_words_of(report)))
        for sentence in (*(f"WARNING: {warning}" for warning in report["warnings"]), *report["notes"]):
            print(printable(sentence))
        sha256 = sha256_of_files(out)
        data = upload_prepared(storage, keys, out, sha256)
    ti.xcom_push(key=PAGE, value=storage.console.s3_folder(storage.bucket, storage.key_of(data.uri)))
    examples = report["splits"]["train"]["examples"]
    image = training_image(place.settings, storage.region)
    return prepared(place, data, sha256, examples, image, params, owner, dates, tweets.ignored_dates).to_xcom()


def _words_of(report: Mapping[str, Any]) -> str:
    """What was read, used and set aside."""
    tweets = ", ".join(f"{split['examples']:,} to {name}" for name, split in report["splits"].items())
    return f"{words_of_rows(report)}\nTweets: {tweets}"


def prepared(
    place: Workplace,
    data: PreparedData,
    sha256: Mapping[str, str],
    examples: int,
    image: str,
    params: Mapping[str, Any],
    owner: str,
    dates: list[str],
    ignored_dates: list[str],
) -> Prepared:
    """
    The task's result.

    :param sha256: of the prepared files, by the names in FILES
    :param examples: the number of training tweets
    """
    request = _training_request(place, data, sha256, image, params, owner, examples)
    training = training_under(place.rules, request)
    tuning = _tuning_request(place.keys.hashtag, request, training, sha256, params) if params["tune"] else {}
    return Prepared(training, tuning, data.uri, dates, _warnings_of_dates(ignored_dates))


def _warnings_of_dates(ignored: list[str]) -> list[str]:
    if not ignored:
        return []
    return [
        f"Labelled tweets of dates after today are ignored: {', '.join(ignored)}. If a date is wrong, move its folder."
    ]


def _training_request(
    place: Workplace,
    data: PreparedData,
    sha256: Mapping[str, str],
    image: str,
    params: Mapping[str, Any],
    owner: str,
    tweets: int,
) -> dict[str, Any]:
    """The training request. The job's name is a fingerprint of everything that affects the result."""
    settings, storage, keys = place.settings, place.storage, place.keys
    hyperparameters = to_request({name: params[name] for name in HYPERPARAMETERS}, tweets)
    decisive = {
        "train": sha256["train"],
        "validation": sha256["validation"],
        "image": image,
        "hyperparameters": hyperparameters,
        "instance_type": params["training_instance_type"],
        "code": __version__,
        "output": storage.uri(keys.models),
    }
    return training_request(
        job_name=training_job_name(keys.hashtag, keys.date, fingerprint(decisive)),
        image=image,
        role_arn=settings.role_arn,
        train_uri=data.channel("train"),
        validation_uri=data.channel("validation"),
        output_uri=storage.uri(keys.models),
        instance_type=params["training_instance_type"],
        hyperparameters=hyperparameters,
        tags=ownership_tags(owner, settings.deployment, f"training of {keys.hashtag} {keys.date}"),
    )


def _tuning_request(
    hashtag: str, plain: dict[str, Any], training: dict[str, Any], sha256: Mapping[str, str], params: Mapping[str, Any]
) -> dict[str, Any]:
    """
    The tuning request. The job's name is a fingerprint of everything that affects the result.

    :param plain: the training request without the company's rules, which do not affect it
    :param training: the training request with them
    """
    ranges, jobs = tuning_ranges(), params["tuning_jobs"]
    tuned = {entry["Name"] for entries in ranges.values() for entry in entries}
    # The channels' contents, and not their URIs, which also depend on the other prepared files.
    decisive = {
        **plain,
        "TrainingJobName": "",
        "Tags": [],
        "ranges": ranges,
        "jobs": jobs,
        "code": __version__,
        "InputDataConfig": [sha256["train"], sha256["validation"]],
    }
    decisive["HyperParameters"] = {k: v for k, v in plain["HyperParameters"].items() if k not in tuned}
    return tuning_request(
        job_name=tuning_job_name(hashtag, fingerprint(decisive)),
        training=training,
        metric=TUNING_METRIC,
        ranges=ranges,
        max_jobs=jobs,
        max_parallel_jobs=PARALLEL_TUNING_JOBS,
        tags={tag["Key"]: tag["Value"] for tag in training["Tags"]},
    )


def training_image(settings: Settings, region: str) -> str:
    """BlazingText's image: the setting, or AWS's image for the region."""
    return settings.training_image or image_uri(region)
