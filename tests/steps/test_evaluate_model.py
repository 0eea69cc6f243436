import json

import pytest


@pytest.fixture
def trained(run):
    run.prepare()
    run.train()
    return run


def test_a_model_that_tells_the_labels_is_to_be_deployed_with_requests_of_the_runs_name(trained, storage):
    result = trained.evaluate()

    assert result["decision"]["deploy"] is True
    requests = result["endpoint_request"]
    assert {request[f"{kind}Name"] for kind, request in requests.items()} == {trained.name}
    assert (
        requests["Model"]["PrimaryContainer"]["ModelDataUrl"]
        == trained.xcoms["train_model", "return_value"]["model_uri"]
    )
    found = storage.read_json(storage.key_of(result["evaluation_uri"]))
    assert found["accuracy"] > 0.8
    assert len(result["smoke_test_request"]["instances"]) == len(result["smoke_tests"]) > 0
    assert storage.read_json(trained.keys.smoke_tests(trained.name)) == result["smoke_tests"]


def test_its_figures_become_the_dates_in_the_history(trained, storage):
    result = trained.evaluate()

    entry = storage.read_json(trained.keys.newest_evaluation)
    found = storage.read_json(storage.key_of(result["evaluation_uri"]))
    assert (entry["date"], entry["accuracy"]) == (trained.keys.date, found["accuracy"])
    assert entry["training_job"] == trained.xcoms["train_model", "return_value"]["training_job_name"]


def test_the_report_is_there_before_anybody_is_asked_to_approve(trained):
    trained.evaluate()

    report = trained.report
    assert (report["status"], report["outcome"]) == ("unfinished", report["decision"]["reason"])
    assert trained.xcoms["evaluate_model", "report_url"].endswith("report.html")


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


def test_the_result_is_small_enough_to_travel(trained):
    assert len(json.dumps(trained.evaluate())) < 20_000
