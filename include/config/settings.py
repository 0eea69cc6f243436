"""Where this deployment lives, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from include.config.errors import ConfigurationError

BOTOCORE_CONFIG: dict[str, Any] = {"retries": {"mode": "adaptive", "total_max_attempts": 6}}
"""
How every AWS client treats throttling, server errors and lost connections before a task fails: botocore's adaptive mode
backs off exponentially, with jitter, and slows down a client that is throttled.
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Settings of a deployment. They are read when a task runs, so that the DAGs can be parsed without them.

    Region, credentials and endpoint URL are not among them: they are AWS's own environment variables, or the fields of
    the Airflow connection `aws_default`.
    """

    bucket: str
    """RETRAIN_BUCKET: the S3 bucket that holds the tweets and takes everything that runs make."""
    role_arn: str
    """RETRAIN_ROLE_ARN: the IAM role that SageMaker assumes; it reads and writes the bucket."""
    prefix: str = "twitter-data"
    """RETRAIN_PREFIX: everything lies below this prefix of the bucket."""
    training_image: str | None = None
    """RETRAIN_TRAINING_IMAGE: the BlazingText image, where it is not the SageMaker SDK's answer for the region."""

    @property
    def deployment(self) -> str:
        """What tells this deployment's resources from those of others in the same account."""
        return f"{self.bucket}/{self.prefix}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """
        :raises ConfigurationError: a variable without a default is not set, or one is not what it should be
        """
        for name, meaning in (
            ("RETRAIN_BUCKET", "the S3 bucket for tweets and models, e.g. my-team-tweets"),
            (
                "RETRAIN_ROLE_ARN",
                "the role that SageMaker assumes, e.g. arn:aws:iam::123456789012:role/sagemaker",
            ),
        ):
            if not environment.get(name):
                raise ConfigurationError(f"The environment variable {name} is not set: {meaning}.")
        prefix = environment.get("RETRAIN_PREFIX", "twitter-data").strip("/")
        if not prefix or ".." in prefix.split("/"):
            raise ConfigurationError(f"RETRAIN_PREFIX={environment['RETRAIN_PREFIX']!r} is no prefix inside the bucket")
        return cls(
            bucket=environment["RETRAIN_BUCKET"],
            role_arn=environment["RETRAIN_ROLE_ARN"],
            prefix=prefix,
            training_image=environment.get("RETRAIN_TRAINING_IMAGE") or None,
        )


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """Who is told of failed runs, refused models and leaked resources: nobody, unless one of these is set."""

    topic_arn: str | None = None
    """RETRAIN_NOTIFY_TOPIC_ARN: an SNS topic."""
    function: str | None = None
    """RETRAIN_NOTIFIER: a function of subject and message to be called instead of SNS, as package.module:function."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        topic_arn, function = (environment.get(name) for name in ("RETRAIN_NOTIFY_TOPIC_ARN", "RETRAIN_NOTIFIER"))
        return cls(topic_arn or None, function or None)


def browser_endpoint_url(environment: Mapping[str, str] = os.environ) -> str | None:
    """RETRAIN_BROWSER_ENDPOINT_URL: where browsers find a local AWS that Airflow knows by another address."""
    return environment.get("RETRAIN_BROWSER_ENDPOINT_URL") or None


def poll_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """
    RETRAIN_POLL_SECONDS: how often waiting tasks look. AWS throttles those who look too often; a local AWS does not.

    :raises ConfigurationError: not a positive number
    """
    return _positive_seconds("RETRAIN_POLL_SECONDS", environment)


def retry_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """
    RETRAIN_RETRY_SECONDS: how long a failed task waits for its first retry; twice as long for the next. Long enough to
    outlast an outage of AWS's; a local AWS is back sooner.

    :raises ConfigurationError: not a positive number
    """
    return _positive_seconds("RETRAIN_RETRY_SECONDS", environment)


def _positive_seconds(name: str, environment: Mapping[str, str]) -> float:
    text = environment.get(name) or "30"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name}={text!r} is not a positive number of seconds")
    return seconds
