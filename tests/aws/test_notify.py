import json

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from include.aws.notify import load_notifier, notify
from include.config.errors import ConfigurationError

told: list[tuple[str, str]] = []


def remember(subject: str, message: str) -> None:
    told.append((subject, message))


def fail(subject: str, message: str) -> None:
    raise OSError("the pager is broken")


@pytest.fixture
def topic(client, monkeypatch):
    """A topic that is told; gives what it was told, as (subject, message)."""
    arn = client("sns").create_topic(Name="retrain")["TopicArn"]
    monkeypatch.setenv("RETRAIN_NOTIFY_TOPIC_ARN", arn)
    sent = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[arn].sent_notifications
    before = len(sent)
    return lambda: [(subject, json.loads(message)["default"]) for _, message, subject, *_ in sent[before:]]


def test_sns_gets_subject_and_message(topic):
    notify("#aws 2026-01-07: Failed at train_model.", "See the log.")

    assert topic() == [("#aws 2026-01-07: Failed at train_model.", "See the log.")]


def test_a_subject_that_sns_would_refuse_is_made_one_that_it_takes(topic):
    notify("é\n" + "x" * 200, "m")

    ((subject, _),) = topic()
    assert subject == "e " + "x" * 97


def test_another_notifier_is_called_instead(topic, monkeypatch):
    told.clear()
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{__name__}:remember")

    notify("subject", "message")

    assert (told, topic()) == ([("subject", "message")], [])


@pytest.mark.parametrize("notifier", [f"{__name__}:fail", "no.such:thing", "nonsense"])
def test_a_notifier_that_fails_fails_nothing_else(monkeypatch, capsys, notifier):
    monkeypatch.setenv("RETRAIN_NOTIFIER", notifier)

    notify("subject", "message")

    assert "WARNING: the notice 'subject' was not sent" in capsys.readouterr().out


def test_without_a_setting_nobody_is_told(capsys):
    notify("subject", "message")

    assert capsys.readouterr().out == ""


def test_a_notifier_that_is_not_there_is_named():
    with pytest.raises(ConfigurationError, match="RETRAIN_NOTIFIER='nonsense' does not name a function"):
        load_notifier("nonsense")
