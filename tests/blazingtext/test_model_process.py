from pathlib import Path

import fasttext
import numpy as np
import psutil
import pytest

from include.blazingtext.model_process import ModelError, ModelProcess


@pytest.fixture(scope="module")
def model_file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "train.txt").write_text("__label__a kernel kernel\n__label__b coupon\n" * 20)
    model = fasttext.train_supervised(str(folder / "train.txt"), dim=4, bucket=20, wordNgrams=2, thread=1, verbose=0)
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def test_it_knows_the_model_and_predicts_as_fasttext_does(model_file):
    model = fasttext.load_model(str(model_file))

    with ModelProcess(model_file) as process:
        assert (process.dimension, process.word_ngrams) == (4, 2)
        assert sorted(process.labels) == ["__label__a", "__label__b"]
        for text, (labels, probabilities) in zip(
            ("kernel coupon", ""), process.predict(["kernel coupon", ""], k=2), strict=True
        ):
            expected = model.f.predict(f"{text}\n", 2, 0.0, "strict")
            assert labels == [label for _, label in expected]
            assert probabilities == pytest.approx([probability for probability, _ in expected])


def test_the_weights_have_a_row_for_each_frequent_word_and_each_label(model_file):
    model = fasttext.load_model(str(model_file))

    with ModelProcess(model_file) as process:
        weights, labels = process.weights(min_occurrences=30, max_words=10), process.labels

    assert weights.words == [("kernel", 40)]
    of_words, of_labels = (
        np.frombuffer(rows, np.float32).reshape(-1, 4) for rows in (weights.of_words, weights.of_labels)
    )
    assert np.array_equal(of_words, [model.get_input_vector(model.get_word_id("kernel"))])
    assert np.array_equal(of_labels, model.get_output_matrix())
    assert len(of_labels) == len(labels)


def test_a_file_that_is_no_model_is_an_error_that_says_so(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"no model")

    with pytest.raises(ModelError, match="a file of 8 bytes is too short for a model"):
        ModelProcess(tmp_path / "model.bin")


def test_a_model_whose_process_has_ended_answers_again(model_file):
    with ModelProcess(model_file) as model:
        before = model.predict(["kernel"], k=2)
        model._process.kill()

        with pytest.raises(ModelError, match="was killed"):
            model.predict(["kernel"], k=2)
        assert model.predict(["kernel"], k=2) == before


def test_a_closed_model_has_no_process(model_file):
    with ModelProcess(model_file) as model:
        pid = model._process.pid

    assert not psutil.pid_exists(pid)


def test_a_models_process_knows_no_credentials(model_file, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    with ModelProcess(model_file) as model:
        environment = Path(f"/proc/{model._process.pid}/environ").read_bytes()

    assert b"PYTHONPATH=" in environment
    assert b"AWS_" not in environment
