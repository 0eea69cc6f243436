import pytest

from local_aws.cloud import NoSuchObject, split_uri


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bucket/a/b c", ("bucket", "a/b c")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/a\nb", ("bucket", "a\nb")),
    ],
)
def test_a_uri_is_a_bucket_and_a_key(uri, parts):
    assert split_uri(uri) == parts


@pytest.mark.parametrize("uri", ["", "bucket/key", "s3:///key", "https://bucket/key"])
def test_anything_else_is_no_object(uri):
    with pytest.raises(NoSuchObject):
        split_uri(uri)
