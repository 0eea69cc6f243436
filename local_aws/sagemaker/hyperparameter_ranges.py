"""
Values from a tuning job's ranges.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

from local_aws.sagemaker.exceptions import ValidationException

LARGEST_FOR_AUTO_LINEAR = 100
"""Where ScalingType is Auto, a range whose ends differ by this factor or more is sampled logarithmically."""


def check_ranges(ranges: dict[str, Any], strategy: str) -> None:
    """
    :raises ValidationException: a range that is no range, or that the strategy cannot search
    """
    for kind in ("IntegerParameterRanges", "ContinuousParameterRanges"):
        for entry in ranges.get(kind, []):
            _check_range(entry, int if kind.startswith("Integer") else float)
    if strategy == "Grid" and (ranges.get("IntegerParameterRanges") or ranges.get("ContinuousParameterRanges")):
        raise ValidationException("Grid search takes categorical parameter ranges only.")
    if ranges.get("AutoParameters"):
        raise ValidationException("The local AWS does not support AutoParameters.")


def combinations(ranges: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Every combination of the categories, for Grid."""
    entries = ranges.get("CategoricalParameterRanges", [])
    for values in itertools.product(*(entry["Values"] for entry in entries)):
        yield {entry["Name"]: value for entry, value in zip(entries, values, strict=True)}


def samples(ranges: dict[str, Any], seed: int | None) -> Iterator[dict[str, str]]:
    """Random combinations without an end, for Random; the same ones for the same seed."""
    chance = random.Random(seed)
    while True:
        yield {
            **{entry["Name"]: str(_integer(entry, chance)) for entry in ranges.get("IntegerParameterRanges", [])},
            **{entry["Name"]: repr(_number(entry, chance)) for entry in ranges.get("ContinuousParameterRanges", [])},
            **{entry["Name"]: chance.choice(entry["Values"]) for entry in ranges.get("CategoricalParameterRanges", [])},
        }


def _check_range(entry: dict[str, Any], kind: type) -> None:
    try:
        low, high = kind(entry["MinValue"]), kind(entry["MaxValue"])
    except ValueError:
        raise ValidationException(f"MinValue and MaxValue of {entry['Name']} must be numbers.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValidationException(f"MinValue of {entry['Name']} must not be greater than its MaxValue.")
    scaling = entry.get("ScalingType", "Auto")
    if scaling == "Logarithmic" and low <= 0:
        raise ValidationException(f"{entry['Name']}: a logarithmic range must be above 0.")
    if scaling == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise ValidationException(f"{entry['Name']}: a reverse logarithmic range must be within 0 and 1.")


def _integer(entry: dict[str, Any], chance: random.Random) -> int:
    low, high = int(entry["MinValue"]), int(entry["MaxValue"])
    if _scaling(entry, low, high) == "Linear":
        return chance.randint(low, high)
    return min(high, max(low, round(math.exp(chance.uniform(math.log(low), math.log(high))))))


def _number(entry: dict[str, Any], chance: random.Random) -> float:
    low, high = float(entry["MinValue"]), float(entry["MaxValue"])
    scaling = _scaling(entry, low, high)
    if scaling == "Linear":
        return chance.uniform(low, high)
    if scaling == "ReverseLogarithmic":
        return min(high, max(low, 1 - math.exp(chance.uniform(math.log(1 - high), math.log(1 - low)))))
    return min(high, max(low, math.exp(chance.uniform(math.log(low), math.log(high)))))


def _scaling(entry: dict[str, Any], low: float, high: float) -> str:
    scaling: str = entry.get("ScalingType", "Auto")
    if scaling == "Auto":
        return "Logarithmic" if low > 0 and high / low >= LARGEST_FOR_AUTO_LINEAR else "Linear"
    return scaling
