"""A model's artifact: read it from S3 and load its model."""

import io
import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp

from include.blazingtext.model_archive import MODEL_FILE, DamagedArchive, extract_model
from local_aws.blazingtext.inference import Predictor
from local_aws.cloud import S3, NoSuchObject, split_uri


class ArtifactError(Exception):
    """The artifact cannot be served."""

    def failure_reason(self, variant: str) -> str:
        """SageMaker's FailureReason for an endpoint. The log of the endpoint has the error's message."""
        if str(self).startswith("Failed to"):
            return str(self)
        return (
            f"The primary container for production variant {variant} did not pass the ping health check. Please check "
            "CloudWatch logs for this endpoint."
        )


def read_artifact(s3: S3, uri: str | None) -> bytes:
    """
    The archive's bytes.

    :raises ArtifactError: there is no object with this URI
    """
    try:
        return s3.read(*split_uri(uri or ""))
    except NoSuchObject:
        raise ArtifactError(
            f'Failed to download model data for container "container_1" from URL: "{uri or ""}". Please ensure that '
            "there is an object located at the URL and that the role passed to CreateModel has permissions to download "
            "the object."
        ) from None


def open_artifact(archive: bytes, uri: str, scratch: Path | None) -> Predictor:
    """
    Load the model in a ``model.tar.gz``.

    :param uri: the URI of the archive, for messages
    :param scratch: where to unpack the archive; None: in the system's folder for temporary files
    :raises ArtifactError: the archive is damaged, has no ``model.bin``, or BlazingText does not serve the model
    """
    folder = Path(mkdtemp(prefix="model-", dir=scratch))
    try:
        predictor = _load(archive, uri, folder / MODEL_FILE)
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # Requests may still be under way when an endpoint is updated or deleted.
    weakref.finalize(predictor, shutil.rmtree, folder, ignore_errors=True)
    return predictor


def _load(archive: bytes, uri: str, model_file: Path) -> Predictor:
    try:
        extract_model(io.BytesIO(archive), model_file)
    except DamagedArchive as error:
        raise ArtifactError(
            f'Failed to extract model data archive for container "container_1" from URL "{uri}". Please ensure '
            f"that the object located at the URL is a valid tar.gz archive. ({error})"
        ) from error
    except ValueError as error:
        raise ArtifactError(str(error)) from None
    try:
        return Predictor(model_file)
    except ValueError as error:
        raise ArtifactError(f"cannot load model.bin: {error}") from error
