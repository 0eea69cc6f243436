"""Settings of a deployment, from environment variables."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from include.config.errors import ConfigurationError

BOTOCORE_CONFIG: dict[str, Any] = {"retries": {"mode": "adaptive", "total_max_attempts": 6}}
"""
botocore's retries after throttling, server errors and lost connections, for every AWS client. The adaptive mode waits
longer after each attempt, with jitter, and limits the rate of a client that AWS throttles.
"""


_REQUIRED = {
    "RETRAIN_BUCKET": "the S3 bucket for tweets and models, e.g. my-team-tweets",
    "RETRAIN_ROLE_ARN": "the role that SageMaker assumes, e.g. arn:aws:iam::123456789012:role/sagemaker",
}


def _required(name: str, environment: Mapping[str, str]) -> str:
    if not (value := environment.get(name)):
        raise ConfigurationError(f"The environment variable {name} is not set: {_REQUIRED[name]}.")
    return value


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deployment keeps its tweets and models."""

    bucket: str
    """RETRAIN_BUCKET: the S3 bucket for the tweets and for the output of runs."""
    prefix: str = "twitter-data"
    """RETRAIN_PREFIX: the prefix of all keys in the bucket."""

    @property
    def deployment(self) -> str:
        """Identifies this deployment's resources among those of others in the same account."""
        return f"{self.bucket}/{self.prefix}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """
        :raises ConfigurationError: a required variable is not set, or a value is not valid
        """
        prefix = environment.get("RETRAIN_PREFIX", "twitter-data").strip("/")
        if not prefix or ".." in prefix.split("/"):
            raise ConfigurationError(f"RETRAIN_PREFIX={environment['RETRAIN_PREFIX']!r} is not a prefix in the bucket")
        return cls(_required("RETRAIN_BUCKET", environment), prefix)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Settings of a deployment. They are read when a task runs, so that the DAGs can be parsed without them.

    Region, credentials and endpoint URL come from AWS's environment variables or from the Airflow connection
    `aws_default` instead.
    """

    bucket: str
    role_arn: str
    """RETRAIN_ROLE_ARN: the IAM role that SageMaker assumes to read and write the bucket."""
    prefix: str = "twitter-data"
    training_image: str | None = None
    """RETRAIN_TRAINING_IMAGE: a BlazingText image to use instead of AWS's for the region."""
    glue_role_arn: str | None = None
    """RETRAIN_GLUE_ROLE_ARN: the role that Glue assumes to read and write the bucket, if it is not SageMaker's."""

    @property
    def deployment(self) -> str:
        return Place(self.bucket, self.prefix).deployment

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """
        :raises ConfigurationError: a required variable is not set, or a value is not valid
        """
        place = Place.from_environment(environment)
        return cls(
            bucket=place.bucket,
            role_arn=_required("RETRAIN_ROLE_ARN", environment),
            prefix=place.prefix,
            training_image=environment.get("RETRAIN_TRAINING_IMAGE") or None,
            glue_role_arn=environment.get("RETRAIN_GLUE_ROLE_ARN") or None,
        )


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """
    Where notices go (of failed and late runs, refused models and leaked resources). Without any of these settings
    nothing is sent.
    """

    topic_arn: str | None = None
    """RETRAIN_NOTIFY_TOPIC_ARN: an SNS topic."""
    function: str | None = None
    """RETRAIN_NOTIFIER: a function to call with subject and message instead of SNS, as package.module:function."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        topic_arn, function = (environment.get(name) for name in ("RETRAIN_NOTIFY_TOPIC_ARN", "RETRAIN_NOTIFIER"))
        return cls(topic_arn or None, function or None)


def browser_endpoint_url(environment: Mapping[str, str] = os.environ) -> str | None:
    """RETRAIN_BROWSER_ENDPOINT_URL: the address of a local AWS for browsers, if it differs from Airflow's."""
    return environment.get("RETRAIN_BROWSER_ENDPOINT_URL") or None


def tweets_queue_url(environment: Mapping[str, str] = os.environ) -> str | None:
    """RETRAIN_TWEETS_QUEUE_URL: the SQS queue to which S3 sends a message for each new object with labelled tweets."""
    return environment.get("RETRAIN_TWEETS_QUEUE_URL") or None


def allowed_hosts(environment: Mapping[str, str] = os.environ) -> list[str]:
    """
    RETRAIN_ALLOWED_HOSTS: the names under which Airflow's API server answers, separated by commas; empty: under any.
    """
    return [host.strip() for host in environment.get("RETRAIN_ALLOWED_HOSTS", "").split(",") if host.strip()]


def poll_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """
    RETRAIN_POLL_SECONDS: the interval at which tasks poll AWS. AWS throttles frequent calls; a local AWS does not.

    :raises ConfigurationError: not a positive number
    """
    return _seconds("RETRAIN_POLL_SECONDS", "30", environment, is_positive=True)


def seconds_before_deferral(environment: Mapping[str, str] = os.environ) -> float:
    """
    RETRAIN_SECONDS_BEFORE_DEFERRAL: how long a task that trains, tunes, deploys or promotes polls in its own process
    before it is deferred.
    A local AWS does its work on little data within the default. With AWS, where polls are further apart than that, a
    task is deferred after its first poll.

    :raises ConfigurationError: not a number, or less than 0
    """
    return _seconds("RETRAIN_SECONDS_BEFORE_DEFERRAL", "10", environment)


def retry_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """
    RETRAIN_RETRY_SECONDS: how long a failed task waits for its first retry; it waits twice as long for the next. It
    should outlast a short outage of AWS. A local AWS is back sooner.

    :raises ConfigurationError: not a positive number
    """
    return _seconds("RETRAIN_RETRY_SECONDS", "30", environment, is_positive=True)


def _seconds(name: str, default: str, environment: Mapping[str, str], is_positive: bool = False) -> float:
    text = environment.get(name) or default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf or (is_positive and not seconds):
        raise ConfigurationError(f"{name}={text!r} is not a {'positive ' if is_positive else ''}number of seconds")
    return seconds
