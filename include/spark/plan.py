"""What a preparation on Spark gets and gives: a plan and an outcome, as JSON documents in S3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from include.aws.s3_stream import S3Object
from include.config.names import Keys, fingerprint
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.sources import Source

PLAN, OUTCOME, REJECTED = "plan.json", "outcome.json", "rejected.csv"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything on which the output depends, and where it goes."""

    bucket: str
    prefix: str
    hashtag: str
    date: str
    preparation: dict[str, Any]
    """Arguments of PrepareSettings."""
    sources: list[dict[str, Any]]
    """Name, key, etag, size in bytes, rank and time of each file (see `sources_of`)."""
    code: str
    """A digest of the code."""

    @property
    def keys(self) -> Keys:
        return Keys(self.prefix, self.hashtag, self.date)

    @property
    def fingerprint(self) -> str:
        return fingerprint({**self.to_json(), "rule": PrepareSettings(**self.preparation).rule})

    @property
    def folder(self) -> str:
        """The key of the folder of plan and outcome."""
        return self.keys.preparation(self.fingerprint)

    def open_sources(self) -> list[Source]:
        """The files to read. They are opened with the credentials of the process."""
        return [
            Source(
                source["name"],
                S3Object(self.bucket, source["key"], source["etag"], source["size"]),
                source["rank"],
                source["size"],
                datetime.fromisoformat(source["modified"]),
            )
            for source in self.sources
        ]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


def sources_of(sources: list[Source]) -> list[dict[str, Any]]:
    """The sources of a plan, from sources that are opened as S3Objects."""
    found = []
    for source in sources:
        assert isinstance(source.open, S3Object)
        found.append(
            {
                "name": source.name,
                "key": source.open.key,
                "etag": source.open.etag,
                "size": source.size,
                "rank": source.rank,
                "modified": source.modified.isoformat(),
            }
        )
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a preparation has ended: with prepared data, or with an error in the tweets."""

    data_uri: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    """Of the prepared files, by the names in `include.aws.dataset.FILES`."""
    train_examples: int = 0
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    """The message of a DataError; then rejected.csv is beside the outcome."""
    is_empty: bool = False
    """Whether the error is that there are no rows."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)
