"""
Templates: their text, parameters, conditions and functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

import graphlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from include.config.yaml_bounds import check_bounds
from local_aws.aws_errors import UnsupportedOperation
from local_aws.cloudformation.exceptions import ValidationError

SECTIONS = {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs"}
PARAMETER_MEMBERS = {"Type", "Default", "Description", "AllowedPattern", "AllowedValues", "ConstraintDescription"}
RESOURCE_MEMBERS = {"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
RETAINING = {"Retain", "RetainExceptOnCreate"}
MAX_READ = 16
"""Templates that are remembered: each operation on a stack reads its template several times."""
NO_VALUE = object()
"""Of AWS::NoValue: a property with it is left out."""
Lookup = Callable[[str], Any]
"""Finds the value of a reference: a name, or a resource's name, a dot and an attribute."""

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short forms of functions, and without dates."""


def _short_form(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    return {f"Fn::{suffix}": value.split(".", 1) if suffix == "GetAtt" and isinstance(value, str) else value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: str(node.value))


@dataclass(frozen=True, slots=True)
class Template:
    """A template whose sections are checked."""

    parameters: Mapping[str, Any]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]
    description: str = ""

    @property
    def makes_identities(self) -> bool:
        """Whether a caller must allow it to make roles and policies."""
        return any(str(resource["Type"]).startswith("AWS::IAM::") for resource in self.resources.values())

    @classmethod
    @lru_cache(MAX_READ)
    def read(cls, text: str) -> "Template":
        """
        From YAML or JSON.

        :raises ValidationError: it is no template
        :raises UnsupportedOperation: it has what the local AWS does not carry out
        """
        try:
            check_bounds(text, _Loader)
            sections = yaml.load(text, Loader=_Loader)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            raise ValidationError(f"Template format error: YAML not well-formed. {error}") from error
        if (
            not isinstance(sections, dict)
            or not isinstance(sections.get("Resources"), dict)
            or not sections["Resources"]
        ):
            raise ValidationError("Template format error: At least one Resources member must be defined.")
        _refuse_others("the template", sections, SECTIONS)
        for name in ("Parameters", "Conditions", "Resources", "Outputs"):
            _check_section(name, sections.get(name, {}))
        for name, parameter in sections.get("Parameters", {}).items():
            _refuse_others(f"the parameter {name}", parameter, PARAMETER_MEMBERS)
        for name, resource in sections["Resources"].items():
            _refuse_others(f"the resource {name}", resource, RESOURCE_MEMBERS)
        return cls(
            sections.get("Parameters", {}),
            sections.get("Conditions", {}),
            sections["Resources"],
            sections.get("Outputs", {}),
            str(sections.get("Description", "")),
        )

    def values_of(self, given: Mapping[str, str]) -> dict[str, str]:
        """
        The value of each parameter, the given one or the default.

        :raises ValidationError: a value is missing, is not allowed, or belongs to no parameter
        """
        if unknown := [name for name in given if name not in self.parameters]:
            raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        defaults = {name: str(p["Default"]) for name, p in self.parameters.items() if "Default" in p}
        values = {**defaults, **given}
        if missing := [name for name in self.parameters if name not in values]:
            raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
        for name, value in values.items():
            _check_value(name, value, self.parameters[name])
        return values

    def wanted_resources(self, values: Mapping[str, Any]) -> list[str]:
        """
        The names of the resources whose conditions hold, each after those that it needs.

        :param values: of parameters and pseudo parameters
        :raises ValidationError: a reference leads nowhere, or in a circle
        """
        needs = {name: set(_needed(resource)) - set(values) for name, resource in self.resources.items()}
        unknown = {name for names in needs.values() for name in names} - set(self.resources)
        if unknown:
            raise ValidationError(f"Template format error: Unresolved resource dependencies {sorted(unknown)}")
        try:
            order = list(graphlib.TopologicalSorter(needs).static_order())
        except graphlib.CycleError as error:
            raise ValidationError(f"Circular dependency between resources: {error.args[1]}") from error
        return [name for name in order if self.holds(self.resources[name].get("Condition"), values)]

    def holds(self, condition: str | None, values: Mapping[str, Any]) -> bool:
        """Whether a condition is fulfilled; None is no condition."""
        if condition is None:
            return True
        if condition not in self.conditions:
            raise ValidationError(f"Template format error: Unresolved condition {condition}")
        return bool(_Evaluation(self, values, values.__getitem__).of(self.conditions[condition]))

    def evaluate(self, value: Any, values: Mapping[str, Any], lookup: Lookup) -> Any:
        """
        Carry out the functions in a value.

        :param lookup: finds what references to resources stand for
        """
        return _Evaluation(self, values, lookup).of(value)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The functions of a template, by their names."""

    template: Template
    values: Mapping[str, Any]
    lookup: Lookup
    functions: dict[str, Callable[[Any], Any]] = field(init=False)

    def __post_init__(self) -> None:
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": lambda name: self.template.holds(name, self.values),
            "Fn::Sub": self._sub,
            "Fn::GetAtt": lambda path: self.lookup(".".join(path)),
            "Fn::If": lambda parts: self.of(parts[1] if self.template.holds(parts[0], self.values) else parts[2]),
            "Fn::Join": lambda parts: str(parts[0]).join(map(str, self.of(parts[1]))),
            "Fn::Equals": lambda pair: str(self.of(pair[0])) == str(self.of(pair[1])),
            "Fn::Not": lambda parts: not self.of(parts[0]),
            "Fn::And": lambda parts: all(map(self.of, parts)),
            "Fn::Or": lambda parts: any(map(self.of, parts)),
        }
        object.__setattr__(self, "functions", functions)

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [entry for entry in map(self.of, value) if entry is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if function := _function(value):
            return self._call(function, value[function])
        entries = {key: self.of(entry) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if entry is not NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:
        if function not in self.functions:
            raise UnsupportedOperation(f"The local AWS does not support {function} in templates.")
        try:
            return self.functions[function](argument)
        except (TypeError, IndexError, AttributeError) as error:
            raise ValidationError(f"Template error: {function} has no such form: {argument!r}") from error

    def _ref(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.lookup(name)

    def _sub(self, text: Any) -> str:
        text, own = text if isinstance(text, list) else (text, {})

        def replace(match: re.Match[str]) -> str:
            is_literal, name = match.groups()
            if is_literal:
                return f"${{{name}}}"
            return str(self.of(own[name]) if name in own else self._ref(name))

        return _PLACEHOLDER.sub(replace, text)


def _function(value: Mapping[str, Any]) -> str | None:
    """The function that a mapping calls; None if it calls none."""
    name = next(iter(value)) if len(value) == 1 else None
    # A statement of a policy can have a Condition as its only member, but that one is a mapping.
    is_function = isinstance(name, str) and (name.startswith("Fn::") or name == "Ref")
    return name if is_function or (name == "Condition" and isinstance(value[name], str)) else None


def _needed(resource: Mapping[str, Any]) -> Iterator[str]:
    """The names of resources and parameters to which a resource refers."""
    depends = resource.get("DependsOn", [])
    yield from [depends] if isinstance(depends, str) else depends
    yield from _references(resource.get("Properties", {}))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _references(entry)
    elif isinstance(value, dict):
        if (function := _function(value)) in {"Ref", "Fn::GetAtt", "Fn::Sub"}:
            yield from _named(str(function), value[function])
        else:
            yield from _references(list(value.values()))


def _named(function: str, argument: Any) -> Iterator[str]:
    if function == "Fn::Sub":
        text, own = argument if isinstance(argument, list) else (argument, {})
        names = {name.partition(".")[0] for is_literal, name in _PLACEHOLDER.findall(str(text)) if not is_literal}
        yield from names - set(own)
        yield from _references(list(own.values()))
    else:
        yield str(argument[0] if isinstance(argument, list) else argument)


def _check_section(name: str, section: Any) -> None:
    if not isinstance(section, dict) or (
        name != "Conditions" and not all(isinstance(e, dict) for e in section.values())
    ):
        raise ValidationError(f"Template format error: {name} is not a mapping of mappings.")


def _check_value(name: str, value: str, parameter: Mapping[str, Any]) -> None:
    what = str(parameter.get("ConstraintDescription", ""))
    if (allowed := parameter.get("AllowedValues")) and value not in map(str, allowed):
        raise ValidationError(what or f"Parameter '{name}' must be one of AllowedValues")
    if (pattern := parameter.get("AllowedPattern")) and not re.fullmatch(str(pattern), value):
        raise ValidationError(f"Parameter {name} failed to satisfy constraint: {what or f'must match {pattern}'}")
    if parameter.get("Type") == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise ValidationError(f"Parameter '{name}' must be a number.")


def _refuse_others(what: str, members: Mapping[str, Any], supported: set[str]) -> None:
    if others := [str(member) for member in members if member not in supported]:
        raise UnsupportedOperation(f"The local AWS does not support {', '.join(others)} of {what}.")
