from typing import Any

import pytest

from tests.dags.test_integrity import DAGS

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/tweets"


@pytest.fixture
def parse(tmp_path, monkeypatch):
    """Parses the DAG file with hashtags, and with environment variables."""

    def parse(hashtags: str, **environment: str) -> dict[str, Any]:
        from airflow.dag_processing.dagbag import DagBag

        (tmp_path / "hashtags.yaml").write_text(hashtags)
        monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bag = DagBag(str(DAGS / "early_start.py"))
        assert bag.import_errors == {}
        return bag.dags

    return parse


def test_an_event_of_any_hashtags_tweets_starts_their_runs(parse):
    dags = parse('one: {labels: {"0": a, "1": b}}\ntwo: {labels: {"0": a, "1": b}}')

    assert set(dags) == {"start_early"}
    assets = dags["start_early"].timetable.asset_condition.objects
    assert [asset.name for asset in assets] == ["retrain_one.labelled_tweets", "retrain_two.labelled_tweets"]
    assert dags["start_early"].max_active_runs == 1


def test_with_a_queue_another_dag_makes_its_messages_events_of_all_hashtags(parse):
    dags = parse('one: {labels: {"0": a, "1": b}}\ntwo: {labels: {"0": a, "1": b}}', RETRAIN_TWEETS_QUEUE_URL=QUEUE)

    assert set(dags) == {"start_early", "read_tweets_queue"}
    (task,) = dags["read_tweets_queue"].tasks
    assert [asset.name for asset in task.outlets] == ["retrain_one.labelled_tweets", "retrain_two.labelled_tweets"]
    assert not any(dag.is_paused_upon_creation for dag in dags.values())


def test_without_a_usable_hashtag_there_is_nothing_to_start(parse):
    assert parse('one: {lables: {"0": a}}', RETRAIN_TWEETS_QUEUE_URL=QUEUE) == {}
