"""
What only real tweets show: `make test-real-tweets DATA=FOLDER`. The tweets are other people's, so they are not in the
repository. The folder has `crisis/hashtags/<event>/<date>/labeled.csv` and
`twitter-data/hashtags/aws/2019-01-04/labeled.csv`.
"""

import itertools
import os
from pathlib import Path

import pytest

from benchmarks.defaults import PRESETS
from include.config.names import Keys
from include.tweets.prepare import prepare
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.sources import Source
from tests.dags.runs import *  # noqa: F403 - fixtures
from tests.dags.runs import QUICK
from tests.tweets.test_batch_tokens import assert_same, cells

DATA = Path(os.environ.get("DATA", "real-tweets"))


def test_real_tweets():
    """Every twelfth of the crisis tweets and all of the old pipeline's; `benchmarks/prepare_speed.py` compares all."""
    paths = sorted(DATA.glob("crisis/hashtags/*/*/labeled.csv/*.csv"))
    crisis = [cell.lower() for path in paths for cell in cells(path)]
    old = [cell.lower() for path in DATA.glob("twitter-data/**/labeled.csv/*.csv") for cell in cells(path)]
    texts = list(dict.fromkeys([*itertools.islice(crisis, 0, None, 12), *old]))
    assert len(texts) > 5_000
    assert_same(texts)


def test_the_real_file_shows_how_far_its_labels_contradict_each_other(tmp_path):
    (path,) = (DATA / "twitter-data/hashtags/aws/2019-01-04/labeled.csv").glob("*.csv")

    report = prepare([Source.from_path(path)], tmp_path, PrepareSettings())

    assert report["rows"]["read"] == 4629
    assert report["label_rows"] == {"technical": 2435, "marketing": 2194}
    assert report["tweets"]["different"] == pytest.approx(1373, abs=5)
    assert report["tweets"]["with_conflicting_labels"] == pytest.approx(648, abs=2)
    assert report["memory_accuracy"] == pytest.approx(0.728, abs=0.001)
    assert "contradict each other" in report["warnings"][0]


def test_the_real_tweets_of_the_old_pipeline_give_an_honest_figure(run_dag, storage):
    folder = DATA / "twitter-data/hashtags/aws/2019-01-04/labeled.csv"
    (path,) = folder.glob("*.csv")
    storage.upload(path, f"{Keys('twitter-data', 'aws', '2019-01-04').tweets}/{path.name}")
    original = {**PRESETS["original"], "buckets": QUICK["buckets"]}

    run = run_dag("2019-01-04", **original, deploy="never")

    report = run.report
    assert run.state == "success"
    assert "contradict each other" in report["data"]["warnings"][0]
    # The labels leave no more to be learned; a much better figure would be a leak.
    low, _ = report["evaluation"]["accuracy_interval"]
    assert low < report["data"]["memory_accuracy"]
