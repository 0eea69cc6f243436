"""A hashtag's labelled tweets and prepared data in S3."""

import datetime
import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from include.aws.s3_stream import S3Object
from include.aws.storage import Storage
from include.config.errors import ConfigurationError, DataError, MissingObject
from include.config.names import Keys, fingerprint
from include.config.printable import printable
from include.tweets.part_files import Folder, Object
from include.tweets.prepared import FILES, PreparedFolder
from include.tweets.sources import Source, ranked
from include.tweets.split import SPLITS, Split

MAX_ATTEMPTS = 5
PAUSE_SECONDS = 10.0
"""Between two attempts to read a folder that changes."""


class FolderChanges(Exception):
    """A date's labelled tweets were written or replaced while they were read. A retry may find them complete."""


@dataclass(frozen=True, slots=True)
class Tweets:
    """The downloaded labelled tweets of a window of dates."""

    sources: list[Source]
    dates: list[str]
    """The dates of the window that have tweets."""
    newest_date: str
    """The newest date, up to today, that has tweets."""
    ignored_dates: list[str]
    """Dates after today that have tweets."""


def fetch_tweets(
    storage: Storage,
    keys: Keys,
    window_days: int,
    folder: Path | None,
    today: datetime.date,
    require_success_marker: bool = False,
    pause_seconds: float = PAUSE_SECONDS,
) -> Tweets:
    """
    Download the part files of the last `window_days` dates that have any. If they change meanwhile, try again.

    :param folder: where to; None to read them from S3 whenever they are opened, as long as they do not change
    :raises DataError: the date itself has no tweets
    :raises FolderChanges: the files changed during every attempt
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        attempt_folder = folder / str(attempt) if folder else None
        try:
            return _fetch(storage, keys, window_days, attempt_folder, today, require_success_marker)
        except FolderChanges as change:
            if attempt == MAX_ATTEMPTS:
                raise
            print(change)
        time.sleep(pause_seconds)
    raise AssertionError("the last attempt returns or raises")


def _fetch(
    storage: Storage,
    keys: Keys,
    window_days: int,
    folder: Path | None,
    today: datetime.date,
    require_success_marker: bool,
) -> Tweets:
    folders = _folders_by_date(storage, keys)
    dates = sorted(date for date in folders if date <= keys.date)[-window_days:]
    if keys.date not in dates:
        raise DataError(f"There are no labelled tweets at {storage.uri(keys.tweets)}")
    # Only the date itself must be complete. Nothing has waited for the writers of the window's older dates.
    if reason := folders[keys.date].missing(require_success_marker):
        raise _folder_changes(storage, keys, reason)
    window = {date: folders[date] for date in dates}
    sources = _download(storage, keys, window, folder) if folder else _in_s3(storage, keys, window)
    past = {date for date in folders if date <= max(today.isoformat(), keys.date)}
    return Tweets(sources, dates, newest_date=max(past), ignored_dates=sorted(set(folders) - past))


def newer_date(storage: Storage, keys: Keys, today: datetime.date) -> str | None:
    """The newest date after this one, up to today, that has labelled tweets; None if there is none."""
    dates = _folders_by_date(storage, keys, since=keys.date)
    return max((date for date in dates if keys.date < date <= today.isoformat()), default=None)


def _folders_by_date(storage: Storage, keys: Keys, since: str = "") -> dict[str, Folder]:
    """The folders of the hashtag's dates that have a part file, from a date on."""
    by_date: dict[str, list[Object]] = {}
    for found in storage.list_objects(keys.hashtag_tweets, after=keys.hashtag_tweets + since):
        date = found.key.removeprefix(keys.hashtag_tweets).partition("/")[0]
        by_date.setdefault(date, []).append(found)
    folders = {}
    for date, objects in by_date.items():
        with suppress(ConfigurationError):  # not a date, but a folder of somebody else
            folder = Folder.of(objects, replace(keys, date=date).tweets)
            if folder.parts:
                folders[date] = folder
    return folders


def _download(storage: Storage, keys: Keys, window: dict[str, Folder], folder: Path) -> list[Source]:
    """
    :param window: folders by their date
    :raises FolderChanges: a file is gone, or a new listing differs
    """
    sources: list[Source] = []
    for found in window.values():
        for part in found.parts:
            try:
                # Numbered, because a key can contain anything, for example dots that lead out of the folder.
                path = storage.download(part.key, folder / str(len(sources)))
            except MissingObject as error:
                raise _folder_changes(storage, keys, str(error)) from None
            sources.append(Source.from_path(path, part.key.removeprefix(keys.hashtag_tweets), part.modified))
    now = _folders_by_date(storage, keys, since=min(window))
    if {date: now.get(date) for date in window} != window:
        raise _folder_changes(storage, keys, "its files have changed since they were listed")
    return ranked(sources)


def _in_s3(storage: Storage, keys: Keys, window: dict[str, Folder]) -> list[Source]:
    """:param window: folders by their date"""
    return ranked(
        [
            Source(
                printable(part.key.removeprefix(keys.hashtag_tweets)),
                S3Object(storage.bucket, part.key, part.etag, part.size),
                size=part.size,
                modified=part.modified,
            )
            for found in window.values()
            for part in found.parts
        ]
    )


def _folder_changes(storage: Storage, keys: Keys, reason: str) -> FolderChanges:
    return FolderChanges(f"{storage.uri(keys.tweets)} is being written or replaced: {reason}")


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The output of prepare in S3: a folder for each channel, and the other files beside them."""

    uri: str
    """The folder's URI. Its name is a digest of its content, so no run overwrites another one's data."""

    def file(self, name: str) -> str:
        """The URI of a file, by its name in FILES."""
        return self.uri + (f"{name}/" if name in SPLITS else "") + FILES[name]

    def channel(self, split: Split) -> str:
        """The URI of a split's folder."""
        return f"{self.uri}{split}/"

    @property
    def uris(self) -> dict[str, str]:
        """URIs by the names in FILES; that of a split is its folder, for a channel."""
        return {name: self.channel(name) if name in SPLITS else self.file(name) for name in FILES}

    @property
    def digest(self) -> str:
        """A digest of the content."""
        return self.uri.rstrip("/").rpartition("/")[2]


def sha256_of_files(folder: Path) -> dict[str, str]:
    """The digests of the output of prepare in a folder, by the names in FILES."""
    return {name: hashlib.sha256((folder / file).read_bytes()).hexdigest() for name, file in FILES.items()}


def upload_prepared(storage: Storage, keys: Keys, folder: Path, sha256: Mapping[str, str]) -> PreparedData:
    """
    Upload the output of prepare from a folder.

    :param sha256: its digests, from `sha256_of_files`
    """
    data = PreparedData(storage.uri(keys.data(fingerprint(sha256))))
    for name, file in FILES.items():
        storage.upload(folder / file, storage.key_of(data.file(name)))
    return data


def download_prepared(storage: Storage, data: PreparedData, folder: Path) -> PreparedFolder:
    """Download the files of prepared data that an evaluation needs."""
    for name in (*SPLITS, "report", "test_tweets"):
        storage.download(storage.key_of(data.file(name)), folder / FILES[name])
    return PreparedFolder(folder)
