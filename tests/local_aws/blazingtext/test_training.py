import random
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

from include.blazingtext.hyperparameters import HYPERPARAMETERS
from local_aws.blazingtext.training import score, train, vocabulary_size

SMALL = {"epochs": 12, "learning_rate": 0.5, "vector_dim": 10, "min_count": 1, "buckets": 5000}


def hyperparameters(**changes):
    defaults = {name: hyperparameter.default for name, hyperparameter in HYPERPARAMETERS.items()}
    return {**defaults, **SMALL, **changes}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """A train and a validation file of two labels that noisy words tell apart."""
    chance = random.Random(0)
    words = {"a": "lambda bucket kernel region".split(), "b": "coupon webinar discount offer".split()}  # noqa: SIM905
    common = [f"word{number}" for number in range(200)]

    def write(path: Path, count: int) -> Path:
        lines = []
        for _ in range(count):
            label = chance.choice("ab")
            tokens = chance.choices(words[label], k=1) + chance.choices(words["ab".replace(label, "")], k=0)
            lines.append(f"__label__{label} {' '.join(tokens + chance.choices(common, k=8))}\n")
        path.write_text("".join(lines))
        return path

    folder = tmp_path_factory.mktemp("channels")
    return write(folder / "train.txt", 400), write(folder / "validation.txt", 100)


def labels_of(model: Any) -> set[str]:
    labels, _ = model.getLabels("strict")
    return set(labels)


def lines_of(files, **changes) -> list[str]:
    lines: list[str] = []
    train(*files, hyperparameters(**changes), lines.append)
    return lines


def test_the_same_input_gives_the_same_model_and_all_of_it_is_initialised(files):
    one, two = (train(*files, hyperparameters(early_stopping=True), lambda line: None) for _ in range(2))

    assert np.array_equal(one.getInputMatrix(), two.getInputMatrix())
    assert np.array_equal(one.getOutputMatrix(), two.getOutputMatrix())
    # Other bindings leave most of the matrix uninitialised (fastText issue 1061).
    assert not (np.abs(one.getInputMatrix()).sum(axis=1) == 0).any()


@pytest.mark.parametrize("words", [1, 2])
def test_without_early_stopping_it_is_fasttexts_own_training(files, tmp_path, words):
    ours = train(files[0], None, hyperparameters(word_ngrams=words), lambda line: None)
    theirs = fasttext.train_supervised(
        str(files[0]), lr=0.5, dim=10, epoch=12, minCount=1, wordNgrams=words, bucket=5000, thread=1, seed=0, verbose=0
    )

    ours.saveModel(str(tmp_path / "ours.bin"))
    theirs.save_model(str(tmp_path / "theirs.bin"))
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()


@pytest.mark.parametrize("min_count", [1, 2, 5])
def test_the_vocabulary_is_fasttexts_own(tmp_path, min_count):
    path = tmp_path / "train.txt"
    chance = random.Random(min_count)
    words = ["a", "b", "é", "__label__d", "_", "x\u00a0y", "c\0d", "\tz", "\r", "\v", "\f", "labels", "e"]
    path.write_text("".join(f"__label__a {' '.join(chance.choices(words, k=3))}\n" for _ in range(12)))
    model = fasttext.train_supervised(str(path), epoch=0, dim=1, minCount=min_count, bucket=1, thread=1, verbose=0)

    assert vocabulary_size(path, min_count) == sum(word != "</s>" for word in model.words)


def test_fed_epoch_by_epoch_it_learns_what_it_learns_from_a_file(files):
    """Between the epochs nothing is learned, and the learning rate falls in the same way."""
    fed = train(*files, hyperparameters(early_stopping=True, min_epochs=12), lambda line: None)
    at_once = train(files[0], None, hyperparameters(), lambda line: None)

    assert score(fed, files[1]) == score(at_once, files[1])
    # A file is begun anew when its end comes before fastText has counted its last hundred words.
    assert np.allclose(fed.getOutputMatrix(), at_once.getOutputMatrix(), atol=1e-2)


def test_every_epoch_is_validated_however_many_there_are(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("__label__a hello world again\n__label__b good bye then\n" * 40)

    lines = lines_of((path, path), early_stopping=True, min_epochs=1, patience=1000, epochs=300)

    assert [int(line.split()[-1]) for line in lines if "End of epoch" in line] == list(range(1, 301))


def test_validation_begins_after_min_epochs_and_patience_ends_it(files):
    lines = lines_of(files, early_stopping=True, min_epochs=3, patience=2, epochs=50)

    epochs = [int(line.split()[-1]) for line in lines if "End of epoch" in line]
    assert epochs[0] == 3
    assert epochs == list(range(3, 3 + len(epochs)))
    assert len(epochs) < 48
    assert "Validation accuracy has not improved for last 2 epochs." in lines
    assert not any("last 3 epochs" in line for line in lines)


def test_the_best_epochs_weights_are_kept(files):
    lines: list[str] = []
    model = train(
        *files, hyperparameters(early_stopping=True, min_epochs=1, patience=12, learning_rate=2.0), lines.append
    )

    accuracies = [float(line.split()[-1]) for line in lines if line.startswith("Validation accuracy: ")]
    assert score(model, files[1])[1] == pytest.approx(max(accuracies))


def test_the_learning_rate_falls_to_zero_over_the_maximum_of_epochs(files):
    lines = lines_of(files, early_stopping=True, min_epochs=1, patience=100, epochs=10)

    alphas = [float(line.split()[2]) for line in lines if line.startswith("##### Alpha")]
    assert alphas == pytest.approx([0.5 * (1 - epoch / 10) for epoch in range(1, 11)], abs=1e-4)


def test_a_fault_between_epochs_ends_the_training(files):
    """fastText would read the end of the pipe for ever."""

    def log(line: str) -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError):
        train(*files, hyperparameters(early_stopping=True, min_epochs=2), log)


def test_labels_may_stand_anywhere_and_be_several(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("hello __label__a world\nbye __label__b now __label__c\n" * 50)

    model = train(path, None, hyperparameters(), lambda line: None)

    assert labels_of(model) == {"__label__a", "__label__b", "__label__c"}
    assert [label for _, label in model.predict("hello world\n", 1, 0.0, "strict")] == ["__label__a"]


def test_a_file_without_a_last_newline_is_read_to_its_end(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("__label__a x y\n" * 50 + "__label__b z")

    model = train(path, path, hyperparameters(early_stopping=True), lambda line: None)

    assert labels_of(model) == {"__label__a", "__label__b"}
