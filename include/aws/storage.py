"""Access to S3."""

import json
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from include.aws.console import Console
from include.config.errors import DataError, MissingObject
from include.config.settings import BOTOCORE_CONFIG
from include.tweets.part_files import Object


def encryption(kms_key: str) -> dict[str, str]:
    """
    The arguments with which S3 encrypts what is written.

    :param kms_key: the ARN of a KMS key; empty for the bucket's default
    """
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


class Storage:
    """
    The objects of one bucket.

    :param client: a boto3 S3 client
    :param kms_key: see `encryption`
    """

    def __init__(self, client: Any, bucket: str, kms_key: str = ""):
        self._client = client
        self.bucket = bucket
        self._encryption = encryption(kms_key)

    @classmethod
    def connect(cls, bucket: str, aws_conn_id: str = "aws_default", kms_key: str = "") -> "Storage":
        """Use region, credentials and endpoint URL of an Airflow connection, or of the environment."""
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        return cls(S3Hook(aws_conn_id=aws_conn_id, config=BOTOCORE_CONFIG).get_conn(), bucket, kms_key)

    @property
    def region(self) -> str:
        region: str = self._client.meta.region_name
        return region

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def modified(self, key: str) -> datetime:
        """When an object was written."""
        when: datetime = self._client.head_object(Bucket=self.bucket, Key=key)["LastModified"]
        return when

    def today(self) -> date:
        """Today's date in UTC by S3's clock: a worker's may be wrong."""
        answer = self._client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).date()

    def list_objects(self, prefix: str, after: str = "") -> list[Object]:
        """Every object whose key starts with a prefix and is greater than `after`, sorted by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=after
        )
        return sorted(
            (
                Object(entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"])
                for page in pages
                for entry in page.get("Contents", [])
            ),
            key=lambda found: found.key,
        )

    def list_folders(self, prefix: str) -> list[str]:
        """The names of the folders directly below a prefix, sorted."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        folders = (entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", []))
        return sorted(folder.removeprefix(prefix).rstrip("/") for folder in folders)

    def upload(self, path: Path, key: str) -> str:
        """Upload a file; return its URI."""
        self._client.upload_file(str(path), self.bucket, key, ExtraArgs=self._encryption)
        return self.uri(key)

    def copy(self, key: str, to: str) -> str:
        """Copy an object within the bucket; return the new one's URI."""
        self._client.copy({"Bucket": self.bucket, "Key": key}, self.bucket, to, ExtraArgs=self._encryption)
        return self.uri(to)

    def exists(self, key: str) -> bool:
        """Whether there is an object with this key."""
        return any(found.key == key for found in self.list_objects(key))

    def download(self, key: str, path: Path) -> Path:
        """
        Download an object into a file.

        :raises MissingObject: there is no such object
        """
        from botocore.exceptions import ClientError

        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._client.download_file(self.bucket, key, str(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                raise MissingObject(f"{self.uri(key)} does not exist") from None
            raise
        return path

    def write_bytes(self, content: bytes, key: str, **extra: str) -> str:
        """
        Store an object; return its URI.

        :param extra: arguments of PutObject
        """
        self._client.put_object(Bucket=self.bucket, Key=key, Body=content, **extra, **self._encryption)
        return self.uri(key)

    def write_json(self, value: Any, key: str) -> str:
        """Store a value as indented JSON; return the object's URI."""
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
        return self.write_bytes(text.encode(), key, ContentType="application/json")

    def write_page(self, page: str, key: str) -> str:
        """Store an HTML page, so that browsers show it; return the object's URI."""
        return self.write_bytes(page.encode(), key, ContentType="text/html; charset=utf-8")

    def read_json(self, key: str) -> Any:
        """
        :raises MissingObject: there is no such object
        """
        from botocore.exceptions import ClientError

        try:
            return json.loads(self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                raise MissingObject(f"{self.uri(key)} does not exist") from None
            raise

    @property
    def console(self) -> Console:
        """Addresses for a browser."""
        return Console.of(self._client)

    def browser_url(self, key: str) -> str:
        """The address of an object for a browser."""
        return self.console.s3_object(self.bucket, key)

    def key_of(self, uri: str) -> str:
        """
        The key of a URI in this bucket.

        :raises DataError: it is in another bucket
        """
        if not uri.startswith(self.uri("")):
            raise DataError(f"{uri} is not in the bucket {self.bucket}, which RETRAIN_BUCKET names")
        return uri.removeprefix(self.uri(""))
