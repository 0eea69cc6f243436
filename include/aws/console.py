"""Addresses for a browser: in AWS's console, which requires a login, or on the local AWS."""

import urllib.parse
from dataclasses import dataclass
from typing import Any, Self

from include.config.settings import browser_endpoint_url

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")
PAGE = "page"
"""Key of the XCom with the address of what a task has made, or waits for."""
LOG = "log_page"
"""Key of the XCom with the address of a job's log."""


@dataclass(frozen=True, slots=True)
class Console:
    """
    Pages of S3 and SageMaker in one region.

    :param endpoint_url: a service's endpoint. It tells AWS from a local AWS, and AWS's partition.
    """

    endpoint_url: str
    region: str

    @classmethod
    def of(cls, client: Any) -> Self:
        """
        :param client: a boto3 client
        """
        return cls(client.meta.endpoint_url, client.meta.region_name)

    def s3_object(self, bucket: str, key: str) -> str:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/accessing-a-bucket.html"""
        quoted = urllib.parse.quote(key)
        if self._is_local:
            return f"{self._origin}/_local/objects/{bucket}/{quoted}"
        return f"https://console.{self._domain}/s3/object/{bucket}?region={self.region}&prefix={quoted}"

    def s3_folder(self, bucket: str, key: str) -> str:
        if self._is_local:
            return f"{self._origin}/_local/#s3"
        folder = urllib.parse.quote(f"{key.rstrip('/')}/")
        return f"https://console.{self._domain}/s3/buckets/{bucket}?region={self.region}&prefix={folder}"

    def log(self, group: str, prefix: str) -> str:
        """The streams of a log group in CloudWatch whose names begin with a prefix."""
        if self._is_local:
            query = urllib.parse.urlencode({"region": self.region, "group": group, "prefix": prefix})
            return f"{self._origin}/_local/logs?{query}"
        # CloudWatch's page takes an address that is quoted twice, with $ for %.
        place = f"{_quoted_twice(group)}$3FlogStreamNameFilter$3D{_quoted_twice(prefix)}"
        page = f"https://console.{self._domain}/cloudwatch/home?region={self.region}"
        return f"{page}#logsV2:log-groups/log-group/{place}"

    def training_job(self, name: str) -> str:
        return self._sagemaker(f"/jobs/{name}", "training")

    def tuning_job(self, name: str) -> str:
        return self._sagemaker(f"/hyper-tuning-jobs/{name}", "other")

    def endpoint(self, name: str) -> str:
        return self._sagemaker(f"/endpoints/{name}", "endpoints")

    def model_registry(self) -> str:
        """The entrance of SageMaker Studio, of which the registry is a part. Addresses in Studio contain a domain."""
        return self._sagemaker("/studio-landing", "registry")

    def _sagemaker(self, path: str, local_section: str) -> str:
        if self._is_local:
            return f"{self._origin}/_local/#{local_section}"
        return f"https://console.{self._domain}/sagemaker/home?region={self.region}#{urllib.parse.quote(path)}"

    @property
    def _is_local(self) -> bool:
        return not self._hostname.endswith(AWS_DOMAINS)

    @property
    def _domain(self) -> str:
        if self._hostname.endswith(".cn"):
            return "amazonaws.cn"
        if self._hostname.endswith(".eu"):
            return "amazonaws-eusc.eu"
        return "amazonaws-us-gov.com" if self.region.startswith("us-gov-") else "aws.amazon.com"

    @property
    def _hostname(self) -> str:
        return urllib.parse.urlsplit(self._url).hostname or ""

    @property
    def _origin(self) -> str:
        parts = urllib.parse.urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def _url(self) -> str:
        return browser_endpoint_url() or self.endpoint_url


def _quoted_twice(text: str) -> str:
    return urllib.parse.quote(urllib.parse.quote(text, safe=""), safe="").replace("%", "$")
