"""Which hashtags there are: include/hashtags.yaml, or the file that RETRAIN_HASHTAGS_FILE names."""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from croniter import croniter
from croniter.croniter import CroniterError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from include.config.errors import ConfigurationError
from include.config.names import check_hashtag
from include.tweets.cleaning import RECIPES, Recipe
from include.tweets.supervised import check_labels

DEFAULT_LATE_AFTER_HOURS = 30.0
DEFAULT_WAIT_HOURS = 12.0
MAX_HOURS = 24 * 31
MAX_DEPTH = 5
"""Of keys whose lines are known; an anchor may hold itself."""
DEFAULT_FILE = Path(__file__).parents[1] / "hashtags.yaml"
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
KeyPath = tuple[str, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where PyYAML has it: a task start reads the whole file."""


def _check_schedule(schedule: str) -> str:
    if schedule not in PRESETS and not _is_cron(schedule):
        raise ValueError(
            f"{schedule!r} is no cron expression of five fields, as '0 6 * * *', and none of {', '.join(PRESETS)}"
        )
    return schedule


def _is_cron(schedule: str) -> bool:
    fields = schedule.split()
    if len(fields) != 5 or any(field.upper().startswith(("H", "R")) for field in fields):  # random at every parse
        return False
    try:
        croniter(schedule, datetime.now(UTC)).get_next()  # which the 30th of February has not
    except (CroniterError, KeyError):
        return False
    return True


def _check_labels(labels: dict[str, str]) -> dict[str, str]:
    try:
        check_labels(labels)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return labels


class HashtagSettings(BaseModel):
    """One hashtag's entry, as people write it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    labels: Annotated[dict[str, str], AfterValidator(_check_labels)]
    """Label names by the ids that the labelled files use; files may use the names, too."""
    schedule: Annotated[str, AfterValidator(_check_schedule)] = "@daily"
    """Cron expression or preset; a run works on the date at which its data interval starts."""
    recipe: Recipe = "clean"
    """clean: the tweet's text; original: the whole cell, as the old pipeline did."""
    min_confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    """Labels in Ground Truth's manifests with less confidence are set aside."""
    require_success_marker: bool = False
    """A date's folder counts as complete only with the file _SUCCESS that Spark writes last."""
    wait_hours: Annotated[float, Field(ge=0, le=MAX_HOURS, allow_inf_nan=False)] = DEFAULT_WAIT_HOURS
    """How long after its start a run waits for its tweets; 0: a date without tweets is skipped."""
    late_after_hours: Annotated[float, Field(gt=0, le=MAX_HOURS, allow_inf_nan=False)] = DEFAULT_LATE_AFTER_HOURS
    """So long after the start of the tweets' date a scheduled run must be over, or somebody is told."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Other defaults for the run's parameters, by their names in the trigger form."""


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag with its settings, and where they stand."""

    name: str
    settings: HashtagSettings
    file: Path
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)
    """Line of each key below the hashtag's entry, by its path; of the entry itself by the empty path."""

    def error(self, path: KeyPath, message: str) -> ConfigurationError:
        """An error of a key of the entry."""
        return _error(self.file, self.name, path, self.lines, message)


@dataclass(frozen=True, slots=True)
class Hashtags:
    """What a file says: an entry with a mistake costs its own hashtag alone."""

    usable: list[Hashtag]
    errors: list[ConfigurationError]


def load_hashtags(path: Path | None = None, only: str | None = None) -> Hashtags:
    """
    The hashtags of the file, in its order, and what is wrong with the others.

    :param only: of all entries, this one alone is looked at
    :raises ConfigurationError: the file as a whole cannot be used
    """
    path = path or Path(os.environ.get("RETRAIN_HASHTAGS_FILE") or DEFAULT_FILE)
    usable: list[Hashtag] = []
    errors: list[ConfigurationError] = []
    entries = [(key, entry) for key, entry in _entries(path) if only is None or key.value == only]
    times = Counter(str(key.value) for key, _ in entries)
    for key, entry in entries:
        line = key.start_mark.line + 1
        try:
            name = _name(path, key)
            if times[name] > 1:
                raise ConfigurationError(f"{path}, line {line}: the hashtag {name} stands twice; remove one entry.")
            usable.append(_hashtag(path, name, line, entry))
        except ConfigurationError as error:
            errors.append(error)
    return Hashtags(usable, errors)


def _entries(path: Path) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values of the file, as YAML's nodes, which know their lines."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8: {error}") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        raise ConfigurationError(
            f"{where}: not YAML: {problem}. Mend this line or the one above; no DAG of a hashtag loads until then."
        ) from None
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise ConfigurationError(f"{path}: expected one entry for each hashtag, as in {DEFAULT_FILE.name}")
    return list(root.value)


