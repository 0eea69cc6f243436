import json
import random

import pytest

from include.config.errors import DataError
from include.evaluation.champion import ChampionComparison
from include.evaluation.scoring import score_model
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.prepared import PreparedFolder
from tests.conftest import archive_of
from tests.tweets.test_prepare import source

LABELS = ["marketing", "technical"]
WORDS = {"0": "kernel", "1": "coupon"}
NO_CHAMPION = ChampionComparison(None, None, "There is no champion yet.")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> PreparedFolder:
    """Tweets whose label one word tells, except that each tenth has the other label."""
    folder, chance = tmp_path_factory.mktemp("data"), random.Random(1)
    others = [f"word{number}" for number in range(200)]
    rows = [
        (label if number % 10 else "10"[int(label)], f"{WORDS[label]} {' '.join(chance.choices(others, k=6))}")
        for number in range(300)
        for label in "01"
    ]
    prepare([source(rows)], folder, PrepareSettings())
    return PreparedFolder(folder)


@pytest.fixture(scope="module")
def artifact(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    (folder / "model.tar.gz").write_bytes(archive_of((data.path / "train.txt").read_bytes(), folder))
    return folder / "model.tar.gz"


def scored(artifact, data, tmp_path, labels=LABELS, compare=lambda test, predicted: NO_CHAMPION):
    return score_model(artifact, data, labels, compare, tmp_path)


def test_the_figures_are_of_the_test_split_and_its_most_confident_mistakes_are_named(artifact, data, tmp_path):
    asked = []

    def compare(test, predicted):
        asked.append((test, predicted))
        return NO_CHAMPION

    found = scored(artifact, data, tmp_path, compare=compare)

    ((test, predicted),) = asked
    right = sum(label == answer for label, answer in zip(test.labels, predicted, strict=True))
    assert found.found["tweets"] == len(test.labels)
    assert found.evaluation.accuracy == right / len(test.labels)
    assert len(found.found["mistakes"]) == min(20, len(test.labels) - right) > 0
    for mistake in found.found["mistakes"]:
        place = list(zip(test.files, test.lines, strict=True)).index((mistake["file"], mistake["line"]))
        assert (mistake["text"], mistake["label"]) == (test.texts[place], test.labels[place])
        assert mistake["predicted"] == predicted[place] != mistake["label"]
    assert found.found["words"]["technical"][0]["word"] == "kernel"
    assert found.found["verdicts"][-1] == NO_CHAMPION.verdict
    assert found.model_labels == sorted(found.model_labels)
    json.dumps(found.found)


def test_a_model_of_other_labels_is_no_model_of_the_hashtag(artifact, data, tmp_path):
    with pytest.raises(DataError, match=r"test tweets have labels that are not among the hashtag's: technical$"):
        scored(artifact, data, tmp_path, labels=["marketing"])
    other = archive_of(b"__label__sports goal\n__label__marketing coupon\n" * 20, tmp_path)
    (tmp_path / "model.tar.gz").write_bytes(other)
    with pytest.raises(DataError, match=r"the model predicts labels that are not among the hashtag's: sports$"):
        scored(tmp_path / "model.tar.gz", data, tmp_path / "in")


def with_test_tweets(data, count, folder) -> PreparedFolder:
    """The same prepared tweets, but only some of the test split."""
    for path in data.path.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for name, header in (("test_tweets.csv", 1), ("test.txt", 0)):
        kept = (data.path / name).read_text().splitlines(keepends=True)[: header + count]
        (folder / name).write_text("".join(kept))
    return PreparedFolder(folder)


def test_without_test_tweets_nothing_is_said_about_a_model(artifact, data, tmp_path):
    with pytest.raises(DataError, match="contains no test tweets, so nothing can be said about a model"):
        scored(artifact, with_test_tweets(data, 0, tmp_path), tmp_path / "in")


def test_a_model_that_does_not_certainly_tell_the_labels_apart_has_no_words_that_do(artifact, data, tmp_path):
    found = scored(artifact, with_test_tweets(data, 3, tmp_path), tmp_path / "in")

    assert not found.evaluation.tells_labels_apart
    assert found.found["words"] == {}
