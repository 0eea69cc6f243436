"""Known tweets that a fresh endpoint is asked about, with the evaluated model's own answers."""

from itertools import zip_longest
from typing import Any

from include.blazingtext.model import LocalModel, Prediction, check_same, parse_answer
from include.tweets.cleaning import Recipe
from include.tweets.tokens import instance

MAX_INSTANCES = 10
"""Or one for each label, where there are more labels."""


def smoke_tests(model: LocalModel, samples: list[dict[str, str]], recipe: Recipe) -> list[dict[str, Any]]:
    """
    :param samples: label, cell and text of some test tweets of each label
    :return: label, text, instance and expected probabilities of each that is to be asked
    """
    by_label: dict[str, list[dict[str, str]]] = {}
    for sample in samples:
        by_label.setdefault(sample["label"], []).append(sample)
    # The first of each label, then the second of each, so that no label is left out.
    samples = [sample for round_ in zip_longest(*by_label.values()) for sample in round_ if sample is not None]
    samples = samples[: max(MAX_INSTANCES, len(by_label))]
    instances = [instance(sample["cell"], recipe) for sample in samples]
    return [
        {
            "label": sample["label"],
            "text": sample["text"],
            "instance": tokens,
            "expected": prediction.probabilities,
        }
        for sample, tokens, prediction in zip(samples, instances, model.predict(instances), strict=True)
    ]


def check_smoke_test(answer: bytes, smoke_tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Each tweet with the endpoint's answer.

    :raises EvaluationError: the answer is of the wrong form or not the evaluated model's
    """
    answered = parse_answer(answer)
    check_same([Prediction(test["expected"]) for test in smoke_tests], answered)
    return [
        {
            "text": test["text"],
            "label": test["label"],
            "predicted": prediction.label,
            "probability": prediction.probability,
        }
        for test, prediction in zip(smoke_tests, answered, strict=True)
    ]
