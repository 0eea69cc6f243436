"""
BlazingText's hyperparameters for supervised text classification: types, bounds, defaults, words for the trigger form.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext_hyperparameters.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from include.config.errors import ConfigurationError

Kind = Literal["integer", "number", "boolean"]
Value = int | float | bool


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter; it travels to SageMaker as a string."""

    name: str
    kind: Kind
    default: Value
    """BlazingText's own, where a request does not name it."""
    recommended: Value
    """What this product uses where nobody says otherwise: fits some hundreds to some ten thousands of tweets."""
    title: str
    description: str
    minimum: int = 0
    minimum_is_allowed: bool = False
    tuning_range: tuple[float, float] | None = None
    """What tuning searches, both ends included; None: the given value stays. See docs/decisions/tuning-ranges.md."""
    tuning_scale: Literal["Linear", "Logarithmic"] = "Linear"

    def parse(self, text: str) -> Value:
        """
        The value that `text` stands for, as the training container reads it.

        :raises ConfigurationError: not of this kind, or out of bounds
        """
        try:
            return self.check(_PARSERS[self.kind](text))
        except ValueError:
            raise ConfigurationError(f"{self.name}: {text!r} is not {self._kind_in_words()}") from None

    def check(self, value: Any) -> Value:
        """
        `value` in this hyperparameter's type.

        :raises ConfigurationError: not of this kind, or out of bounds
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
        bound = "at least" if self.minimum_is_allowed else "above"
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
            "epochs",
            "integer",
            5,
            30,
            "Epochs (maximum)",
            "How often training passes over the tweets at most. The learning rate falls to 0 over this many.",
            tuning_range=(5, 30),
        ),
        Hyperparameter(
            "min_count",
            "integer",
            5,
            1,
            "Minimum word count",
            "Words that occur less often in the train split are left out.",
            minimum_is_allowed=True,
            tuning_range=(1, 5),
        ),
        Hyperparameter(
            "learning_rate",
            "number",
            0.05,
            0.5,
            "Learning rate",
            "Step size at the start of training. Small data sets need a large one.",
            tuning_range=(0.02, 1.0),
            tuning_scale="Logarithmic",
        ),
        Hyperparameter(
            "vector_dim",
            "integer",
            100,
            10,
            "Vector dimension",
            "Length of the word vectors.",
            tuning_range=(10, 100),
        ),
        Hyperparameter(
            "word_ngrams",
            "integer",
            2,
            2,
            "Word n-grams",
            "1: single words; 2: pairs of neighbouring words as well; and so on.",
            tuning_range=(1, 3),
        ),
        Hyperparameter(
            "buckets",
            "integer",
            2_000_000,
            200_000,
            "Hash buckets",
            "For word n-grams. The model's size is about buckets x vector dimension x 4 bytes.",
        ),
        Hyperparameter(
            "early_stopping",
            "boolean",
            False,
            True,
            "Early stopping",
            "Stop when accuracy on the validation split no longer improves, and keep the best epoch's model.",
        ),
        Hyperparameter(
            "patience",
            "integer",
            4,
            5,
            "Patience",
            "Early stopping: this many epochs in a row without improvement end the training.",
        ),
        Hyperparameter(
            "min_epochs",
            "integer",
            5,
            5,
            "Minimum epochs",
            "Early stopping: the first epoch after which the validation split is looked at.",
        ),
    )
}


def to_request(values: Mapping[str, Any]) -> dict[str, str]:
    """
    The request's HyperParameters for chosen values; what is not chosen is the recommended value.

    :raises ConfigurationError: an unknown name, or a value of the wrong kind or out of bounds
    """
    if unknown := sorted(set(values) - set(HYPERPARAMETERS)):
        known = ", ".join(HYPERPARAMETERS)
        raise ConfigurationError(f"unknown hyperparameter {', '.join(unknown)}; known are {known}")
    chosen = {
        name: hyperparameter.check(values.get(name, hyperparameter.recommended))
        for name, hyperparameter in HYPERPARAMETERS.items()
    }
    return {"mode": "supervised"} | {name: str(value) for name, value in chosen.items()}


def tuning_ranges() -> dict[str, list[dict[str, str]]]:
    """A tuning request's ParameterRanges."""
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
