"""Which errors are retried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import RetryDecision, RetryPolicy
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from include.config.errors import RetrainError

if TYPE_CHECKING:
    from airflow.sdk import Context

TRANSIENT_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceLimitExceeded",
        "ResourceNumberLimitExceededException",
        "ConcurrentRunsExceededException",
        "SlowDown",
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestTimeTooSkewed",
        "ConflictException",
    }
)


FAULTS_OF_CODE = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, AssertionError)


class RetryTransientErrors(RetryPolicy):
    """
    Fail at once if a person must change something: after errors of this product, faults in the code, and requests that
    AWS refuses (validation, access). Retry after all other errors, for example throttling and server errors.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        if isinstance(exception, S3UploadFailedError):  # boto3 wraps S3's error in it
            exception = exception.__context__ or exception
        if isinstance(exception, RetrainError):
            return RetryDecision.fail("every try would have the same error")
        if isinstance(exception, FAULTS_OF_CODE):
            return RetryDecision.fail("a fault in the code: every try would have the same error")
        if isinstance(exception, ClientError) and is_refused(exception):
            return RetryDecision.fail(f"AWS refuses the request ({_code(exception)})")
        return RetryDecision.default()


def is_refused(error: ClientError) -> bool:
    """Whether AWS refuses the request itself, so that it would refuse every retry, too."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    # A ModelError (424) contains the status of the container's answer.
    status = error.response.get("OriginalStatusCode") or status
    return 400 <= status < 500 and status != 429 and _code(error) not in TRANSIENT_CODES


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
