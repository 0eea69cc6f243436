"""
The history of a hashtag: the figures of each date's newest evaluation.

Each date has them in a small object of its own, so that runs of different dates do not overwrite each other's figures.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from include.aws.storage import Storage
from include.config.errors import DataError
from include.config.names import Keys

MAX_DATES = 90
"""Only this many of the newest dates are read, because each needs a request to S3."""
HEADLINE = ("tweets", "accuracy", "accuracy_interval", "majority_accuracy")


def remember(storage: Storage, keys: Keys, training_job: str, evaluation: dict[str, Any]) -> None:
    """Store the figures of an evaluation as this date's newest ones."""
    figures = {name: evaluation[name] for name in HEADLINE}
    storage.write_json({"date": keys.date, "training_job": training_job, **figures}, keys.newest_evaluation)


def recall(storage: Storage, keys: Keys, champion: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """
    The figures of each date's newest evaluation, the oldest date first.

    :param champion: the champion's entry, in the form of `remember`; replaces that of its date, so that the chart shows
        the champion even if its date was evaluated again
    """
    entries = []
    for date in storage.list_folders(keys.hashtag_output)[-MAX_DATES:]:
        if champion is not None and champion["date"] == date:
            entries.append({**champion, "champion": True})
            continue
        with suppress(DataError):
            entries.append({**storage.read_json(replace(keys, date=date).newest_evaluation), "champion": False})
    return entries
