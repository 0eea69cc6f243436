"""Names of jobs, endpoints and S3 keys. They are derived, not random, so that a retry finds what was created before."""

import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.config.errors import ConfigurationError

MAX_NAME_CHARACTERS = 63
"""SageMaker's limit for the names of jobs, models and endpoints."""
DAG_PREFIX = "retrain_"

_HASHTAG = re.compile(r"[a-z0-9_]{1,50}")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9]+")


def check_hashtag(hashtag: str) -> str:
    """
    Check that a hashtag can be part of a DAG id and of an S3 key.

    :raises ConfigurationError: it cannot
    """
    if not _HASHTAG.fullmatch(hashtag):
        raise ConfigurationError(
            f"hashtag {hashtag!r}: only a-z, 0-9 and _ are allowed, at most 50 characters, without the #"
        )
    return hashtag


def check_date(text: str) -> str:
    """
    Check that a text is a calendar date like 2026-01-31.

    :raises ConfigurationError: it is not
    """
    try:
        if datetime.date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ConfigurationError(f"date {text!r} is not a calendar date of the form 2026-01-31")


@dataclass(frozen=True, slots=True)
class Keys:
    """
    The S3 keys of one date of a hashtag.

    Hashtag and date are checked, so that no key lies outside the prefix.
    """

    prefix: str
    hashtag: str
    date: str

    def __post_init__(self) -> None:
        check_hashtag(self.hashtag)
        check_date(self.date)

    @property
    def hashtag_tweets(self) -> str:
        """Prefix of the tweets of all dates."""
        return f"{self.prefix}/hashtags/{self.hashtag}/"

    @property
    def tweets(self) -> str:
        """
        The date's labelled tweets: a folder of part files, as Glue and Spark write it, or a single object with this
        key. It has no slash at the end.
        """
        return f"{self.hashtag_tweets}{self.date}/labeled.csv"

    @property
    def output(self) -> str:
        """Prefix of all output of this date's runs."""
        return f"{self.hashtag_output}{self.date}/"

    @property
    def hashtag_output(self) -> str:
        """Prefix of all output of the hashtag's runs."""
        return f"{self.prefix}/marketing-model/{self.hashtag}/"

    def data(self, digest: str) -> str:
        """Prefix of prepared data; the digest of their content is part of it, so no run overwrites another's data."""
        return f"{self.output}data/{digest[:16]}/"

    def preparation(self, fingerprint: str) -> str:
        """Prefix of the plan and the outcome of a preparation on Spark."""
        return f"{self.output}prepare/{fingerprint[:16]}/"

    @property
    def models(self) -> str:
        """SageMaker writes `<job>/output/model.tar.gz` below this prefix."""
        return f"{self.output}models"

    def run(self, run_name: str) -> str:
        """Prefix of one run's evaluation and report."""
        return f"{self.output}runs/{run_name}/"

    def smoke_tests(self, run_name: str) -> str:
        """The smoke tests of a run's model."""
        return f"{self.run(run_name)}smoke-tests.json"

    @property
    def newest_evaluation(self) -> str:
        """The figures of the date's newest evaluation, for the history in reports."""
        return f"{self.output}newest-evaluation.json"


def dag_id_of(hashtag: str) -> str:
    """The DAG id of a hashtag."""
    return DAG_PREFIX + hashtag


def hashtag_of(dag_id: str) -> str:
    """The hashtag of a DAG."""
    return dag_id.removeprefix(DAG_PREFIX)


def run_name(deployment: str, dag_id: str, run_id: str) -> str:
    """
    The name of a run's endpoint, endpoint configuration and model. Every attempt of a run uses the same name.

    :param deployment: part of the digest, because another deployment in the account can have runs with the same ids
    """
    digest = hashlib.sha256(f"{deployment}\n{dag_id}\n{run_id}".encode()).hexdigest()[:12]
    return f"{start_of_run_name(dag_id)}{digest}"


def start_of_run_name(dag_id: str) -> str:
    """How the names of a DAG's endpoints begin; other DAGs' names may begin alike."""
    return f"{_slug(dag_id)}-"


def training_job_name(hashtag: str, date: str, fingerprint: str) -> str:
    """The name of the first training job for a fingerprint."""
    return f"retrain-{_slug(hashtag)}-{date}-{fingerprint[:12]}"


def tuning_job_name(hashtag: str, fingerprint: str) -> str:
    """The name of the first tuning job for a fingerprint: at most 28 of 32 allowed characters, so `-a99` still fits."""
    return f"tune-{_slug(hashtag)[:10].rstrip('-')}-{fingerprint[:12]}"


def glue_job_name(hashtag: str, date: str, fingerprint: str) -> str:
    """The name of the Glue job for a fingerprint."""
    return f"prepare-{_slug(hashtag)}-{date}-{fingerprint[:12]}"


def model_package_group(hashtag: str) -> str:
    """The name of a hashtag's model package group. Different hashtags have different groups."""
    slug = _NOT_IN_NAMES.sub("-", hashtag).strip("-")
    if slug == hashtag:
        return f"retrain-{hashtag}"
    return f"retrain-{slug[:40]}-{hashlib.sha256(hashtag.encode()).hexdigest()[:8]}"


def live_endpoint_name(hashtag: str) -> str:
    """The name of a hashtag's live endpoint."""
    return f"{model_package_group(hashtag)}-live"


def start_of_live_names(hashtag: str) -> str:
    """How the names of the models and endpoint configurations of a hashtag's live endpoint begin."""
    return f"{live_endpoint_name(hashtag)[:36].rstrip('-')}-v"


def live_name(hashtag: str, version: int, content: Mapping[str, Any]) -> str:
    """
    The name of the model, and of the endpoint configuration, with which the live endpoint serves a version.

    :param content: everything in which two of them can differ
    """
    return f"{start_of_live_names(hashtag)}{version}-{fingerprint(content)[:8]}"


def next_attempt(name: str, attempt: int) -> str:
    """The name of the `attempt`-th job for the same fingerprint, counted from 1."""
    return name if attempt == 1 else f"{name}-a{attempt}"


def fingerprint(settings: Mapping[Any, Any]) -> str:
    """SHA-256 of everything on which the result of a job depends."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _slug(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text)[:26].strip("-")
