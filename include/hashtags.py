"""Which hashtags there are: include/hashtags.yaml, or the file that RETRAIN_HASHTAGS_FILE names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from include.errors import ConfigurationError
from include.names import check_hashtag
from include.text.cleaning import RECIPES
from include.text.supervised import check_labels

DEFAULT_LATE_AFTER_HOURS = 30.0
MAX_LATE_AFTER_HOURS = 24 * 31
DEFAULT_FILE = Path(__file__).with_name("hashtags.yaml")


@dataclass(frozen=True, slots=True)
class Hashtag:
    """One hashtag's entry."""

    name: str
    labels: Mapping[str, str]
    schedule: str = "@daily"
    recipe: str = "clean"
    min_confidence: float = 0.0
    late_after_hours: float = DEFAULT_LATE_AFTER_HOURS
    parameters: Mapping[str, Any] = field(default_factory=dict)


def load_hashtags(path: Path | None = None) -> list[Hashtag]:
    """
    Every hashtag of the file, in its order.

    :raises ConfigurationError: names file, hashtag and key
    """
    path = path or Path(os.environ.get("RETRAIN_HASHTAGS_FILE") or DEFAULT_FILE)
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from None
    if not isinstance(entries, dict) or not entries:
        raise ConfigurationError(f"{path}: expected one entry for each hashtag, found {type(entries).__name__}")
    return [_hashtag(path, str(name), entry) for name, entry in entries.items()]


def _hashtag(path: Path, name: str, entry: Any) -> Hashtag:
    where = f"{path}, {name}"
    try:
        check_hashtag(name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: expected labels below the hashtag's name")
    known = ("labels", "schedule", "recipe", "min_confidence", "late_after_hours", "parameters")
    if unknown := sorted(set(entry) - set(known)):
        raise ConfigurationError(f"{where}: unknown key {', '.join(map(str, unknown))}; known are {', '.join(known)}")
    labels = entry.get("labels")
    if not isinstance(labels, dict):
        raise ConfigurationError(f"{where}, labels: expected names by ids, as {{'0': technical, '1': marketing}}")
    labels = {str(identifier): str(label) for identifier, label in labels.items()}
    try:
        check_labels(labels)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}, labels: {error}") from None
    if entry.get("recipe", "clean") not in RECIPES:
        raise ConfigurationError(f"{where}, recipe: {entry['recipe']!r} is none of {', '.join(RECIPES)}")
    schedule = entry.get("schedule", "@daily")
    if not isinstance(schedule, str) or not schedule.strip():
        raise ConfigurationError(f"{where}, schedule: {schedule!r} is no cron expression or preset such as @daily")
    confidence = entry.get("min_confidence", 0.0)
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        raise ConfigurationError(f"{where}, min_confidence: {confidence!r} is no number between 0 and 1")
    hours = entry.get("late_after_hours", DEFAULT_LATE_AFTER_HOURS)
    if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours <= MAX_LATE_AFTER_HOURS:
        raise ConfigurationError(
            f"{where}, late_after_hours: {hours!r} is no number above 0, {MAX_LATE_AFTER_HOURS} at most"
        )
    return Hashtag(
        name=name,
        labels=labels,
        schedule=schedule,
        recipe=entry.get("recipe", "clean"),
        min_confidence=float(confidence),
        late_after_hours=float(hours),
        parameters=entry.get("parameters") or {},
    )
