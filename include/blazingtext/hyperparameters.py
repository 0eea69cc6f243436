"""
BlazingText's hyperparameters for supervised text classification: types, bounds, defaults and texts of the trigger form.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext_hyperparameters.html
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from include.config.errors import ConfigurationError

Kind = Literal["integer", "number", "boolean"]
Value = int | float | bool
BYTES_PER_WEIGHT = 4
TUNING_METRIC = "validation:accuracy"
MAX_MODEL_BYTES = 2 * 2**30
"""Training, evaluation and endpoint each hold the whole model in memory."""


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter. A SageMaker request contains its value as a string."""

    name: str
    kind: Kind
    default: Value
    """BlazingText's default, for a request without this hyperparameter."""
    recommended: Value | None
    """
    This product's default; None: it depends on the number of tweets (see `epochs_for`). docs/benchmarks.md says how the
    defaults were chosen.
    """
    title: str
    description: str
    minimum: int = 0
    minimum_is_allowed: bool = False
    maximum: int | None = None
    """This product's bound, which keeps cost and memory of a run within reason. BlazingText has none."""
    tuning_range: tuple[float, float] | None = None
    """The range that tuning searches, both ends included; None: not tuned. See docs/decisions/tuning-ranges.md."""
    tuning_scale: Literal["Linear", "Logarithmic"] = "Linear"

    def parse(self, text: str) -> Value:
        """
        Read a value from a request's string, as the training container does.

        :raises ConfigurationError: the value is of the wrong kind or out of bounds
        """
        try:
            return self.check(_PARSERS[self.kind](text))
        except ValueError:
            raise ConfigurationError(f"{self.name}: {text!r} is not {self._kind_in_words()}") from None

    def check(self, value: Any) -> Value:
        """
        Check a value, and return it; as a float if the kind is number.

        :raises ConfigurationError: the value is of the wrong kind or out of bounds
        """
        fits = {
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, (int, float)) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
        }[self.kind]
        if not fits:
            raise ConfigurationError(f"{self.name}: {value!r} is not {self._kind_in_words()}")
        above = value >= self.minimum if self.minimum_is_allowed else value > self.minimum
        if self.kind != "boolean" and not (above and value < float("inf")):
            raise ConfigurationError(f"{self.name}: {value} is not {self._kind_in_words()}")
        return float(value) if self.kind == "number" else value

    def _kind_in_words(self) -> str:
        if self.kind == "boolean":
            return "True or False"
        bound = "of at least" if self.minimum_is_allowed else "above"
        return f"{'an integer' if self.kind == 'integer' else 'a number'} {bound} {self.minimum}"


def _boolean(text: str) -> bool:
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise ValueError(text)
    return values[text.lower()]


_PARSERS: dict[Kind, Callable[[str], Value]] = {"integer": int, "number": float, "boolean": _boolean}

HYPERPARAMETERS = {
    hyperparameter.name: hyperparameter
    for hyperparameter in (
        Hyperparameter(
            name="epochs",
            kind="integer",
            default=5,
            recommended=None,
            title="Epochs",
            description="Number of passes over the tweets, with early stopping the maximum. Over these epochs the "
            "learning rate falls to 0. Empty: 600 divided by the square root of the number of training tweets, "
            "at least 3 and at most 20.",
            tuning_range=(5, 30),
            maximum=1000,
        ),
        Hyperparameter(
            name="min_count",
            kind="integer",
            default=5,
            recommended=2,
            title="Minimum word count",
            description="Words that occur less often in the train split are ignored. With 2, the model cannot "
            "learn a tweet by a word that only this tweet has.",
            minimum_is_allowed=True,
            tuning_range=(1, 5),
            maximum=10_000,
        ),
        Hyperparameter(
            name="learning_rate",
            kind="number",
            default=0.05,
            recommended=0.5,
            title="Learning rate",
            description="Step size at the start of the training. Small data sets need a large one.",
            tuning_range=(0.02, 1.0),
            tuning_scale="Logarithmic",
            maximum=10,
        ),
        Hyperparameter(
            name="vector_dim",
            kind="integer",
            default=100,
            recommended=10,
            title="Vector dimension",
            description="Length of the word vectors.",
            tuning_range=(10, 100),
            maximum=1000,
        ),
        Hyperparameter(
            name="word_ngrams",
            kind="integer",
            default=2,
            recommended=2,
            title="Word n-grams",
            description="1: single words. 2: also pairs of neighbouring words. And so on.",
            tuning_range=(1, 3),
            maximum=10,
        ),
        Hyperparameter(
            name="buckets",
            kind="integer",
            default=2_000_000,
            recommended=200_000,
            title="Hash buckets",
            description="Buckets for hashed n-grams. The model has about buckets x vector dimension x 4 bytes.",
            maximum=20_000_000,
        ),
        Hyperparameter(
            name="early_stopping",
            kind="boolean",
            default=False,
            recommended=False,
            title="Early stopping",
            description="Stop when the validation accuracy no longer improves. Keep the model of the best epoch. Its "
            "learning rate has not fallen to 0, so its probabilities are often worse than without early stopping.",
        ),
        Hyperparameter(
            name="patience",
            kind="integer",
            default=4,
            recommended=5,
            title="Patience",
            description="With early stopping: stop after this many epochs in a row without improvement.",
            maximum=1000,
        ),
        Hyperparameter(
            name="min_epochs",
            kind="integer",
            default=5,
            recommended=5,
            title="Minimum epochs",
            description="With early stopping: the first epoch after which the validation accuracy is measured.",
            maximum=1000,
        ),
    )
}


