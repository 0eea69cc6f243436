"""Messages for mistakes in an entry of the hashtags file: what is wrong, and what to write instead."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from textwrap import shorten
from typing import Any

from include.config.preparation import RECIPES

MAX_NAMES = 250
"""Characters of the known keys' names in a message."""
MAX_VALUE = 100
"""Characters of a value in a message."""
Mistake = Mapping[str, Any]
"""One of pydantic's `ValidationError.errors()`."""

_IN_KEY = "[key]"
"""pydantic ends the location of an error with this if the error is in a key, not in its value."""
_EXAMPLES = {
    "labels": 'labels: {"0": technical, "1": marketing}',
    "parameters": "parameters: {epochs: 10}",
    "backfill_parameters": "backfill_parameters: {epochs: 10}",
    "tags": 'tags: {cost-center: "1234"}',
    "kms_keys": "kms_keys: {s3: arn:aws:kms:…}",
    "spot_training": "spot_training: {max_wait_minutes: 60}",
    "max_wait_minutes": "max_wait_minutes: 60",
}
"""By the key."""


def describe_mistake(mistake: Mistake, known_keys: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """The path of the key at fault, and the message."""
    path = tuple(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        names = shorten(", ".join(known_keys), MAX_NAMES, placeholder=" … (docs/hashtags.md has them all)")
        return path, f"unknown key{did_you_mean(path[-1], known_keys)}; expected one of: {names}"
    return path[:-1] if path[-1:] == (_IN_KEY,) else path, _MESSAGES.get(mistake["type"], _wrong_type)(mistake)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is most similar to an unknown one; empty if none is similar."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _missing_key(mistake: Mistake) -> str:
    return f"is missing; write for example {_example(mistake)}"


def _not_text(mistake: Mistake) -> str:
    value = mistake["input"]
    if value is None:
        return "has no value; write one, or remove the key"
    if isinstance(value, dict | list):
        return f"{shorten(repr(value), MAX_VALUE)} is {_type_of(value)}; expected text"
    what = "the id" if mistake["loc"][-1] == _IN_KEY else "the text"
    return f'YAML reads this as {_type_of(value)}, {value!r}; put {what} in quotes: "{_as_written(value)}"'


def _not_a_mapping(mistake: Mistake) -> str:
    return f"expected a mapping, for example {_example(mistake)}"


def _example(mistake: Mistake) -> str:
    return next(_EXAMPLES[key] for key in (*reversed(mistake["loc"]), "labels") if key in _EXAMPLES)


def _unknown_recipe(mistake: Mistake) -> str:
    value = mistake["input"]
    return f"{value!r} is not one of: {', '.join(RECIPES)}{did_you_mean(str(value), RECIPES)}"


def _refused_by_our_check(mistake: Mistake) -> str:
    return str(mistake["ctx"]["error"])


def _out_of_bounds(mistake: Mistake) -> str:
    ((kind, bound),) = mistake["ctx"].items()
    relation = {"ge": "at least", "gt": "greater than", "le": "at most"}[kind]
    return f"{mistake['input']!r} must be {relation} {bound:g}"


def _wrong_type(mistake: Mistake) -> str:
    value, expected = mistake["input"], mistake["msg"].lower()
    if value is None:
        return f"has no value; {expected}"
    without_quotes = ", without quotes" if isinstance(value, str) else ""
    return f"{shorten(repr(value), MAX_VALUE)} is {_type_of(value)}; {expected}{without_quotes}"


_MESSAGES: dict[str, Callable[[Mistake], str]] = {
    "missing": _missing_key,
    "string_type": _not_text,
    "dict_type": _not_a_mapping,
    "model_type": _not_a_mapping,
    "literal_error": _unknown_recipe,
    "value_error": _refused_by_our_check,
    "greater_than_equal": _out_of_bounds,
    "greater_than": _out_of_bounds,
    "less_than_equal": _out_of_bounds,
}
"""By pydantic's type of error."""


def _type_of(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text"}
    return names.get(type(value), f"a {type(value).__name__}")


def _as_written(value: Any) -> str:
    """The value as people write it in YAML, where yes and no are booleans."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
