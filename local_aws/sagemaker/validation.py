"""
Check requests against botocore's service model, with SageMaker's messages. SageMaker checks patterns, enumerations and
upper bounds on the server, because botocore does not check them in the client.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import regex
from botocore.model import Shape

from local_aws.sagemaker.exceptions import ValidationException
from local_aws.service_models import SAGEMAKER, service_model

LATEST_TIME = 253_402_300_799
"""The end of the year 9999, in seconds since 1970."""


def check_request(operation: str, parameters: dict[str, Any], service: str = SAGEMAKER) -> None:
    """
    :raises ValidationException: with AWS's message
    """
    found = violations(service_model(service).operation_model(operation).input_shape, parameters)
    if found:
        errors = "error" if len(found) == 1 else "errors"
        raise ValidationException(f"{len(found)} validation {errors} detected: {'; '.join(found)}")


def violations(shape: Shape | None, value: Any) -> list[str]:
    """Where a request or an answer violates its shape."""
    return list(_violations(shape, value, "")) if shape is not None else []


_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, datetime),
    "blob": (str, bytes),
}


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not _is_of_type(shape, value):
        yield _violation(value, path, f"Member must be of type {shape.type_name}")
        return
    if shape.type_name == "structure":
        yield from _member_violations(shape, value, path)
    elif shape.type_name == "list":
        yield from _outside_bounds(shape, len(value), value, path, "length")
        for index, item in enumerate(value, start=1):
            yield from _violations(shape.member, item, f"{path}.{index}.member")
    elif shape.type_name == "map":
        yield from _outside_bounds(shape, len(value), value, path, "length")
        for key, item in value.items():
            yield from _violations(shape.key, key, path)
            yield from _violations(shape.value, item, f"{path}.{key}")
    else:
        yield from _scalar_violations(shape, value, path)


def _scalar_violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "string":
        yield from _outside_bounds(shape, len(value), value, path, "length")
        yield from _string_violations(shape, value, path)
    elif shape.type_name == "blob":
        yield from _outside_bounds(shape, len(value), "…", path, "length")
    elif shape.type_name == "timestamp" and isinstance(value, (int, float)) and not 0 <= value <= LATEST_TIME:
        yield _violation(value, path, f"Member must have value between 0 and {LATEST_TIME}")
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _outside_bounds(shape, value, value, path, "value")


def _is_of_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool) and shape.type_name != "boolean":
        return False
    return isinstance(value, _TYPES.get(shape.type_name, object))


def _member_violations(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _violation(None, _join(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _violations(member, value[name], _join(path, name))


def _outside_bounds(shape: Shape, measure: float, value: Any, path: str, what: str) -> Iterator[str]:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if minimum is not None and measure < minimum:
        yield _violation(value, path, f"Member must have {what} greater than or equal to {minimum}")
    if maximum is not None and measure > maximum:
        yield _violation(value, path, f"Member must have {what} less than or equal to {maximum}")


def _string_violations(shape: Shape, value: str, path: str) -> Iterator[str]:
    pattern, allowed = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern is not None and not _matches(pattern, value):
        yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if allowed and value not in allowed:
        yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


@lru_cache(10_000)
def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> Any:
    # The patterns are Java's. They have classes such as \p{L}, which Python's re does not know, and surrogate pairs for
    # characters of more than 16 bits.
    return regex.compile(pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"))


def _violation(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:300]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    lower = name[0].lower() + name[1:]
    return f"{path}.{lower}" if path else lower
