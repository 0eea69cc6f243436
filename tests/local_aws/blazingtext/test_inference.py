import json
import math

import fasttext
import pytest

from local_aws.blazingtext.inference import ContainerError, Predictor


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    train = folder / "train.txt"
    train.write_text("__label__a hello world\n__label__b good bye\n" * 50)
    fasttext.train_supervised(str(train), dim=5, bucket=100, minCount=1, lr=0.5, verbose=0).save_model(
        str(folder / "model.bin")
    )
    return folder / "model.bin"


@pytest.fixture(scope="module")
def predictor(model_file) -> Predictor:
    return Predictor(model_file)


def ask(predictor: Predictor, value, content_type="application/json"):
    body, answered_type = predictor.answer(json.dumps(value).encode(), content_type)
    assert answered_type == content_type
    return json.loads(body)


def test_an_answer_holds_the_most_probable_label_by_default(predictor):
    (answer,) = ask(predictor, {"instances": ["hello world"]})

    assert answer["label"] == ["__label__a"]
    assert len(answer["prob"]) == 1


def test_k_labels_are_answered_and_no_more_than_there_are(predictor):
    (answer,) = ask(predictor, {"instances": ["hello"], "configuration": {"k": 5}})

    assert sorted(answer["label"]) == ["__label__a", "__label__b"]
    assert math.isclose(sum(answer["prob"]), 1, abs_tol=1e-3)


def test_json_lines_are_answered_line_by_line_each_with_its_k(predictor):
    body = b'{"source": "hello world"}\n\n{"source": "good bye", "k": 2}\n'

    text, content_type = predictor.answer(body, "application/jsonlines; charset=utf-8")

    first, second = (json.loads(line) for line in text.splitlines())
    assert content_type == "application/jsonlines"
    assert first["label"] == ["__label__a"]
    assert second["label"] == ["__label__b", "__label__a"]


def test_a_newline_in_an_instance_is_a_blank(predictor):
    assert ask(predictor, {"instances": ["hello\nworld"]}) == ask(predictor, {"instances": ["hello world"]})


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"{}", "text/csv", 415, "content-type text/csv not supported"),
        (b"{", "application/json", 400, "not JSON"),
        (b"\xff", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "lacks 'instances'"),
        (b'{"instances": "x"}', "application/json", 400, "'instances'"),
        (b'{"instances": [1]}', "application/json", 400, "instances must be strings"),
        (b'{"instances": [], "configuration": []}', "application/json", 400, "configuration must be an object"),
        (b'{"instances": [], "configuration": {"k": 0}}', "application/json", 400, "k must be"),
        (b'{"instances": ["x"]}', "application/jsonlines", 400, "lacks 'source'"),
    ],
)
def test_what_the_container_refuses(predictor, body, content_type, status, message):
    with pytest.raises(ContainerError, match=message) as error:
        predictor.answer(body, content_type)
    assert error.value.status == status


def test_an_unsupervised_model_is_refused(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("some words without labels\n" * 50)
    fasttext.train_unsupervised(str(text), dim=5, minCount=1, bucket=100, verbose=0).save_model(
        str(tmp_path / "model.bin")
    )

    with pytest.raises(ValueError, match="not a supervised model"):
        Predictor(tmp_path / "model.bin")


def test_without_a_content_type_a_body_is_json(predictor):
    body = b'{"instances": ["kernel"]}'

    assert predictor.answer(body, "") == predictor.answer(body, "application/json")
