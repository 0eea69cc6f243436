"""
Take values from a tuning job's ranges.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from local_aws.sagemaker.exceptions import ValidationException

INTEGER, CONTINUOUS, CATEGORICAL = "IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"
LARGEST_FOR_AUTO_LINEAR = 100
"""With ScalingType Auto, a range whose ends differ by this factor or more is sampled logarithmically."""


def check_ranges(ranges: dict[str, Any], strategy: str) -> None:
    """
    :raises ValidationException: a range is not valid, or the strategy cannot search it
    """
    numbers: dict[str, Callable[[str], float]] = {INTEGER: int, CONTINUOUS: float}
    for kind, number in numbers.items():
        for entry in ranges.get(kind, []):
            _check_range(entry, number)
    if strategy == "Grid" and (ranges.get(INTEGER) or ranges.get(CONTINUOUS)):
        raise ValidationException("Grid search takes categorical parameter ranges only.")
    if ranges.get("AutoParameters"):
        raise ValidationException("The local AWS does not support AutoParameters.")


def combinations(ranges: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Every combination of the categories, for strategy Grid."""
    entries = ranges.get(CATEGORICAL, [])
    for values in itertools.product(*(entry["Values"] for entry in entries)):
        yield {entry["Name"]: value for entry, value in zip(entries, values, strict=True)}


def samples(ranges: dict[str, Any], seed: int | None) -> Iterator[dict[str, str]]:
    """Random combinations without end, for strategy Random. The same seed gives the same combinations."""
    chance = random.Random(seed)
    while True:
        yield {
            **{entry["Name"]: str(_integer(entry, chance)) for entry in ranges.get(INTEGER, [])},
            **{entry["Name"]: repr(_number(entry, chance)) for entry in ranges.get(CONTINUOUS, [])},
            **{entry["Name"]: chance.choice(entry["Values"]) for entry in ranges.get(CATEGORICAL, [])},
        }


def _check_range(entry: dict[str, Any], number: Callable[[str], float]) -> None:
    try:
        low, high = number(entry["MinValue"]), number(entry["MaxValue"])
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
    return min(high, max(low, round(_logarithmic(low, high, chance))))


def _number(entry: dict[str, Any], chance: random.Random) -> float:
    low, high = float(entry["MinValue"]), float(entry["MaxValue"])
    scaling = _scaling(entry, low, high)
    if scaling == "Linear":
        return chance.uniform(low, high)
    reverse = scaling == "ReverseLogarithmic"
    number = 1 - _logarithmic(1 - high, 1 - low, chance) if reverse else _logarithmic(low, high, chance)
    return min(high, max(low, number))  # rounding may have left the range


def _logarithmic(low: float, high: float, chance: random.Random) -> float:
    return math.exp(chance.uniform(math.log(low), math.log(high)))


def _scaling(entry: dict[str, Any], low: float, high: float) -> str:
    scaling: str = entry.get("ScalingType", "Auto")
    if scaling == "Auto":
        return "Logarithmic" if low > 0 and high / low >= LARGEST_FOR_AUTO_LINEAR else "Linear"
    return scaling
