"""What counts as labelled tweets that have arrived. The runs that start are tested with a whole stack."""

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashtag_retrain import arrivals
from hashtag_retrain.arrivals import created_objects, date_of, runs_to_start
from hashtag_retrain.assets import assets_of
from include.config.errors import ConfigurationError
from include.config.names import Keys

KEYS = Keys("team/data", "aws", "2026-01-07")


def s3_message(*keys: str, event: str = "ObjectCreated:Put") -> str:
    records = [
        {"eventName": event, "s3": {"bucket": {"name": "b"}, "object": {"key": quote_plus(key)}}} for key in keys
    ]
    return json.dumps({"Records": records})


@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_every_object_in_a_dates_folder_is_of_this_date(name):
    key = f"{KEYS.tweets}/{name}"

    assert [date_of(key, "team/data") for _, key in created_objects(s3_message(key))] == [("aws", "2026-01-07")]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "team/data/hashtags/aws/2026-01-07/other.csv",
        "team/data/hashtags/aws/2026-01-07/labeled.csv.bak",
        "team/data/hashtags/aws/2026-13-07/labeled.csv",
        "team/data/hashtags/A+/2026-01-07/labeled.csv",
        "other/hashtags/aws/2026-01-07/labeled.csv",
        "team/data/marketing-model/aws/2026-01-07/data/train.txt",
    ],
)
def test_other_objects_are_not(key):
    assert date_of(key, "team/data") is None


def test_a_message_over_sns_is_read_too():
    assert list(created_objects(json.dumps({"Type": "Notification", "Message": s3_message("a b")}))) == [("b", "a b")]


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, "", "[]", "3", "{", "null", '{"Records": [{}]}', '{"Type": "Notification"}', '{"Records": [1]}'],
)
def test_other_messages_are_shown_and_set_aside(body, capsys):
    assert list(created_objects(body)) == []
    assert "Not a message of S3" in capsys.readouterr().out


def test_s3s_first_message_and_deletions_are_nothing():
    assert list(created_objects('{"Service": "Amazon S3", "Event": "s3:TestEvent"}')) == []
    assert list(created_objects(s3_message(KEYS.tweets, event="ObjectRemoved:Delete"))) == []


class Event:
    def __init__(self, partition_key: str | None):
        self.partition_key = partition_key


@pytest.fixture
def runs_of_date(monkeypatch):
    """What Airflow knows of the date's run: the state of its first task, by its id."""
    known: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(arrivals.RuntimeTaskInstance, "get_task_states", lambda dag_id, task_ids, logical_dates: known)
    monkeypatch.setattr(arrivals.XCom, "get_one", lambda run_id, **_: "two dates." if "refused" in run_id else None)
    return known


@pytest.mark.parametrize(("state", "again"), [("skipped", True), ("failed", True), ("deferred", False)])
def test_only_a_run_that_has_found_no_tweets_runs_again(storage, runs_of_date, state, again):
    runs_of_date["scheduled__2026-01-07"] = {"wait_for_tweets": state}

    (run,) = runs_to_start({assets_of("aws").labelled_tweets: [Event("2026-01-07")]})

    expected = "scheduled__2026-01-07" if again else "tweets_arrived__2026-01-07"
    assert (run["trigger_run_id"], run["reset_dag_run"], run["skip_when_already_exists"]) == (expected, again, True)


def test_a_refused_run_that_has_the_dates_place_is_named_and_not_cleared(storage, runs_of_date, capsys):
    runs_of_date["refused"] = {"wait_for_tweets": "failed"}

    (run,) = runs_to_start({assets_of("aws").labelled_tweets: [Event("2026-01-07")]})

    assert (run["trigger_run_id"], run["reset_dag_run"], run["skip_when_already_exists"]) == ("refused", False, False)
    assert "the run refused has the place of 2026-01-07, and was refused: two dates." in capsys.readouterr().out


def test_an_early_run_has_the_logical_date_of_the_scheduled_one(storage, runs_of_date, monkeypatch, tmp_path):
    entry = {"labels": {"0": "a", "1": "b"}, "schedule": "0 6 * * 3"}  # 7 January 2026 is a Wednesday
    (tmp_path / "hashtags.yaml").write_text(json.dumps({"aws": entry}))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))

    runs = runs_to_start(
        {assets_of("aws").labelled_tweets: [Event("2026-01-08"), Event("2026-01-07"), Event("2026-01-07")]}
    )

    assert [(run["trigger_dag_id"], run["trigger_run_id"], run["conf"]) for run in runs] == [
        ("retrain_aws", "tweets_arrived__2026-01-07", {"date": "2026-01-07"}),
        ("retrain_aws", "tweets_arrived__2026-01-08", {"date": "2026-01-08"}),
    ]
    assert [run["logical_date"] for run in runs] == ["2026-01-07T06:00:00+00:00", "2026-01-08T00:00:00+00:00"]


def test_a_hashtag_that_was_removed_meanwhile_is_an_error_that_names_it(storage):
    with pytest.raises(ConfigurationError, match="#gone is not in the hashtags file any more"):
        runs_to_start({assets_of("gone").labelled_tweets: [Event("2026-01-07")]})


def test_a_date_after_today_starts_nothing(storage, capsys):
    assert runs_to_start({assets_of("aws").labelled_tweets: [Event("2999-01-01")]}) == []
    assert "#aws 2999-01-01 is after today" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["", "7 January", None])
def test_a_key_that_is_no_date_is_an_error_that_names_it(storage, key):
    with pytest.raises(ConfigurationError, match="is not a calendar date of the form 2026-01-31"):
        runs_to_start({assets_of("aws").labelled_tweets: [Event(key)]})
