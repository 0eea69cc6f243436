"""
The history of a hashtag: the figures of each date's newest evaluation.

Each date has them in a small object of its own, so that runs of different dates do not overwrite each other's figures.
What a report has read of them it leaves in one object for the next report, which then needs few requests.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from include.aws.storage import Storage
from include.config.errors import ConfigurationError, DataError, MissingObject
from include.config.names import Keys
from include.tweets.part_files import Object

MAX_DATES = 90
"""A report shows only this many of the newest dates."""
HEADLINE = ("tweets", "accuracy", "accuracy_interval", "majority_accuracy")


def remember(storage: Storage, keys: Keys, run_name: str, training_job: str, evaluation: dict[str, Any]) -> None:
    """Store the figures of an evaluation as this date's newest ones."""
    figures = {name: evaluation[name] for name in HEADLINE}
    # A champion of an earlier date can only be met while it is the champion. A later evaluation of the date keeps it.
    met_before = _read(storage, keys.newest_evaluation).get("earlier_champion")
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
    stored = _newest_evaluations(storage, keys)
    if champion is not None and _is_date(champion["date"], keys):
        stored[champion["date"]] = {**stored.get(champion["date"], {}), **champion, "champion": True}
    defaults = {"champion": False, "earlier_champion": None, "report": None}
    entries = [{**defaults, **entry} for _, entry in sorted(stored.items())][-MAX_DATES:]
    return [{**entry, "url": _url(storage, entry["report"])} for entry in entries]


def _newest_evaluations(storage: Storage, keys: Keys) -> dict[str, dict[str, Any]]:
    """The figures of the newest dates, by date. A date's own object is read only if it has changed since the copy."""
    copies = _copies(storage, keys)
    objects = {_date_of(found): found for found in storage.list_objects(keys.newest_evaluations)}
    current: dict[str, dict[str, Any]] = {}
    for date in [date for date in objects if _is_date(date, keys)][-MAX_DATES:]:
        found, copy = objects[date], copies.get(date, {})
        version = f"{found.etag} {found.modified.isoformat()}"
        figures = copy["figures"] if copy and copy["version"] == version else _read(storage, found.key)
        current[date] = {"version": version, "figures": figures}
    if current != copies:
        storage.write_json(current, keys.known_evaluations)
    return {date: entry["figures"] for date, entry in current.items() if _is_evaluation(entry["figures"])}


def _is_evaluation(content: Any) -> bool:
    return isinstance(content, dict) and set(HEADLINE) <= content.keys()


def _copies(storage: Storage, keys: Keys) -> dict[str, Any]:
    """What an earlier report has copied, by date; without what is no such copy."""
    copies = ((date, copy) for date, copy in _read(storage, keys.known_evaluations).items() if isinstance(copy, dict))
    return {date: copy for date, copy in copies if {"version", "figures"} <= copy.keys()}


def _date_of(found: Object) -> str:
    return found.key.rpartition("/")[2].removesuffix(".json")


def _is_date(text: str, keys: Keys) -> bool:
    """Whether it is a date; else it is what somebody else has left or registered."""
    try:
        replace(keys, date=text)
    except ConfigurationError:
        return False
    return True


def _read(storage: Storage, key: str) -> dict[str, Any]:
    """The content of an object; empty if there is no such object, or if it is something else."""
    with suppress(MissingObject, ValueError):
        content = storage.read_json(key)
        return content if isinstance(content, dict) else {}
    return {}


def _url(storage: Storage, report: str | None) -> str | None:
    """The address of a report for a browser; None if there is no report in this bucket."""
    with suppress(DataError):
        return storage.browser_url(storage.key_of(report)) if report else None
    return None
