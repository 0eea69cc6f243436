"""A hashtag's labelled tweets and prepared data in S3."""

import csv
import hashlib
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class DistinctTestTweets:
    """
    What a model is tested on: one tweet of each group of near copies, because a tweet that was retweeted a hundred
    times must not count a hundred times.
    """

    examples: list[tuple[str, str]]
    """Labels and instances."""
    texts: list[str]
    """As people read them."""
    near_copies: int
    """So many tweets of the split are left out."""


def read_distinct_test_tweets(storage: Storage, prepared: dict[str, Any], folder: Path) -> DistinctTestTweets:
    """
    :raises DataError: the split's two files do not fit together
    """
    examples = read_examples(storage, prepared, "test", folder)
    path = storage.download(storage.key_of(prepared["uris"]["test_tweets"]), folder / TEST_TWEETS)
    kept: list[tuple[str, str]] = []
    texts: list[str] = []
    groups: set[str] = set()
    with path.open(encoding="utf-8", newline="") as file:
        tweets = list(csv.DictReader(file))
    if [tweet["label"] for tweet in tweets] != [label for label, _ in examples]:
        raise DataError(f"{prepared['uris']['test_tweets']} is not the test split that {FILES['test']} holds")
    for tweet, example in zip(tweets, examples, strict=True):
        if tweet["group"] not in groups:
            groups.add(tweet["group"])
            kept.append(example)
            texts.append(tweet["text"])
    return DistinctTestTweets(kept, texts, len(examples) - len(kept))
