"""How accuracy went over a hashtag's dates: each date's newest evaluation, in a small object of its own."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from include.aws.storage import Storage
from include.config.errors import DataError
from include.config.names import Keys

MAX_DATES = 90
"""The newest ones; each costs a request to S3."""
HEADLINE = ("tweets", "accuracy", "accuracy_interval", "majority_accuracy")


def remember(storage: Storage, keys: Keys, training_job: str, evaluation: dict[str, Any]) -> None:
    """Store the headline figures as the newest ones of this date."""
    figures = {name: evaluation[name] for name in HEADLINE}
    storage.write_json({"date": keys.date, "training_job": training_job, **figures}, keys.newest_evaluation)


def recall(storage: Storage, keys: Keys, champion: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """
    The newest evaluation of each date that has one, the oldest date first; of the champion's date, the champion's.

    :param champion: its entry, as `remember` stores them
    """
    entries = []
    for date in storage.list_folders(keys.hashtag_output)[-MAX_DATES:]:
        if champion is not None and champion["date"] == date:
            entries.append({**champion, "champion": True})
            continue
        with suppress(DataError):
            entries.append({**storage.read_json(replace(keys, date=date).newest_evaluation), "champion": False})
    return entries
