"""The command, as people call it, and as a process that can be killed."""

import itertools
import json
import logging
import subprocess
import sys

import pytest

from include.classifier import Classifier
from include.cli import main
from include.config.names import live_endpoint_name
from include.live.retirement import Retirement
from local_aws.load import Load
from tests.aws.test_company import ALL, KEYS, VPC
from tests.conftest import REPOSITORY
from tests.live.promotions import QUESTION, finish, left_of
from tests.local_aws.conftest import wait_until


@pytest.fixture(autouse=True)
def _in_the_hashtags_file(hashtag, tmp_path, monkeypatch):
    entry = {"labels": {"0": "a", "1": "b"}, "live": True, "live_baking_minutes": 60}
    (tmp_path / "hashtags.yaml").write_text(json.dumps({hashtag: entry}))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    monkeypatch.setenv("RETRAIN_POLL_SECONDS", "0.05")


def test_a_version_is_served_shown_asked_and_turned_off(register, hashtag, capsys, clients):
    register("2026-01-01")
    register("2026-01-02", "PendingManualApproval")

    assert main(["live", hashtag]) == 0
    assert capsys.readouterr().out == f"#{hashtag} has no live endpoint.\n"
    assert main(["live", hashtag, "--serve", "2"]) == 0
    assert main(["live", hashtag]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{live_endpoint_name(hashtag)} (version 2, InService): 0.0 hours old; AWS bills 1 x ml.m5")
    classifier = Classifier.connect(hashtag)
    assert (classifier.endpoint_name, classifier.version.number) == (live_endpoint_name(hashtag), 2)
    assert next(classifier.predict(["hello world"])).label == "c"
    assert main(["live", hashtag, "--off"]) == 0
    assert left_of(clients, hashtag) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--serve", "7"], 2, "has no version 7 of this deployment"),
        (["--serve", "1", "--off"], 2, "not allowed with argument"),
    ],
)
def test_mistakes_are_named(register, hashtag, capsys, arguments, status, message):
    register("2026-01-01")
    try:
        found = main(["live", hashtag, *arguments])
    except SystemExit as error:
        found = error.code

    assert (found, message in capsys.readouterr().err) == (status, True)


def test_a_hashtag_that_is_not_live_is_not_served(register, capsys, hashtag, tmp_path):
    (tmp_path / "hashtags.yaml").write_text(json.dumps({hashtag: {"labels": {"0": "a", "1": "b"}}}))
    register("2026-01-01")

    assert main(["live", hashtag, "--serve", "1"]) == 2
    assert f"no entry {hashtag} with live: true" in capsys.readouterr().err


def test_who_serves_what_another_person_turns_off_is_told(register, hashtag, capsys, clients, settings, monkeypatch):
    register("2026-01-01")
    polls = itertools.count(1)

    def turn_off():
        if next(polls) == 2:
            finish(Retirement(clients, hashtag, settings.deployment, logging.getLogger("off")))
        return 0

    monkeypatch.setattr("include.live.command.poll_seconds", turn_off)

    assert main(["live", hashtag, "--serve", "1"]) == 1
    assert "somebody has turned it off" in capsys.readouterr().err


def test_kills_during_an_update_and_a_rollback_cost_no_answer_and_the_next_one_ends_them(
    register, hashtag, clients, local_aws, order_fault
):
    """At 200 requests a second. The third version answers, but too slowly."""
    for date in ("2026-01-01", "2026-01-02", "2026-01-03"):
        register(date)
    assert main(["live", hashtag, "--serve", "1"]) == 0
    order_fault(model=f"{live_endpoint_name(hashtag)}-v3-*", delay_seconds=1.1, times=None)

    def kill_while_updating(version):
        command = [sys.executable, "-m", "include.cli", "live", hashtag, "--serve", version]
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        name = live_endpoint_name(hashtag)
        wait_until(lambda: clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating")
        process.kill()
        process.wait()

    with Load(local_aws.url, live_endpoint_name(hashtag), QUESTION) as requests:
        kill_while_updating("2")
        assert main(["live", hashtag, "--serve", "2"]) == 0
        kill_while_updating("3")
        assert main(["live", hashtag, "--serve", "3"]) == 1

    assert requests.failed == []
    assert Classifier.connect(hashtag).version.number == 2


def test_the_command_serves_under_the_companys_rules_and_refuses_what_contradicts_them(
    register, hashtag, capsys, clients, tmp_path, monkeypatch
):
    register("2026-01-01")
    rules = tmp_path / "company.yaml"
    monkeypatch.setenv("RETRAIN_COMPANY_RULES", str(rules))
    rules.write_text(json.dumps({**ALL, "instance_types": ["ml.c5.xlarge"]}))
    assert main(["live", hashtag, "--serve", "1"]) == 2
    assert "live_instance_type: the company's rules do not allow ml.m5.large" in capsys.readouterr().err
    rules.write_text(json.dumps(ALL))

    assert main(["live", hashtag, "--serve", "1"]) == 0

    endpoint = clients.sagemaker.describe_endpoint(EndpointName=live_endpoint_name(hashtag))
    config = clients.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = clients.sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    assert (config["KmsKeyId"], model["VpcConfig"], model["EnableNetworkIsolation"]) == (KEYS["endpoint"], VPC, True)
