"""The whole evaluation of a model file on prepared tweets, without Airflow and AWS."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from include.blazingtext.model import LocalModel
from include.config.errors import DataError
from include.evaluation.baseline import MAX_TRAINING_TWEETS, linear_baseline
from include.evaluation.calibration import (
    MAX_TWEETS_FOR_TEMPERATURE,
    Temperature,
    at_temperature,
    calibration_error,
    fit_temperature,
    reliability,
)
from include.evaluation.champion import ChampionComparison
from include.evaluation.metrics import Evaluation, evaluate
from include.evaluation.outcomes import Outcomes
from include.evaluation.smoke_tests import smoke_tests
from include.evaluation.words import CANDIDATES, telling_words
from include.tweets.prepared import DistinctTestTweets, PreparedFolder

MISTAKES = 20

CompareWithChampion = Callable[[DistinctTestTweets, list[str]], ChampionComparison]
"""Compares the labels that a model predicts for the test tweets with those of the champion."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The results of a model on the test split."""

    evaluation: Evaluation
    against_champion: ChampionComparison
    found: dict[str, Any]
    """The content of evaluation.json."""
    warnings: list[str]
    """About the data and the model."""
    smoke_tests: list[dict[str, Any]]
    model_labels: list[str]


def score_model(
    artifact: Path, data: PreparedFolder, labels: Sequence[str], compare: CompareWithChampion, scratch: Path
) -> Scored:
    """
    Evaluate a model on the test split of prepared tweets.

    :param artifact: model.tar.gz, or model.bin itself
    :param labels: every label of the hashtag, in the order for tables
    :param scratch: an empty folder for temporary files
    :raises EvaluationError: the artifact contains no readable model
    :raises DataError: the folder does not contain what prepare writes, or its labels are not those of the model
    """
    test, train = data.distinct_test_tweets(), data.examples("train", MAX_TRAINING_TWEETS)
    if not test.labels:
        raise DataError(f"{data.path} contains no test tweets, so nothing can be said about a model")
    if unknown := sorted({*test.labels} - {*labels}):
        raise DataError(f"{data.path}: test tweets have labels that are not among the hashtag's: {', '.join(unknown)}")
    with LocalModel(artifact, scratch) as model:
        if unknown := sorted({*model.labels} - {*labels}):
            raise DataError(f"the model predicts labels that are not among the hashtag's: {', '.join(unknown)}")
        outcomes = Outcomes.of(test.labels, model.predict(test.instances))
        temperature = _temperature(model, data, test)
        heaviest_words = model.heaviest_words(CANDIDATES, min_occurrences=max(3, len(train) // 1000))
        tests = smoke_tests(model, data.report["samples"], data.report["settings"]["recipe"])
        word_ngrams = model.word_ngrams
    against_champion = compare(test, outcomes.predicted)
    evaluation = evaluate(outcomes, labels, temperature)
    examples = list(zip(test.labels, test.instances, strict=True))
    baseline = linear_baseline(train, examples, outcomes.predicted, word_ngrams)
    verdicts = [evaluation.verdict(), *([baseline.verdict(evaluation)] if baseline else []), against_champion.verdict]
    warning = baseline.warning(evaluation) if baseline else None
    found = {
        **asdict(evaluation),
        "warnings": [warning] if warning else [],
        "calibration": evaluation.calibration_in_words(),
        "headline": evaluation.headline(),
        "verdicts": verdicts,
        "linear_baseline": asdict(baseline) if baseline else None,
        "champion": against_champion.as_dict(),
        "mistakes": _mistakes(test, outcomes),
        "near_copies": test.near_copies,
        # A model that has not learned to tell the labels apart has no words that tell them.
        "words": telling_words(heaviest_words, train) if evaluation.tells_labels_apart else {},
    }
    warnings = [*data.report["warnings"], *found["warnings"]]
    return Scored(evaluation, against_champion, found, warnings, tests, model.labels)


def _temperature(model: LocalModel, data: PreparedFolder, test: DistinctTestTweets) -> Temperature | None:
    """Found on the validation split, and measured on the test split."""
    validation = data.examples("validation", MAX_TWEETS_FOR_TEMPERATURE)
    predictions = model.predict([instance for _, instance in validation])
    temperature = fit_temperature([label for label, _ in validation], predictions)
    if temperature is None:
        return None
    calibrated = (at_temperature(prediction, temperature) for prediction in model.predict(test.instances))
    outcomes = Outcomes.of(test.labels, calibrated)
    return Temperature(temperature, float(outcomes.losses.mean()), calibration_error(reliability(outcomes)))


def _mistakes(test: DistinctTestTweets, outcomes: Outcomes) -> list[dict[str, Any]]:
    return [
        {
            "text": test.texts[position],
            "label": test.labels[position],
            "predicted": outcomes.predicted[position],
            "probability": float(outcomes.probabilities[position]),
            "file": test.files[position],
            "line": test.lines[position],
        }
        for position in outcomes.most_confident_mistakes(MISTAKES)
    ]
