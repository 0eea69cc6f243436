"""Which errors are worth another try."""

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
    Fail at once where a person must mend something first: this product's own errors, faults of code, and what AWS
    refuses for the request's sake (validation, access). Everything else, throttling and server errors above all, is
    tried again.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        if isinstance(exception, S3UploadFailedError):  # boto3's wrapping of what S3 has answered
            exception = exception.__context__ or exception
        if isinstance(exception, RetrainError):
            return RetryDecision.fail("the same at every try")
        if isinstance(exception, FAULTS_OF_CODE):
            return RetryDecision.fail("a fault of the code, the same at every try")
        if isinstance(exception, ClientError) and is_refused(exception):
            return RetryDecision.fail(f"AWS refuses the request ({_code(exception)})")
        return RetryDecision.default()


def is_refused(error: ClientError) -> bool:
    """Whether AWS refuses a request for its own sake, so that it will at every try."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    # A ModelError (424) carries what the container itself has answered.
    status = error.response.get("OriginalStatusCode") or status
    return 400 <= status < 500 and status != 429 and _code(error) not in TRANSIENT_CODES


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
