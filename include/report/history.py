"""
The history of a hashtag: the figures of each date's newest evaluation.

Each date has them in a small object of its own, so that runs of different dates do not overwrite each other's figures.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from include.aws.storage import Storage
from include.config.errors import ConfigurationError, DataError, MissingObject
from include.config.names import Keys

MAX_DATES = 90
"""Only this many of the newest dates are read, because each needs a request to S3."""
HEADLINE = ("tweets", "accuracy", "accuracy_interval", "majority_accuracy")


def remember(storage: Storage, keys: Keys, run_name: str, training_job: str, evaluation: dict[str, Any]) -> None:
    """Store the figures of an evaluation as this date's newest ones."""
    figures = {name: evaluation[name] for name in HEADLINE}
    # A champion of an earlier date can only be met while it is the champion. A later evaluation of the date keeps it.
    met_before = _stored(storage, keys).get("earlier_champion")
    entry = {
        "date": keys.date,
        "training_job": training_job,
        **figures,
        "earlier_champion": evaluation["champion"]["on_later_tweets"] or met_before,
        "report": storage.uri(keys.run(run_name) + "report.html"),
    }
    storage.write_json(entry, keys.newest_evaluation)


def recall(storage: Storage, keys: Keys, champion: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """
    The figures of each date's newest evaluation with its report's address (`url`), the oldest date first.

    :param champion: the champion's entry, in the form of `remember`; replaces that of its date, so that the chart shows
        the champion even if its date was evaluated again
    """
    stored = {date: _stored(storage, replace(keys, date=date)) for date in _newest_dates(storage, keys)}
    if champion is not None and _is_date(champion["date"], keys):
        stored[champion["date"]] = {**stored.get(champion["date"], {}), **champion, "champion": True}
    defaults = {"champion": False, "earlier_champion": None, "report": None}
    entries = [{**defaults, **entry} for _, entry in sorted(stored.items()) if entry][-MAX_DATES:]
    return [{**entry, "url": _url(storage, entry["report"])} for entry in entries]


def _newest_dates(storage: Storage, keys: Keys) -> list[str]:
    return [date for date in storage.list_folders(keys.hashtag_output) if _is_date(date, keys)][-MAX_DATES:]


def _is_date(text: str, keys: Keys) -> bool:
    """Whether it is a date; else it is what somebody else has left or registered."""
    try:
        replace(keys, date=text)
    except ConfigurationError:
        return False
    return True


def _stored(storage: Storage, keys: Keys) -> dict[str, Any]:
    """What `remember` has stored of a date; empty if it has stored nothing, or if somebody else has."""
    with suppress(MissingObject, ValueError):
        content = storage.read_json(keys.newest_evaluation)
        return content if isinstance(content, dict) and set(HEADLINE) <= content.keys() else {}
    return {}


def _url(storage: Storage, report: str | None) -> str | None:
    """The address of a report for a browser; None if there is no report in this bucket."""
    with suppress(DataError):
        return storage.browser_url(storage.key_of(report)) if report else None
    return None
