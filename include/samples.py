"""Upload the sample tweets to S3."""

from pathlib import Path
from typing import Any

from include.aws.storage import Storage
from include.config.settings import Settings

SAMPLE_DATA = Path(__file__).with_name("sample_data")
DATES = ("2026-01-05", "2026-01-06", "2026-01-07")


def make_bucket(s3: Any, bucket: str) -> None:
    """Create a bucket, unless it exists."""
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        region = s3.meta.region_name
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **place)


def upload_samples(s3: Any, settings: Settings, kms_key: str = "") -> int:
    """Upload the sample tweets for the pipeline. Create the bucket if it does not exist. Return the number of files."""
    make_bucket(s3, settings.bucket)
    storage = Storage(s3, settings.bucket, kms_key)
    files = [file for file in sorted(SAMPLE_DATA.glob("hashtags/**/*")) if file.is_file()]
    for file in files:
        storage.upload(file, f"{settings.prefix}/{file.relative_to(SAMPLE_DATA).as_posix()}")
    return len(files)
