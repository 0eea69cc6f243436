"""
Requests against botocore's service model, as SageMaker itself refuses them: botocore checks neither patterns nor
enumerations nor upper bounds on the client's side.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from include.local_aws.sagemaker.exceptions import ValidationException


@cache
def service_model() -> ServiceModel:
    """SageMaker's model, from botocore's data."""
    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


def check_request(operation: str, parameters: dict[str, Any]) -> None:
    """
    :raises ValidationException: worded as AWS words it
    """
    shape = service_model().operation_model(operation).input_shape
    violations = list(_violations(shape, parameters, "")) if shape is not None else []
    if violations:
        errors = "error" if len(violations) == 1 else "errors"
        raise ValidationException(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")


_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict, "map": dict, "list": list, "string": str, "integer": int, "long": int, "boolean": bool,
    "float": (int, float), "double": (int, float),
}  # fmt: skip


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
    elif shape.type_name == "string":
        yield from _outside_bounds(shape, len(value), value, path, "length")
        yield from _string_violations(shape, value, path)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _outside_bounds(shape, value, value, path, "value")


def _is_of_type(shape: Shape, value: Any) -> bool:
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
    if pattern is not None and not _compiled(pattern).fullmatch(value):
        yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if allowed and value not in allowed:
        yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Java's \p{L} and its like, which Python's re lacks. They stand in patterns of tags and descriptions only.
    for java, python in (
        ("\\p{L}", "\\w"),
        ("\\p{Z}", "\\s"),
        ("\\p{N}", "\\d"),
        ("\\p{M}", ""),
        ("\\p{S}", ""),
    ):
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _violation(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:300]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    lower = name[0].lower() + name[1:]
    return f"{path}.{lower}" if path else lower
