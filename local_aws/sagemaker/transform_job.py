"""Batch transform: read lines from objects in S3, and write a model's predictions to objects in S3."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from local_aws.blazingtext.inference import JSON_LINES, ContainerError, Predictor
from local_aws.cloud import LogStream, NoSuchObject, split_uri
from local_aws.sagemaker.artifact import ArtifactError, open_artifact, read_artifact
from local_aws.sagemaker.job import Job, JobFailed, require_no_fault
from local_aws.sagemaker.resource import now

LOG_GROUP = "/aws/sagemaker/TransformJobs"
MEGABYTE = 2**20


@dataclass
class TransformJob(Job):
    """A transform job."""

    KIND: ClassVar[str] = "transform-job"
    NAME_MEMBER: ClassVar[str] = "TransformJobName"
    SUMMARY: ClassVar[str] = "TransformJobSummary"

    artifact: str | None = None
    """The URI of the model's artifact when the job was created."""

    def facts(self) -> dict[str, Any]:
        return super().facts() | {
            "TransformJobArn": self.arn,
            "TransformJobStatus": self.status,
            "TransformStartTime": self.started,
            "TransformEndTime": self.ended,
            # AWS gives these where the request had none.
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **self.request["TransformInput"]},
            "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **self.request["TransformOutput"]},
        }

    def _run(self) -> None:
        self.cloud.pace.wait("Starting", self._stop_requested)
        self._raise_if_stopped()
        require_no_fault(self.cloud.faults, "Starting", self.name)
        self.started = now()
        self.save()
        require_no_fault(self.cloud.faults, "Transforming", self.name)
        self._transform()

    def _transform(self) -> None:
        log = self.cloud.log_stream(LOG_GROUP, f"{self.name}/i-1")
        predictor = self._load(log)
        bucket, prefix = split_uri(self.request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
        parent = prefix.rpartition("/")[0]
        keys = [key for key in self.cloud.s3.list_keys(bucket, prefix) if not key.endswith("/")]
        failed = []
        for key in keys:
            self._raise_if_stopped()
            try:
                answer = self._transform_object(predictor, self.cloud.s3.read(bucket, key))
            except (ContainerError, ValueError, OSError, EOFError, zlib.error, NoSuchObject) as error:
                log.write([f"{key}: {error}"])
                failed.append(key)
                continue
            self._upload(f"{key.removeprefix(parent).lstrip('/')}.out", answer)
            log.write([f"{key}: transformed"])
        # As on AWS, the results of the other files are kept.
        if failed:
            raise JobFailed("ClientError: See job logs for more information")

    def _load(self, log: LogStream) -> Predictor:
        try:
            archive = read_artifact(self.cloud.s3, self.artifact)
            return open_artifact(archive, str(self.artifact), self.cloud.store.scratch)
        except ArtifactError as error:
            log.write([str(error)])
            raise JobFailed(f"ClientError: {error.failure_reason('AllTraffic')}") from error

    def _transform_object(self, predictor: Predictor, content: bytes) -> bytes:
        source = self.request["TransformInput"]
        if source.get("CompressionType", "None") == "Gzip":
            content = gzip.decompress(content)
        content_type = source.get("ContentType", "")
        if content_type != JSON_LINES:  # BlazingText takes nothing else in batch transform
            raise ContainerError(415, f"content-type {content_type or 'None'} not supported")
        accept = self.request["TransformOutput"].get("Accept", content_type)
        answers = [predictor.answer(payload, content_type, accept)[0] for payload in self._payloads(content)]
        if self.request["TransformOutput"].get("AssembleWith", "None") == "Line":
            return "".join(f"{answer.rstrip()}\n" for answer in answers).encode()
        return "".join(answers).encode()

    def _payloads(self, content: bytes) -> Iterator[bytes]:
        """
        The request bodies: the whole object, each line, or batches of as many lines as a request may have.

        :raises ValueError: a body exceeds MaxPayloadInMB
        """
        limit = self.request.get("MaxPayloadInMB", 6) * MEGABYTE or len(content)
        if self.request["TransformInput"].get("SplitType", "None") == "None":
            payloads: Iterable[bytes] = [content]
        elif self.request.get("BatchStrategy", "MultiRecord") == "SingleRecord":
            payloads = content.splitlines(keepends=True)
        else:
            payloads = _batches(content.splitlines(keepends=True), limit)
        for payload in payloads:
            if len(payload) > limit:
                raise ValueError(f"a payload of {len(payload)} bytes exceeds MaxPayloadInMB")
            if payload.strip():
                yield payload

    def _upload(self, name: str, content: bytes) -> None:
        bucket, prefix = split_uri(self.request["TransformOutput"]["S3OutputPath"])
        try:
            self.cloud.s3.write(bucket, f"{prefix.rstrip('/')}/{name}".lstrip("/"), content)
        except NoSuchObject as error:
            raise JobFailed(f"ClientError: Cannot write the output: {error} does not exist") from None


def _batches(lines: list[bytes], limit: int) -> Iterator[bytes]:
    """Lines in batches of at most `limit` bytes; a longer line is a batch of its own."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and size + len(line) > limit:
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield b"".join(batch)
