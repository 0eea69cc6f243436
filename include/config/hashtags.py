"""The hashtags and their settings: include/hashtags.yaml, or the file that RETRAIN_HASHTAGS_FILE names."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import yaml
from croniter import croniter
from croniter.croniter import CroniterError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from include.config.errors import ConfigurationError
from include.config.mistakes import describe_mistake, did_you_mean
from include.config.names import check_hashtag
from include.config.preparation import Recipe, check_encoding, check_labels
from include.config.yaml_file import LOADER, KeyPath, compose, error_in, lines_of_keys

__all__ = ["DEFAULT_FILE", "Hashtag", "HashtagSettings", "Hashtags", "did_you_mean", "load_hashtags"]

DEFAULT_LATE_AFTER_HOURS = 30.0
DEFAULT_OWNER = "airflow"  # as Airflow names owners that nobody has said
DEFAULT_WAIT_HOURS = 12.0
MAX_HOURS = 24 * 31
INSTANCE_TYPE = r"ml\.[a-z0-9-]+\.[a-z0-9]+"
"""The pattern of SageMaker's instance types."""
MAX_COLUMN_NAME = 200
DEFAULT_FILE = Path(__file__).parents[1] / "hashtags.yaml"
PREPARATION = {
    "labels",
    "recipe",
    "label_column",
    "text_column",
    "confidence_column",
    "label_attribute",
    "encoding",
    "min_confidence",
    "max_rejected_share",
    "max_rejected_share_of_file",
}
"""The keys that say how the labelled files are read and prepared."""
LIVE_PREFIX = "live_"
"""The keys about the live endpoint begin with this."""
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


def _check_schedule(schedule: str) -> str:
    if schedule not in PRESETS and not _is_cron(schedule):
        raise ValueError(
            f"{schedule!r} is neither a cron expression with five fields (like '0 6 * * *') nor one of: "
            f"{', '.join(PRESETS)}"
        )
    return schedule


def _is_cron(schedule: str) -> bool:
    fields = schedule.split()
    # croniter replaces H and R by another number each time the file is read.
    if len(fields) != 5 or any(field.upper().startswith(("H", "R")) for field in fields):
        return False
    try:
        croniter(schedule, datetime.now(UTC)).get_next()  # fails for dates that never come, like 30 February
    except (CroniterError, KeyError):
        return False
    return True


