import io

import pytest
from botocore.exceptions import ClientError

from include.aws import s3_stream
from include.aws.s3_stream import S3Object


@pytest.fixture
def found(storage, monkeypatch):
    monkeypatch.setattr(s3_stream, "RANGE_BYTES", 10)
    s3_stream.s3_client.cache_clear()
    storage.write_bytes(bytes(range(256)), "bytes")
    (listed,) = storage.list_objects("bytes")
    return S3Object(storage.bucket, listed.key, listed.etag, listed.size)


def test_an_object_is_read_as_a_file_is(found):
    with found() as stream:
        assert stream.read(3) == b"\0\1\2"
        assert stream.seek(250) == 250
        assert stream.read() == bytes(range(250, 256))
        assert stream.seek(-2, io.SEEK_END) == 254
        assert (stream.read(), stream.read()) == (b"\xfe\xff", b"")
    with found() as stream:
        assert stream.read() == bytes(range(256))


def test_an_object_that_has_changed_cannot_be_read(found, storage):
    storage.write_bytes(b"other", "bytes")

    with pytest.raises(ClientError, match="PreconditionFailed"), found() as stream:
        stream.read()
