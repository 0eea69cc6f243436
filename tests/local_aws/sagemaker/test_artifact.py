import io
import tarfile

import pytest
from botocore.exceptions import WaiterError

from tests.local_aws.conftest import deploy, wait_for_endpoint

PING = "did not pass the ping health check"


def archive_of(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def shortened_model(archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = tar.extractfile("model.bin").read()
    return archive_of("model.bin", content[:-10])


@pytest.mark.parametrize(
    ("artifact", "reason"),
    [
        pytest.param(lambda model: None, "Failed to download model data for container", id="missing"),
        pytest.param(lambda model: b"no archive", "Failed to extract model data archive", id="no archive"),
        pytest.param(lambda model: model[: len(model) // 2], "Failed to extract model data archive", id="cut archive"),
        pytest.param(lambda model: archive_of("readme.txt", b"hello"), PING, id="no model.bin"),
        pytest.param(lambda model: archive_of("model.bin", b"no model"), PING, id="no fastText model"),
        pytest.param(shortened_model, PING, id="cut model"),
    ],
)
def test_an_endpoint_without_a_readable_model_fails_with_sagemakers_reason(
    sagemaker, client, settings, model_archive, artifact, reason
):
    content = artifact(model_archive)
    if content is not None:
        client("s3").put_object(Bucket=settings.bucket, Key="model.tar.gz", Body=content)
    name = deploy(sagemaker, f"s3://{settings.bucket}/model.tar.gz")

    with pytest.raises(WaiterError):
        wait_for_endpoint(sagemaker, name)

    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    assert endpoint["EndpointStatus"] == "Failed"
    assert reason in endpoint["FailureReason"]
