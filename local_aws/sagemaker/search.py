"""
Search: which resources an expression selects.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SearchExpression.html
"""

import operator
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
    "Contains": lambda value, wanted: wanted in value,
    "In": lambda value, wanted: value in wanted.split(","),
}


def selects(expression: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether an expression selects a resource, of which these facts are known."""
    results = [_passes(condition, facts) for condition in expression.get("Filters", [])]
    results += [selects(part, facts) for part in expression.get("SubExpressions", [])]
    return any(results) if expression.get("Operator") == "Or" else all(results)


def _passes(condition: dict[str, str], facts: dict[str, Any]) -> bool:
    values = list(_values(condition["Name"].split("."), facts))
    kind = condition.get("Operator", "Equals")
    if kind in {"Exists", "NotExists"}:
        return bool(values) is (kind == "Exists")
    return any(_compare(_COMPARISONS[kind], value, condition.get("Value", "")) for value in values)


def _values(path: list[str], facts: Any) -> Iterator[Any]:
    """The values at a path, of which each part names a member; a list has its entries' values."""
    if isinstance(facts, list):
        for entry in facts:
            yield from _values(path, entry)
    elif not path:
        yield facts
    elif isinstance(facts, dict) and facts.get(path[0]) is not None:
        yield from _values(path[1:], facts[path[0]])


def _compare(compare: Callable[[Any, Any], bool], value: Any, wanted: str) -> bool:
    """The wanted value is a text, also of a number or of a time."""
    try:
        if isinstance(value, datetime):
            time = datetime.fromisoformat(wanted)
            return compare(value, time if time.tzinfo else time.replace(tzinfo=UTC))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return compare(value, float(wanted))
    except ValueError:
        return False
    return compare(str(value), wanted)