def epochs_for(tweets: int) -> int:
    """
    The default of `epochs`, by the number of training tweets.

    Few tweets need many epochs. With many tweets, more epochs make the probabilities too extreme, and the model no more
    accurate.
    """
    return max(3, min(20, round(600 / math.sqrt(max(tweets, 1)))))


def to_request(values: Mapping[str, Any], tweets: int = 1_000) -> dict[str, str]:
    """
    Make a request's HyperParameters.

    :param values: by name; hyperparameters that are not named, or are None, get the recommended value
    :param tweets: the number of training tweets
    :raises ConfigurationError: a name is unknown, or a value is of the wrong kind or out of bounds
    """
    if unknown := sorted(set(values) - set(HYPERPARAMETERS)):
        known = ", ".join(HYPERPARAMETERS)
        raise ConfigurationError(f"unknown hyperparameter {', '.join(unknown)}; expected one of: {known}")
    given = recommended(tweets) | {name: value for name, value in values.items() if value is not None}
    chosen = {name: hyperparameter.check(given[name]) for name, hyperparameter in HYPERPARAMETERS.items()}
    return {"mode": "supervised"} | {name: str(value) for name, value in chosen.items()}


def recommended(tweets: int) -> dict[str, Value]:
    """Every hyperparameter's default for a number of training tweets."""
    return {
        name: epochs_for(tweets) if hyperparameter.recommended is None else hyperparameter.recommended
        for name, hyperparameter in HYPERPARAMETERS.items()
    }


def too_large(values: Mapping[str, Any]) -> str | None:
    """
    Why a model with these hyperparameters would be too large; None if it would not.

    :param values: by name; hyperparameters that are not named get the recommended value. With `tune`, vector_dim is
        the largest that tuning searches
    """
    buckets, dimension = (values.get(name, HYPERPARAMETERS[name].recommended) for name in ("buckets", "vector_dim"))
    if values.get("tune"):
        _, largest = HYPERPARAMETERS["vector_dim"].tuning_range or (0, 0)
        dimension = max(dimension, int(largest))
    size = buckets * dimension * BYTES_PER_WEIGHT
    if size <= MAX_MODEL_BYTES:
        return None
    return (
        f"buckets ({buckets:,}) x vector_dim ({dimension:,}) x {BYTES_PER_WEIGHT} bytes make a model of "
        f"{size / 2**30:.1f} GiB; at most {MAX_MODEL_BYTES / 2**30:.0f} GiB are allowed. Lower buckets or vector_dim."
    )


def tuning_ranges() -> dict[str, list[dict[str, str]]]:
    """Make a tuning request's ParameterRanges."""
    ranges: dict[str, list[dict[str, str]]] = {"IntegerParameterRanges": [], "ContinuousParameterRanges": []}
    for name, hyperparameter in HYPERPARAMETERS.items():
        if hyperparameter.tuning_range is None:
            continue
        low, high = hyperparameter.tuning_range
        kind = "Integer" if hyperparameter.kind == "integer" else "Continuous"
        ranges[f"{kind}ParameterRanges"].append(
            {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": hyperparameter.tuning_scale}
        )
    return ranges