def _name(path: Path, key: yaml.Node) -> str:
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode):
        raise ConfigurationError(f"{path}, line {line}: a hashtag's name is expected here")
    if not key.tag.endswith(":str"):
        raise ConfigurationError(
            f'{path}, line {line}: YAML does not read {key.value} as text; put the hashtag in quotes: "{key.value}"'
        )
    try:
        return check_hashtag(key.value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}, line {line}: {error}") from None


def _hashtag(path: Path, name: str, line: int, entry: yaml.Node) -> Hashtag:
    lines: dict[KeyPath, int] = {(): line}
    if not isinstance(entry, yaml.MappingNode):
        raise _error(path, name, (), lines, "expected settings below the hashtag's name, labels at least")
    loader = _LOADER("")
    try:
        _note_lines(path, name, entry, (), lines)
        settings = HashtagSettings.model_validate(loader.construct_document(entry))
    except ValidationError as error:
        messages = [str(_error(path, name, *_in_words(fault, lines))) for fault in error.errors()]
        raise ConfigurationError("\n".join(dict.fromkeys(messages))) from None
    except ConfigurationError:
        raise
    except Exception as error:  # a date or a number that is none, an anchor that holds itself, a tag of Python's
        words = " ".join(str(error).split())[:200]
        raise _error(path, name, (), lines, f"YAML cannot read a value of this entry: {words}") from None
    finally:
        loader.dispose()
    return Hashtag(name, settings, path, lines)


def _note_lines(path: Path, name: str, node: yaml.MappingNode, above: KeyPath, lines: dict[KeyPath, int]) -> None:
    """
    :raises ConfigurationError: a key stands twice
    """
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        here = (*above, key.value)
        if here in lines and key.tag != "tag:yaml.org,2002:merge":
            raise _error(path, name, here, {**lines, here: key.start_mark.line + 1}, "stands twice; remove one")
        lines[here] = key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode) and len(here) < MAX_DEPTH:
            _note_lines(path, name, value, here, lines)


def _in_words(fault: Mapping[str, Any], lines: Mapping[KeyPath, int]) -> tuple[KeyPath, Mapping[KeyPath, int], str]:
    """A fault that pydantic has found: where, and what to do about it."""
    path = tuple(str(part) for part in fault["loc"] if part != "[key]")
    value, kind = fault["input"], fault["type"]
    if kind == "extra_forbidden":
        known = HashtagSettings.model_fields
        return path, lines, f"unknown key{did_you_mean(path[-1], known)}; known are {', '.join(known)}"
    if kind == "missing":
        return path, lines, 'is missing, as in labels: {"0": technical, "1": marketing}'
    if kind == "string_type":
        what = "the id" if fault["loc"][-1] == "[key]" else "the text"
        return (
            path,
            lines,
            f'YAML reads this as {_type_of(value)}, {value!r}; put {what} in quotes: "{_as_written(value)}"',
        )
    if kind in {"dict_type", "mapping_type"}:
        example = 'labels: {"0": technical, "1": marketing}' if path == ("labels",) else "parameters: {epochs: 10}"
        return path, lines, f"expected names and values, as in {example}"
    if kind == "literal_error":
        return path, lines, f"{value!r} is none of {', '.join(RECIPES)}{did_you_mean(str(value), RECIPES)}"
    if kind == "value_error":
        return path, lines, str(fault["ctx"]["error"])
    bounds = fault.get("ctx", {})
    for bound, words in (("ge", "{0:g} or more"), ("gt", "above {0:g}"), ("le", "{0:g} or less")):
        if bound in bounds:
            return path, lines, f"{value!r} must be {words.format(bounds[bound])}"
    quotes = " without quotes" if isinstance(value, str) else ""
    return path, lines, f"{value!r} is {_type_of(value)}; {fault['msg'].lower()}{quotes}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that looks most like one that is not known; empty where none does."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _type_of(value: Any) -> str:
    names = {bool: "a yes or no", int: "a number", float: "a number", str: "text", type(None): "nothing"}
    return names.get(type(value), f"a {type(value).__name__}")


def _as_written(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _error(file: Path, name: str, path: KeyPath, lines: Mapping[KeyPath, int], message: str) -> ConfigurationError:
    line = next(lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in lines)
    return ConfigurationError(f"{file}, line {line}, {'.'.join((name, *path))}: {message}")
