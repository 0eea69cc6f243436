"""A hashtag's labelled tweets and prepared data in S3."""

import csv
import hashlib
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import Any

from include.errors import DataError
from include.names import Keys, date_of_tweets, fingerprint
from include.storage import Storage
from include.text.prepare import TEST_TWEETS, Source
from include.text.split import SPLITS, Split
from include.text.supervised import parse_example

FILES = {split: f"{split}.txt" for split in SPLITS} | {
    "report": "report.json", "rejected": "rejected.csv", "test_tweets": TEST_TWEETS,
}  # fmt: skip


def tweets_by_date(storage: Storage, keys: Keys) -> dict[str, list[str]]:
    """Keys of the hashtag's part files by their date."""
    by_date: dict[str, list[str]] = {}
    for key in storage.list_keys(keys.hashtag_tweets):
        if date := date_of_tweets(key, keys.hashtag_tweets):
            by_date.setdefault(date, []).append(key)
    return by_date


def fetch_tweets(storage: Storage, keys: Keys, window_days: int, folder: Path) -> tuple[list[Source], list[str]]:
    """
    Download the part files of the window's dates that exist; later dates have the last word on labels.

    :return: the files, and their dates
    :raises DataError: the date itself has no tweets
    """
    by_date = tweets_by_date(storage, keys)
    dates = sorted(date for date in by_date if date <= keys.date)[-window_days:]
    if keys.date not in dates:
        raise DataError(f"There are no labelled tweets below {storage.uri(keys.tweets)}")
    sources: list[Source] = []
    for rank, date in enumerate(dates):
        for key in by_date[date]:
            path = storage.download(key, folder / str(len(sources)))  # a key may hold anything, dots above all
            sources.append(Source.from_path(path, key.removeprefix(keys.hashtag_tweets), rank))
    return sources, dates


def upload_prepared(storage: Storage, keys: Keys, folder: Path) -> dict[str, Any]:
    """
    Upload what prepare wrote, below a key that depends on its content: no run overwrites another one's data.

    :return: `uris` (of a split: its folder, as a channel is given) and `sha256` by what a file holds
    """
    digests = {name: hashlib.sha256((folder / file).read_bytes()).hexdigest() for name, file in FILES.items()}
    prefix = keys.data(fingerprint(digests))
    uris = {}
    for name, file in FILES.items():
        uris[name] = storage.upload(folder / file, f"{prefix}{name}/{file}" if name in SPLITS else prefix + file)
    return {"uris": uris | {split: storage.uri(f"{prefix}{split}/") for split in SPLITS}, "sha256": digests}


def read_examples(
    storage: Storage, prepared: dict[str, Any], split: Split, folder: Path, limit: int | None = None
) -> list[tuple[str, str]]:
    """Labels and instances of a prepared split, the first `limit` of them."""
    key = storage.key_of(prepared["uris"][split]) + FILES[split]
    with storage.download(key, folder / FILES[split]).open(encoding="utf-8") as lines:
        return [parse_example(line) for line in islice(lines, limit)]


def read_test_tweets(
    storage: Storage, prepared: dict[str, Any], positions: Collection[int], folder: Path
) -> dict[int, str]:
    """Texts of the test split, as people read them, by their positions in it."""
    path = storage.download(storage.key_of(prepared["uris"]["test_tweets"]), folder / TEST_TWEETS)
    with path.open(encoding="utf-8", newline="") as file:
        return {position: row["text"] for position, row in enumerate(csv.DictReader(file)) if position in positions}