def _validator(check: Callable[[Any], None]) -> AfterValidator:
    """A check of this product's, with the error that pydantic expects."""

    def validate(value: Any) -> Any:
        try:
            check(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(validate)


def _check_instance_type(name: str) -> str:
    if not re.fullmatch(INSTANCE_TYPE, name):
        raise ValueError(f"{name!r} is not an instance type of SageMaker, such as ml.m5.large")
    return name


def _check_column(name: str) -> str:
    if not name.isprintable() or len(name) > MAX_COLUMN_NAME:
        raise ValueError(f"the name must have at most {MAX_COLUMN_NAME} printable characters")
    return name


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
InstanceType = Annotated[str, AfterValidator(_check_instance_type)]
ColumnName = Annotated[str, AfterValidator(_check_column)]


class HashtagSettings(BaseModel):
    """The settings of one hashtag, as the file contains them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    labels: Annotated[dict[str, str], _validator(check_labels)]
    """Label names by label id. The labelled files may use either."""
    owner: Annotated[str, Field(min_length=1, max_length=100)] = DEFAULT_OWNER
    """Whom Airflow's UI shows as the DAG's owner: whom to ask."""
    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list)
    """More tags of the DAG in Airflow's UI."""
    schedule: Annotated[str, AfterValidator(_check_schedule)] = "@daily"
    """Cron expression or preset. A run processes the date on which its data interval starts."""
    recipe: Recipe = "clean"
    """clean: the tweet's text; original: the whole cell, as in the old pipeline."""
    label_column: ColumnName = ""
    """The label column's name; empty for label, class, category, target or sentiment."""
    text_column: ColumnName = ""
    """The text column's name; empty for full_text, text, tweet, body, content, message or sentence."""
    confidence_column: ColumnName = ""
    """The name of the column with the labels' confidence; empty for none."""
    label_attribute: ColumnName = ""
    """The labelling job's attribute in Ground Truth's manifests; empty for the newest one."""
    encoding: Annotated[str, _validator(check_encoding)] = ""
    """The encoding of files that are not UTF-8; empty to detect it."""
    min_confidence: Share = 0.0
    """Labels with less confidence are rejected: Ground Truth's, and those of files with a confidence_column."""
    max_rejected_share: Share = 0.1
    """The run fails if a larger share of all rows cannot be used."""
    max_rejected_share_of_file: Share = 0.5
    """If a larger share of a file's rows cannot be used, the report warns; of the run's own date, the run fails."""
    require_success_marker: bool = False
    """Whether a date's folder is complete only with Spark's file _SUCCESS."""
    wait_hours: Annotated[float, Field(ge=0, le=MAX_HOURS, allow_inf_nan=False)] = DEFAULT_WAIT_HOURS
    """How long a run waits for its tweets, from its start. With 0 it skips a date without tweets."""
    late_after_hours: Annotated[float, Field(gt=0, le=MAX_HOURS, allow_inf_nan=False)] = DEFAULT_LATE_AFTER_HOURS
    """A notice is sent if a scheduled run has not ended this long after the start of its date."""
    prepare_on: Literal["worker", "glue"] = "worker"
    """Where prepare_dataset reads and prepares the tweets: the task's own process, or a job of AWS Glue."""
    glue_workers: Annotated[int, Field(ge=2, le=100)] = 5
    """The number of Glue's workers of type G.1X (4 vCPUs, 16 GB), the driver included."""
    live: bool = False
    """Whether a live endpoint always serves the approved model. AWS bills it for as long as it stands."""
    live_instance_type: InstanceType = "ml.m5.large"
    """The live endpoint's instance type."""
    live_instances: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of its instances. An update needs as many again until it ends."""
    live_canary_percent: Annotated[int, Field(ge=1, le=50)] = 10
    """An update first gives a new model this share of the instances, in percent."""
    live_baking_minutes: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 10.0
    """How long the canary is watched, and then the whole, before the old instances end."""
    live_max_error_share: Share = 0.01
    """An update is rolled back if a larger share of a minute's answers are errors of the model (5XX)."""
    live_max_latency_ms: Annotated[float, Field(gt=0, le=60_000, allow_inf_nan=False)] = 1000.0
    """An update is rolled back if the model needs longer for more than one of a hundred answers of a minute."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Defaults of the run's parameters, by their names in the trigger form."""
    backfill_parameters: dict[str, Any] = Field(default_factory=lambda: {"keep_endpoint_minutes": 5})
    """The same for backfills, instead of those in `parameters`: Airflow's UI drops the parameters of a backfill."""

    @property
    def live_endpoint(self) -> dict[str, Any]:
        """What `include.live.requests.LiveSettings` takes from here."""
        names = [name for name in type(self).model_fields if name.startswith(LIVE_PREFIX)]
        return {name.removeprefix(LIVE_PREFIX): getattr(self, name) for name in names}

    @property
    def preparation(self) -> dict[str, Any]:
        """What `include.tweets.prepare_settings.PrepareSettings` takes from here."""
        return self.model_dump(include=PREPARATION)


class SettingRules(Protocol):
    """What `include.config.company.CompanyRules` says of a hashtag's settings."""

    def objection(self, name: str, value: Any) -> str | None:
        """Why a setting's value is not allowed; None if it is."""


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag, its settings, and the lines on which they are."""

    name: str
    settings: HashtagSettings
    file: Path
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)
    """The line of each key of the hashtag's entry, by the key's path; the empty path is the entry itself."""

    def error(self, path: KeyPath, message: str) -> ConfigurationError:
        """An error in the value at `path`."""
        return _error(self.file, self.name, path, self.lines, message)

    def against(self, rules: SettingRules) -> list[ConfigurationError]:
        """The settings that a company's rules do not allow."""
        names = ["prepare_on", *(["live_instance_type"] if self.settings.live else [])]
        found = {name: rules.objection(name, getattr(self.settings, name)) for name in names}
        return [self.error((name,), objection) for name, objection in found.items() if objection]


@dataclass(frozen=True, slots=True)
class Hashtags:
    """The content of a file. A mistake in one entry does not affect the other hashtags."""

    usable: list[Hashtag]
    errors: list[ConfigurationError]
    """One for each entry with mistakes; it names them all."""
    names: frozenset[str] = frozenset()
    """All keys of the file, also those of entries with mistakes."""


def load_hashtags(path: Path | None = None, only: str | None = None) -> Hashtags:
    """
    Read the file.

    :param only: read the entry of this hashtag, and skip all others
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
                raise ConfigurationError(f"{path}, line {line}: the hashtag {name} is defined twice; remove one entry.")
            usable.append(_hashtag(path, name, line, entry))
        except ConfigurationError as error:
            errors.append(error)
    return Hashtags(usable, errors, frozenset(times))


def _entries(path: Path) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The file's keys and values as YAML nodes, which know their lines."""
    root = compose(path)
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise ConfigurationError(f"{path}: expected one entry for each hashtag, as in {DEFAULT_FILE.name}")
    return list(root.value)


def _name(path: Path, key: yaml.Node) -> str:
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode):
        raise ConfigurationError(f"{path}, line {line}: expected the name of a hashtag")
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
        raise _error(path, name, (), lines, "expected settings below the hashtag's name, at least labels")
    loader = LOADER("")
    try:
        lines |= lines_of_keys(path, entry, prefix=(name,))
        settings = HashtagSettings.model_validate(loader.construct_document(entry))
    except ValidationError as error:
        mistakes = [describe_mistake(mistake, list(HashtagSettings.model_fields)) for mistake in error.errors()]
        messages = [str(_error(path, name, where, lines, message)) for where, message in mistakes]
        raise ConfigurationError("\n".join(dict.fromkeys(messages))) from None
    except ConfigurationError:
        raise
    except Exception as error:  # PyYAML has no common error for impossible dates, broken numbers and Python's tags
        reason = " ".join(str(error).split())[:200]
        raise _error(path, name, (), lines, f"YAML cannot read a value of this entry: {reason}") from None
    finally:
        loader.dispose()
    return Hashtag(name, settings, path, lines)


def _error(file: Path, name: str, path: KeyPath, lines: Mapping[KeyPath, int], message: str) -> ConfigurationError:
    """An error in the value at a path below the hashtag's entry."""
    return error_in(file, path, lines, message, prefix=(name,))
