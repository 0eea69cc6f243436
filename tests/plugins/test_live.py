import json

import pytest

from hashtag_retrain.live import ASK, DAG_ID, OFF, SERVE, choose_action, list_live_endpoints, tell_outcome
from include.config.errors import ConfigurationError
from include.config.names import live_endpoint_name
from include.results import LISTED
from tests.aws.test_notify import remember, told
from tests.live.promotions import *  # noqa: F403
from tests.plugins.attempts import Attempt

LABELS = {"labels": {"0": "a", "1": "b"}}


@pytest.fixture
def hashtags_file(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    return lambda **entries: (tmp_path / "hashtags.yaml").write_text(json.dumps(entries))


@pytest.fixture
def told_by_the_product(monkeypatch):
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:{remember.__name__}")
    told.clear()
    return told


@pytest.mark.parametrize(
    ("entry", "is_asked"),
    [
        ({**LABELS, "live": True, "owner": "team-a"}, False),
        ({**LABELS, "live": False}, True),
        (None, True),
        ({"labels": "a mistake"}, False),
    ],
    ids=["live", "not live", "not in the file", "in the file, with a mistake"],
)
def test_a_person_is_asked_about_what_the_file_does_not_want(
    entry, is_asked, register, promote, hashtag, hashtags_file, capsys
):
    hashtags_file(other=LABELS, **({hashtag: entry} if entry else {}))
    promote(register("2026-01-01"))
    capsys.readouterr()

    ti = Attempt()
    questions = list_live_endpoints({"dry_run": False}, ti)

    assert [question["conf"] for question in questions] == [{"hashtag": hashtag, "action": ASK}] * is_asked
    printed = capsys.readouterr().out
    assert f"{live_endpoint_name(hashtag)} (version 1, InService)" in printed
    assert ("ask team-a" in printed) == (entry is not None and "owner" in entry)
    assert (f"A person is asked in the DAG {DAG_ID}" in printed) == is_asked
    assert [endpoint["name"] for endpoint in ti.xcoms[LISTED]] == [live_endpoint_name(hashtag)]
    assert list_live_endpoints({"dry_run": False}, ti) == questions  # the same run ids: nobody is asked twice
    assert list_live_endpoints({"dry_run": True}, ti) == []


def test_who_is_asked_gets_a_notice_with_the_bill(register, promote, hashtag, told_by_the_product):
    promote(register("2026-01-01"))
    ti = Attempt(log_url="http://airflow/dags/live_endpoint/runs/1/tasks/choose_action")

    assert choose_action({"hashtag": hashtag, "action": ASK, "version": None}, ti) == ASK

    ((subject, message),) = told_by_the_product
    assert subject == f"#{hashtag}: nobody wants the live endpoint, and AWS bills it."
    assert "AWS bills 1 x ml.m5.large" in message
    assert "Answer: http://airflow/dags/live_endpoint/runs/1" in message


def test_to_serve_a_version_it_must_be_named():
    with pytest.raises(ConfigurationError, match="set version to its number"):
        choose_action({"hashtag": "aws", "action": SERVE, "version": None}, None)
    assert choose_action({"hashtag": "aws", "action": OFF, "version": None}, None) == OFF


@pytest.mark.parametrize("status", ["updated", "rolled back"])
def test_a_rollback_is_told(status, told_by_the_product, capsys):
    promoted = {
        "endpoint_name": "retrain-aws-live",
        "version": 7,
        "status": status,
        "serving_version": 8,
        "previous_version": None,
        "reason": "Version 7 was rolled back by retrain-aws-live: an alarm.",
    }

    tell_outcome({"hashtag": "aws"}, Attempt(xcom_pull=lambda task_ids: [promoted, None]))

    assert len(told_by_the_product) == (status == "rolled back")
    assert "retrain-aws-live" in capsys.readouterr().out
