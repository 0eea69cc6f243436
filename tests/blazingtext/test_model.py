import math
import tarfile

import fasttext
import pytest

from include.blazingtext.model import LocalModel
from include.config.errors import EvaluationError


@pytest.fixture
def model(tmp_path) -> LocalModel:
    """Trained on tweets of which one word tells the label, and one tells nothing."""
    lines = [f"__label__{label} {word} {word} the" for label, word in (("a", "kernel"), ("b", "coupon"), ("c", "goal"))]
    (tmp_path / "train.txt").write_text("\n".join([*lines * 40, "__label__a once"]) + "\n")
    trained = fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=20, lr=0.5, dim=5, thread=1, verbose=0)
    trained.save_model(str(tmp_path / "model.bin"))
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "model.bin", "model.bin")
    return LocalModel(tmp_path / "model.tar.gz", tmp_path)


def test_the_heaviest_word_of_a_label_is_the_one_that_tells_it(model):
    heaviest = model.heaviest_words(2, min_occurrences=5)

    assert {label: words[0]["word"] for label, words in heaviest.items()} == {"a": "kernel", "b": "coupon", "c": "goal"}
    assert heaviest["a"][0]["occurrences"] == 80
    assert all(word["weight"] > 0 for words in heaviest.values() for word in words)
    assert all(word["word"] not in {"</s>", "once"} for words in heaviest.values() for word in words)


def test_the_weights_are_those_with_which_the_model_predicts(model):
    """A text of one word has the mean of the word's scores and of the line end's, so two such texts differ by half."""
    weights = {entry["word"]: entry["weight"] for entry in model.heaviest_words(10, min_occurrences=1)["a"]}

    def score(word: str) -> float:
        (prediction,) = model.predict([word])
        # fastText adds 0.00001 to each probability.
        logarithms = {label: math.log(share - 1e-5) for label, share in prediction.probabilities.items()}
        return logarithms["a"] - sum(logarithms.values()) / len(logarithms)

    assert score("kernel") - score("once") == pytest.approx((weights["kernel"] - weights["once"]) / 2, rel=0.01)


def test_where_no_word_is_frequent_enough_there_is_no_heaviest(model):
    assert model.heaviest_words(2, min_occurrences=1000) == {"a": [], "b": [], "c": []}


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_an_artifact_that_is_no_model_is_an_error(tmp_path, content):
    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(content)

    with pytest.raises(EvaluationError, match=r"model\.tar\.gz contains no model\.bin that fastText can read"):
        LocalModel(artifact, tmp_path)


def test_a_model_is_read_without_what_python_3_11_2_has_not(tmp_path, monkeypatch):
    """Debian 12's Python does not know TarFile.extract's filters yet."""

    def extract(self, member, path="", set_attrs=True, *, numeric_owner=False):
        raise AssertionError("extract() without a filter would write wherever an archive says")

    monkeypatch.setattr(tarfile.TarFile, "extract", extract)
    monkeypatch.setattr(tarfile.TarFile, "extractall", extract)
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    (tmp_path / "model.bin").write_bytes(b"no model")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "model.bin", "model.bin")

    with pytest.raises(EvaluationError, match="fastText can read"):
        LocalModel(tmp_path / "model.tar.gz", tmp_path / "in")
