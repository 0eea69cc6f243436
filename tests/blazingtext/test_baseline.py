import random

from include.blazingtext.baseline import linear_baseline
from include.blazingtext.evaluation import evaluate
from include.blazingtext.predictions import Prediction

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


def guessing(test: list[tuple[str, str]]):
    """An evaluation of a model that always answers the same."""
    return evaluate([label for label, _ in test], [Prediction({"technical": 0.6})] * len(test), LABELS)


def test_data_that_tell_the_label_and_a_model_that_has_not_found_it():
    test = examples(200, 1.0, seed=1)

    baseline = linear_baseline(examples(400, 1.0), test, word_ngrams=2)

    assert baseline.accuracy > 0.95
    assert baseline.accuracy_interval[0] < baseline.accuracy <= baseline.accuracy_interval[1]
    assert "there is more in the data than this model has found" in baseline.verdict(guessing(test))


def test_data_that_do_not_tell_the_label():
    test = examples(200, 0.0, seed=1)

    baseline = linear_baseline(examples(400, 0.0), test, word_ngrams=1)

    assert baseline.accuracy < 0.65
    assert "the data, not the model, are the limit" in baseline.verdict(guessing(test))


def test_a_good_model_gets_the_figure_only():
    test = examples(200, 1.0, seed=1)
    good = evaluate([label for label, _ in test], [Prediction({label: 0.9}) for label, _ in test], LABELS)

    verdict = linear_baseline(examples(400, 1.0), test, word_ngrams=1).verdict(good)

    assert verdict.startswith("A linear model on the same words is right on")
    assert verdict.endswith(").")


def test_one_label_alone_cannot_be_learned():
    assert linear_baseline([("technical", "a b")] * 5, [("technical", "a")], word_ngrams=1) is None
