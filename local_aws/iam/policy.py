"""
Whether policies allow what a call needs: effect, action, resource and condition of their statements.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

Document = Mapping[str, Any]
"""A policy, read from its JSON."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a call needs of its caller."""

    action: str
    """Service and action, as in ``s3:GetObject``."""
    resource: str
    """The ARN of what the action touches; ``*`` if it touches nothing that has one."""
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The values of condition keys. A key that the call does not have is missing."""

    def __str__(self) -> str:
        return f"{self.action} {self.resource}"


class Decision(Enum):
    """What policies say of a permission."""

    ALLOW = "allow"
    NOTHING = "nothing"
    DENY = "deny"


class PolicyError(ValueError):
    """A policy has something that this module does not evaluate."""


def decide(documents: Iterable[Document], permission: Permission) -> Decision:
    """
    Evaluate all statements of policies: one Deny outweighs every Allow.

    :raises PolicyError: a statement has an operator that is not supported
    """
    statements = [statement for document in documents for statement in _statements(document)]
    effects = {statement["Effect"] for statement in statements if _applies(statement, permission)}
    if "Deny" in effects:
        return Decision.DENY
    return Decision.ALLOW if "Allow" in effects else Decision.NOTHING


def fits(pattern: str, value: str) -> bool:
    """Whether a value fits a pattern, in which ``*`` stands for any characters and ``?`` for one."""
    return _expression(pattern).fullmatch(value) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(
        "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern), re.S
    )


def _statements(document: Document) -> Iterator[Mapping[str, Any]]:
    statements = document["Statement"]
    yield from [statements] if isinstance(statements, Mapping) else statements


def _applies(statement: Mapping[str, Any], permission: Permission) -> bool:
    return (
        _names(statement, "Action", permission.action.lower(), str.lower)
        and _names(statement, "Resource", permission.resource, str)
        and all(
            _holds(operator, key, tuple(_listed(values)), permission.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(statement: Mapping[str, Any], member: str, value: str, form: Callable[[str], str]) -> bool:
    """Whether a statement's Action or Resource, or its negation, fits a value."""
    is_negated = f"Not{member}" in statement
    patterns = _listed(statement.get(f"Not{member}" if is_negated else member, ["*"]))
    return any(fits(form(pattern), value) for pattern in patterns) is not is_negated


def _listed(value: Any) -> list[str]:
    """One value or several, as texts: JSON's true is IAM's "true"."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def _equals_ignoring_case(pattern: str, value: str) -> bool:
    return pattern.lower() == value.lower()


def _compare(value: str, limit: str) -> float:
    """Below 0 if a value is smaller than a limit. What is no number is neither smaller, nor larger, nor the same."""
    try:
        return float(value) - float(limit)
    except ValueError:
        return math.nan


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": fits,
    "ArnEquals": fits,
    "ArnLike": fits,
    "Bool": _equals_ignoring_case,
    "NumericEquals": lambda limit, value: _compare(value, limit) == 0,
    "NumericLessThan": lambda limit, value: _compare(value, limit) < 0,
    "NumericLessThanEquals": lambda limit, value: _compare(value, limit) <= 0,
    "NumericGreaterThan": lambda limit, value: _compare(value, limit) > 0,
    "NumericGreaterThanEquals": lambda limit, value: _compare(value, limit) >= 0,
}
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")
_NEGATED = re.compile("(String|Arn|Numeric)Not(Equals|EqualsIgnoreCase|Like)")


def _holds(operator: str, key: str, wanted: tuple[str, ...], context: Mapping[str, tuple[str, ...]]) -> bool:
    """
    One key of a Condition.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    match = _OPERATOR.fullmatch(operator)
    quantifier, name, if_exists = match.groups() if match else ("", operator, "")
    values = {name.lower(): values for name, values in context.items()}.get(key.lower())
    if name == "Null":
        return (values is None) is (wanted[0].lower() == "true")
    is_negated, test = _test(name)
    if values is None:
        return bool(if_exists) or (quantifier == "ForAllValues" if quantifier else is_negated)
    found = (any(test(entry, value) for entry in wanted) is not is_negated for value in values)
    return any(found) if quantifier == "ForAnyValue" else all(found)


def _test(name: str) -> tuple[bool, Callable[[str, str], bool]]:
    """Whether an operator is negated, and the test of what it then negates."""
    negated = _NEGATED.fullmatch(name)
    test = _TESTS.get("".join(negated.groups()) if negated else name)
    if test is None:
        raise PolicyError(f"the condition operator {name!r} is not supported")
    return negated is not None, test
