"""How accuracy went over a hashtag's dates: each date's newest evaluation, in a small object of its own."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from include.errors import DataError
from include.names import Keys
from include.storage import Storage

MAX_DATES = 90
"""The newest ones; each costs a request to S3."""
HEADLINE = ("tweets", "accuracy", "accuracy_interval", "majority_accuracy")


def remember(storage: Storage, keys: Keys, training_job: str, evaluation: dict[str, Any]) -> None:
    """Store the headline figures as the newest ones of this date."""
    figures = {name: evaluation[name] for name in HEADLINE}
    storage.write_json({"date": keys.date, "training_job": training_job, **figures}, keys.newest_evaluation)


def recall(storage: Storage, keys: Keys, dates: Iterable[str], champions_job: str | None) -> list[dict[str, Any]]:
    """
    The newest evaluation of each date that has one, the oldest date first.

    :param champions_job: the training job whose entry is marked as the champion's
    """
    entries = []
    for date in sorted(dates)[-MAX_DATES:]:
        try:
            entry = storage.read_json(replace(keys, date=date).newest_evaluation)
        except DataError:
            continue
        entries.append({**entry, "champion": entry["training_job"] == champions_job})
    return entries
