import pytest
from airflow.sdk import RetryAction
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, EndpointConnectionError

from hashtag_retrain.retries import RetryTransientErrors
from include.config.errors import DataError


def client_error(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "CreateModel")


def refused_upload(code: str, status: int) -> S3UploadFailedError:
    """As boto3's upload_file raises it."""
    try:
        try:
            raise client_error(code, status)
        except ClientError as error:
            raise S3UploadFailedError(str(error))  # noqa: B904 (as boto3 does)
    except S3UploadFailedError as error:
        return error


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (DataError("bad rows"), RetryAction.FAIL),
        (TypeError("extract() got an unexpected keyword argument"), RetryAction.FAIL),
        (client_error("ValidationException", 400), RetryAction.FAIL),
        (client_error("AccessDeniedException", 403), RetryAction.FAIL),
        (client_error("ThrottlingException", 400), RetryAction.DEFAULT),
        (client_error("ModelNotReadyException", 429), RetryAction.DEFAULT),
        (client_error("ExpiredToken", 400), RetryAction.DEFAULT),
        (client_error("InternalServerError", 500), RetryAction.DEFAULT),
        (refused_upload("AccessDenied", 403), RetryAction.FAIL),
        (refused_upload("SlowDown", 503), RetryAction.DEFAULT),
        (EndpointConnectionError(endpoint_url="x"), RetryAction.DEFAULT),
        (RuntimeError("who knows"), RetryAction.DEFAULT),
    ],
)
def test_what_a_person_must_mend_is_not_tried_again(error, action):
    assert RetryTransientErrors().evaluate(error, 1, 3).action == action


def test_an_upload_that_s3_refuses_is_not_tried_again(storage, order_fault, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    order_fault(operation="s3:PutObject", name=f"{storage.bucket}/*", error="AccessDenied", times=None)

    with pytest.raises(S3UploadFailedError, match="AccessDenied") as error:
        storage.upload(tmp_path / "file", "file")

    assert RetryTransientErrors().evaluate(error.value, 1, 3).action == RetryAction.FAIL
