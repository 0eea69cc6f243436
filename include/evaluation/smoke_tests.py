"""The smoke test of an endpoint: it must answer some test tweets as the evaluated model does."""

from itertools import zip_longest
from textwrap import shorten
from typing import Any

from include.blazingtext.inference import parse_answer
from include.blazingtext.model import LocalModel
from include.config.preparation import Recipe
from include.config.printable import printable
from include.predictions import Prediction, check_same
from include.tweets.tokens import instance

TWEET_WIDTH = 80
MAX_INSTANCES = 10
"""With more labels than that, one tweet of each label."""


def smoke_tests(model: LocalModel, samples: list[dict[str, str]], recipe: Recipe) -> list[dict[str, Any]]:
    """
    Choose tweets, and let the evaluated model answer them.

    :param samples: label, cell and text of some test tweets of each label
    :return: label, text, instance and expected probabilities of each chosen tweet
    """
    by_label: dict[str, list[dict[str, str]]] = {}
    for sample in samples:
        by_label.setdefault(sample["label"], []).append(sample)
    # The first sample of each label, then the second of each, so that every label is tested.
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
    Compare the endpoint's answer with the evaluated model's; print and return each tweet with its label and the
    prediction.

    :raises EvaluationError: the answer is malformed, or it differs from the evaluated model's
    """
    answered = parse_answer(answer)
    check_same([Prediction(test["expected"]) for test in smoke_tests], answered)
    found = [
        {
            "text": test["text"],
            "label": test["label"],
            "predicted": prediction.label,
            "probability": prediction.probability,
        }
        for test, prediction in zip(smoke_tests, answered, strict=True)
    ]
    print(table_of(found))
    return found


def table_of(found: list[dict[str, Any]]) -> str:
    """
    The endpoint's answers as text, a line for each tweet.

    :param found: as `check_smoke_test` returns it
    """
    titles = ("label", "predicted", "probability", "tweet")
    rows = [
        (row["label"], row["predicted"], f"{row['probability']:.1%}", shorten(printable(row["text"]), TWEET_WIDTH))
        for row in found
    ]
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (titles, *rows))
    return "\n".join(line.rstrip() for line in lines)
