import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.evaluation.calibration import (
    MIN_TWEETS_FOR_TEMPERATURE,
    at_temperature,
    fit_temperature,
)
from include.predictions import Prediction

LABELS = ["a", "b", "c"]


def answers(count: int, temperature: float, seed: int = 0) -> tuple[list[str], list[Prediction]]:
    """Labels that are drawn with known probabilities, and these probabilities made too extreme by a temperature."""
    chance = random.Random(seed)
    labels, predictions = [], []
    for _ in range(count):
        weights = [chance.random() ** 3 + 0.01 for _ in LABELS]
        labels.append(chance.choices(LABELS, weights)[0])
        extreme = {label: weight**temperature for label, weight in zip(LABELS, weights, strict=True)}
        total = sum(extreme.values())
        ranked = sorted(extreme, key=lambda label: -extreme[label])
        predictions.append(Prediction({label: extreme[label] / total for label in ranked}))
    return labels, predictions


@pytest.mark.parametrize("temperature", [0.5, 2.0, 4.0])
def test_the_temperature_that_made_probabilities_wrong_is_found(temperature):
    assert fit_temperature(*answers(3000, temperature)) == pytest.approx(temperature, rel=0.1)


def test_calibrated_probabilities_and_few_tweets_get_no_temperature():
    assert fit_temperature(*answers(3000, 1.0)) is None
    assert fit_temperature(*answers(MIN_TWEETS_FOR_TEMPERATURE - 1, 4.0)) is None
    assert fit_temperature([], []) is None


def test_answers_without_probabilities_do_not_disturb():
    labels, predictions = answers(500, 3.0)

    assert fit_temperature([*labels, "a", "unseen"], [*predictions, Prediction({}), predictions[0]]) > 1


@given(st.floats(0.1, 10), st.integers(0, 1000))
def test_the_most_probable_label_stays_and_the_sum_is_1(temperature, seed):
    (prediction,) = answers(1, 1.0, seed)[1]

    calibrated = at_temperature(prediction, temperature)

    assert calibrated.label == prediction.label
    assert sum(calibrated.probabilities.values()) == pytest.approx(1)
