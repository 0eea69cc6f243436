import io
import tarfile

import fasttext
import pytest

from include.aws.registry import Version
from include.blazingtext.model import LocalModel
from include.evaluation import champion as champions
from include.evaluation.champion import ChampionComparison, history_entry
from include.tweets.prepared import DistinctTestTweets

LABELS = ["technical", "marketing", "technical"] * 4
INSTANCES = ["kernel word1", "coupon word2", "kernel"] * 4
DATES = ["2026-01-06"] * 12
TEST = DistinctTestTweets(LABELS, INSTANCES, INSTANCES, ["part.csv"] * 12, list(range(12)), near_copies=0)


@pytest.fixture
def artifact(tmp_path, storage):
    """Trains a model that tells the labels by one word each, or that has them mixed up; uploads it."""

    def train(mixed_up: bool = False) -> str:
        words = ("coupon", "kernel") if mixed_up else ("kernel", "coupon")
        lines = [f"__label__{label} {word} x" for label, word in zip(("technical", "marketing"), words, strict=True)]
        (tmp_path / "train.txt").write_text("\n".join(lines * 50) + "\n")
        model = fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=20, lr=0.5, dim=5, thread=1, verbose=0)
        model.save_model(str(tmp_path / "model.bin"))
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "model.bin", "model.bin")
        return storage.upload(tmp_path / "model.tar.gz", f"models/{mixed_up}/model.tar.gz")

    return train


@pytest.fixture
def candidate(tmp_path, storage, artifact):
    """The labels that a good model predicts."""
    path = storage.download(storage.key_of(artifact()), tmp_path / "candidate.tar.gz")
    with LocalModel(path, tmp_path) as model:
        return [prediction.label for prediction in model.predict(INSTANCES)]


def compare_with_champion(
    champion: Version | None,
    rule: str,
    candidate: list[str],
    storage,
    folder,
    dates: tuple[str, ...] = ("2026-01-06",) * 12,
) -> ChampionComparison:
    return champions.compare_with_champion(champion, rule, TEST, candidate, dates, storage, folder)


def version(uri: str, **properties: str) -> Version:
    return Version("arn", 3, "Approved", uri, {"rule": "r1", "date": "2026-01-06"} | properties)


def test_the_champion_answers_the_same_tweets(artifact, candidate, storage, tmp_path):
    against_champion = compare_with_champion(
        version(artifact(mixed_up=True)), "r1", candidate, storage, tmp_path / "champion"
    )

    assert (against_champion.comparison.right, against_champion.comparison.other_right) == (12, 0)
    assert against_champion.comparison.significantly_better
    assert against_champion.verdict.startswith(
        "On the same 12 test tweets the champion (version 3, 2026-01-06) has an accuracy of 0.0%"
    )
    assert against_champion.as_dict()["comparison"]["alone_right"] == 12
    assert "The champion is below the majority baseline (always technical: 66.7%)." in against_champion.verdict


def test_without_a_champion_there_is_no_comparison(candidate, storage, tmp_path):
    against_champion = compare_with_champion(None, "r1", candidate, storage, tmp_path)

    assert (against_champion.comparison, against_champion.date) == (None, None)
    assert "There was no champion to compare with" in against_champion.verdict


@pytest.mark.parametrize("properties", [{"rule": "r2"}, {"rule": ""}])
def test_a_champion_that_may_have_been_trained_on_test_tweets_is_not_compared(
    artifact, candidate, storage, tmp_path, properties
):
    against_champion = compare_with_champion(version(artifact(), **properties), "r1", candidate, storage, tmp_path)

    assert against_champion.comparison is None
    assert "may have been trained on these test tweets" in against_champion.verdict


def test_a_champion_whose_artifact_is_gone_or_damaged_is_not_compared_and_that_is_said(candidate, storage, tmp_path):
    gone = compare_with_champion(version(storage.uri("models/gone")), "r1", candidate, storage, tmp_path / "gone")
    storage._client.upload_fileobj(io.BytesIO(b"damaged"), storage.bucket, "models/damaged")
    damaged = compare_with_champion(
        version(storage.uri("models/damaged")), "r1", candidate, storage, tmp_path / "damaged"
    )

    assert (gone.comparison, damaged.comparison) == (None, None)
    assert "models/gone does not exist" in gone.verdict
    assert "contains no model.bin" in damaged.verdict


def test_a_champions_figures_are_those_that_were_registered_with_it():
    figures = {
        "accuracy": "0.9",
        "accuracy_low": "0.8",
        "accuracy_high": "0.95",
        "majority_accuracy": "0.5",
        "test_tweets": "50",
        "training_job": "job",
    }

    entry = history_entry(version("s3://b/m", **figures))

    assert (entry["date"], entry["accuracy_interval"], entry["tweets"]) == ("2026-01-06", [0.8, 0.95], 50)
    assert history_entry(version("s3://b/m")) is None


def test_a_champion_of_an_earlier_date_shows_what_to_expect_on_later_tweets(artifact, candidate, storage, tmp_path):
    uri = artifact()

    window = ("2026-01-06",) * 4 + ("2026-01-07",) * 8

    later = compare_with_champion(version(uri), "r1", candidate, storage, tmp_path / "a", window)
    same = compare_with_champion(version(uri), "r1", candidate, storage, tmp_path / "b")

    assert later.as_dict()["on_later_tweets"] == {
        "date": "2026-01-06",
        "version": 3,
        "accuracy": 1.0,
        "accuracy_interval": (pytest.approx(0.676, abs=0.001), 1.0),
        "tweets": 8,
    }
    assert "8 of these tweets are newer than the champion's: 100.0% (67.6% to 100.0%) is what a model" in later.verdict
    assert same.on_later_tweets is None
