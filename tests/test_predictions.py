import pytest

from include.config.errors import EvaluationError
from include.predictions import Prediction, check_same

OURS = Prediction({"technical": 0.7, "marketing": 0.3})


def test_answers_that_differ_by_rounding_are_the_same():
    check_same([OURS], [Prediction({"technical": 0.70004, "marketing": 0.29996})])


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ([], "the endpoint answered 0 of 1 tweets"),
        ([Prediction({"technical": 1.0})], "the endpoint predicts the labels"),
        ([Prediction({"technical": 0.6, "marketing": 0.4})], "The endpoint serves another model"),
        ([Prediction({"marketing": 0.7, "technical": 0.3})], "tweet 1: the endpoint predicts marketing"),
    ],
)
def test_another_models_answers_are_an_error(theirs, message):
    with pytest.raises(EvaluationError, match=message):
        check_same([OURS], theirs)
