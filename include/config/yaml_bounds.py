"""Bounds of a YAML file, checked before it is composed: the composer in C recurses, and aliases multiply values."""

from dataclasses import dataclass
from typing import Any

import yaml

MAX_DEPTH = 50
MAX_VALUES = 100_000


@dataclass(slots=True)
class _Collection:
    anchor: str | None
    values: int = 1


def check_bounds(text: str, loader: Any) -> None:
    """
    Check that a YAML text is neither nested too deeply nor, with every alias written out, too large.

    :raises yaml.MarkedYAMLError: it is, or it is not YAML
    """
    values: dict[str | None, int] = {}
    open_collections = [_Collection(None)]
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_collections.append(_Collection(event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = open_collections.pop()
            values[closed.anchor] = closed.values
            open_collections[-1].values += closed.values
        elif isinstance(event, yaml.AliasEvent):
            open_collections[-1].values += values.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            open_collections[-1].values += 1
        if len(open_collections) > MAX_DEPTH:
            raise _error(event, f"nested more than {MAX_DEPTH} levels deep")
        if open_collections[-1].values > MAX_VALUES:
            raise _error(event, f"more than {MAX_VALUES:,} values, with aliases written out")


def _error(event: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
