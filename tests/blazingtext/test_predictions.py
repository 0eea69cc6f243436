import json

import pytest

from include.blazingtext.predictions import LocalModel, Prediction, check_same, parse_answer
from include.errors import EvaluationError


def answer(*pairs: tuple[list[str], list[float]]) -> bytes:
    return json.dumps([{"label": labels, "prob": probabilities} for labels, probabilities in pairs]).encode()


def test_an_answer_is_read_label_by_label():
    (prediction,) = parse_answer(answer((["__label__technical", "__label__marketing"], [0.6, 0.4])))

    assert prediction.label == "technical"
    assert prediction.probability == 0.6
    assert prediction.probabilities == {"technical": 0.6, "marketing": 0.4}


def test_a_probability_a_hair_above_one_is_one():
    (prediction,) = parse_answer(answer((["__label__a"], [1.00001])))

    assert prediction.probability == 1.0


@pytest.mark.parametrize("body", [b"", b"{}x", b'{"prob": 1}', b"[1]", answer((["__label__a"], [0.1, 0.2])), b"[{}]"])
def test_an_answer_of_another_form_is_an_error_that_shows_it(body):
    with pytest.raises(EvaluationError, match="not of BlazingText's form"):
        parse_answer(body)


OURS = Prediction({"technical": 0.7, "marketing": 0.3})


def test_answers_that_differ_by_rounding_are_the_same():
    check_same([OURS], [Prediction({"technical": 0.70004, "marketing": 0.29996})])


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ([], "1 tweets were sent and 0 answers came back"),
        ([Prediction({"technical": 1.0})], "the endpoint knows the labels"),
        ([Prediction({"technical": 0.6, "marketing": 0.4})], "another model is deployed than was evaluated"),
        ([Prediction({"marketing": 0.7, "technical": 0.3})], "tweet 1: the endpoint answers marketing"),
    ],
)
def test_another_models_answers_are_an_error(theirs, message):
    with pytest.raises(EvaluationError, match=message):
        check_same([OURS], theirs)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_an_artifact_that_is_no_model_is_an_error(tmp_path, content):
    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(content)

    with pytest.raises(EvaluationError, match=r"model\.tar\.gz holds no model\.bin that fastText can read"):
        LocalModel(artifact, tmp_path)
