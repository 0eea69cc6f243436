"""Which errors are worth another try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import RetryDecision, RetryPolicy
from botocore.exceptions import ClientError

from include.errors import RetrainError

if TYPE_CHECKING:
    from airflow.sdk import Context

TRANSIENT_CODES = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
        "RequestTimeout", "RequestTimeoutException", "ResourceLimitExceeded", "SlowDown", "ExpiredToken",
        "ExpiredTokenException", "RequestTimeTooSkewed", "ConflictException",
    }
)  # fmt: skip


class RetryTransientErrors(RetryPolicy):
    """
    Fail at once where a person must mend something first: this product's own errors, and what AWS refuses for the
    request's sake (validation, access). Everything else, throttling and server errors above all, is tried again.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        if isinstance(exception, RetrainError):
            return RetryDecision.fail("the same at every try")
        if isinstance(exception, ClientError):
            code = exception.response.get("Error", {}).get("Code", "")
            status = exception.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            # A ModelError (424) carries what the container itself has answered.
            status = exception.response.get("OriginalStatusCode") or status
            if 400 <= status < 500 and status != 429 and code not in TRANSIENT_CODES:
                return RetryDecision.fail(f"AWS refuses the request ({code})")
        return RetryDecision.default()
