import random

import pytest

from include.evaluation.baseline import (
    ACCURACY_SAYS_LITTLE,
    BETTER_MODEL_IS_POSSIBLE,
    DATA_ARE_THE_LIMIT,
    ONLY_THE_LINEAR_MODEL_BEATS_THE_MAJORITY,
    TOO_FEW_TO_TELL,
    LinearBaseline,
    linear_baseline,
)
from include.evaluation.comparison import compare
from include.evaluation.intervals import wilson_interval
from include.evaluation.metrics import Evaluation
from include.predictions import Prediction
from tests.evaluation.test_metrics import evaluate

LABELS = ["technical", "marketing"]


def examples(count: int, telling: float, seed: int = 0) -> list[tuple[str, str]]:
    """Tweets of which a share holds a word that tells the label."""
    chance = random.Random(seed)
    words = {"technical": "kernel", "marketing": "coupon"}
    found = []
    for _ in range(count):
        label = chance.choice(LABELS)
        tokens = chance.choices([f"word{number}" for number in range(50)], k=6)
        found.append((label, " ".join([*tokens, words[label] if chance.random() < telling else "filler"])))
    return found


def guesses(test: list[tuple[str, str]]) -> list[Prediction]:
    """Of a model that always answers the same."""
    return [Prediction({"technical": 0.6})] * len(test)


def labels_of(predictions: list[Prediction]) -> list[str]:
    return [prediction.label for prediction in predictions]


def evaluation(test: list[tuple[str, str]], predictions: list[Prediction]) -> Evaluation:
    return evaluate([label for label, _ in test], predictions, LABELS)


def test_data_that_tell_the_label_and_a_model_that_has_not_found_it():
    test = examples(200, 1.0, seed=1)

    baseline = linear_baseline(examples(400, 1.0), test, labels_of(guesses(test)), word_ngrams=2)

    assert baseline.accuracy > 0.95
    assert baseline.accuracy_interval[0] < baseline.accuracy <= baseline.accuracy_interval[1]
    assert BETTER_MODEL_IS_POSSIBLE in baseline.verdict(evaluation(test, guesses(test)))


@pytest.mark.parametrize(
    ("tweets", "sentence"), [(3, TOO_FEW_TO_TELL), (200, TOO_FEW_TO_TELL), (4000, DATA_ARE_THE_LIMIT)]
)
def test_the_data_are_the_limit_only_where_enough_tweets_say_so(tweets, sentence):
    test = examples(tweets, 0.0, seed=1)

    baseline = linear_baseline(examples(400, 0.0), test, labels_of(guesses(test)), word_ngrams=1)

    assert baseline.verdict(evaluation(test, guesses(test))).endswith(
        f"Neither is significantly better than the majority baseline. {sentence}"
    )


def test_a_good_model_gets_the_figure_only():
    test = examples(200, 1.0, seed=1)
    good = [Prediction({label: 0.9}) for label, _ in test]

    verdict = linear_baseline(examples(400, 1.0), test, labels_of(good), word_ngrams=1).verdict(evaluation(test, good))

    assert verdict.startswith("A linear model on the same words has an accuracy of")
    assert verdict.endswith(").")


def test_a_model_that_beats_the_majority_and_is_beaten_by_the_linear_one_is_told_so():
    test = examples(200, 1.0, seed=1)
    fair = [Prediction({label if number % 4 else "technical": 0.9}) for number, (label, _) in enumerate(test)]

    baseline = linear_baseline(examples(400, 1.0), test, labels_of(fair), word_ngrams=1)
    verdict = baseline.verdict(evaluation(test, fair))

    assert "This model is significantly worse than the linear model" in verdict
    assert BETTER_MODEL_IS_POSSIBLE in verdict
    warning = baseline.warning(evaluation(test, fair))
    assert warning.startswith("A simple linear model is better than this one by ")


def test_a_linear_model_that_is_better_than_a_bad_one_and_no_better_than_the_majority_promises_nothing():
    test = examples(300, 0.0, seed=1)
    wrong = [Prediction({LABELS[label == "technical"]: 0.9}) for label, _ in test]

    baseline = linear_baseline(examples(400, 0.0), test, labels_of(wrong), word_ngrams=1)

    assert BETTER_MODEL_IS_POSSIBLE not in baseline.verdict(evaluation(test, wrong))
    assert baseline.warning(evaluation(test, wrong)) is None


def test_one_label_alone_cannot_be_learned():
    assert linear_baseline([("technical", "a b")] * 5, [("technical", "a")], ["technical"], word_ngrams=1) is None


def test_where_one_label_is_very_common_nothing_is_said_about_the_data():
    test = [("technical", "word1 word2")] * 1900 + [("marketing", "word3 word4")] * 100
    always = [Prediction({"technical": 0.9})] * len(test)

    baseline = linear_baseline(examples(400, 0.0), test, labels_of(always), word_ngrams=1)

    assert baseline.verdict(evaluation(test, always)).endswith(ACCURACY_SAYS_LITTLE)


def test_two_models_that_do_not_differ_significantly_are_not_set_against_each_other():
    test = [("technical", "kernel"), ("marketing", "coupon")] * 50

    def answers(right: int) -> list[str]:
        other = dict(zip(LABELS, reversed(LABELS), strict=True))
        return [label if number < right else other[label] for number, (label, _) in enumerate(test)]

    fair, others = [Prediction({label: 0.9}) for label in answers(59)], answers(60)
    comparison = compare([label for label, _ in test], labels_of(fair), others)

    verdict = LinearBaseline(400, 0.6, wilson_interval(60, 100), comparison).verdict(evaluation(test, fair))

    assert verdict.endswith(ONLY_THE_LINEAR_MODEL_BEATS_THE_MAJORITY)
