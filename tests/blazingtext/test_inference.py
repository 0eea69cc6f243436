import json

import pytest

from include.blazingtext.inference import parse_answer
from include.config.errors import EvaluationError


def answer(*pairs: tuple[list[str], list[float]]) -> bytes:
    return json.dumps([{"label": labels, "prob": probabilities} for labels, probabilities in pairs]).encode()


def test_an_answer_is_read_label_by_label():
    (prediction,) = parse_answer(answer((["__label__technical", "__label__marketing"], [0.6, 0.4])))

    assert prediction.label == "technical"
    assert prediction.probability == 0.6
    assert prediction.probabilities == {"technical": 0.6, "marketing": 0.4}


def test_a_probability_that_rounding_has_put_above_one_is_one():
    (prediction,) = parse_answer(answer((["__label__a"], [1.00001])))

    assert prediction.probability == 1.0


@pytest.mark.parametrize("body", [b"", b"{}x", b'{"prob": 1}', b"[1]", answer((["__label__a"], [0.1, 0.2])), b"[{}]"])
def test_an_answer_of_another_form_is_an_error_that_shows_it(body):
    with pytest.raises(EvaluationError, match="not in BlazingText's format"):
        parse_answer(body)
