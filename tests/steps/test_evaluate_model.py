import json

import pytest


@pytest.fixture
def trained(run):
    run.prepare()
    run.train()
    return run


def test_a_model_that_tells_the_labels_is_to_be_deployed_with_requests_of_the_runs_name(evaluated):
    result = evaluated.xcoms["evaluate_model", "return_value"]

    assert result["decision"]["deploy"] is True
    requests = result["endpoint_request"]
    assert {request[f"{kind}Name"] for kind, request in requests.items()} == {evaluated.name}
    model_uri = evaluated.xcoms["train_model", "return_value"]["model_uri"]
    assert requests["Model"]["PrimaryContainer"]["ModelDataUrl"] == model_uri
    assert len(result["smoke_test_request"]["instances"]) == len(result["smoke_tests"]) > 0
    assert evaluated.storage.read_json(evaluated.keys.smoke_tests(evaluated.name)) == result["smoke_tests"]
    assert len(json.dumps(result)) < 20_000  # small enough to travel


def test_its_figures_become_the_dates_in_the_history(evaluated):
    result, storage = evaluated.xcoms["evaluate_model", "return_value"], evaluated.storage

    entry = storage.read_json(evaluated.keys.newest_evaluation)
    found = storage.read_json(storage.key_of(result["evaluation_uri"]))
    assert (entry["date"], entry["accuracy"]) == (evaluated.keys.date, found["accuracy"])
    assert found["accuracy"] > 0.8
    assert entry["training_job"] == evaluated.xcoms["train_model", "return_value"]["training_job_name"]


def test_the_report_is_there_before_anybody_is_asked_to_approve(evaluated):
    report = evaluated.report

    assert (report["status"], report["outcome"]) == ("unfinished", report["decision"]["reason"])
    assert evaluated.xcoms["evaluate_model", "report_url"].endswith("report.html")


@pytest.mark.parametrize(("deploy", "is_deployed"), [("never", False), ("always", True)])
def test_the_parameter_deploy_decides_over_the_gate(trained, deploy, is_deployed):
    trained.params |= {"deploy": deploy, "min_gain": 0.99}

    decision = trained.evaluate()["decision"]

    assert (decision["deploy"], decision["refused"]) == (is_deployed, False)
    assert f"deploy={deploy}" in decision["reason"]


def test_a_model_that_has_learned_nothing_is_refused(trained, capsys):
    trained.train(b"__label__technical x\n__label__marketing x\n" * 40)

    decision = trained.evaluate()["decision"]

    assert (decision["deploy"], decision["refused"]) == (False, True)
    assert decision["reason"] in capsys.readouterr().out


def test_a_model_of_an_older_date_than_the_newest_tweets_is_not_deployed(trained):
    trained.upload(date="2026-01-08")

    decision = trained.evaluate()["decision"]

    assert (decision["deploy"], decision["refused"]) == (False, False)
    assert "2026-01-08" in decision["reason"]
