import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from include.report import document
from include.report.document import describe_run, subject_of_notice
from include.report.failures import NO_MESSAGE
from include.results import Results
from tests.report.reports import a_report, a_run, results

FAILURES = {"train_model": "AlgorithmError: no words.", "deploy_endpoint": "AccessDenied."}
SCHEMA = json.loads(Path(document.__file__).with_name("run-report.schema.json").read_text(encoding="utf-8"))


def test_the_report_of_a_whole_run_and_of_one_that_came_to_nothing_obey_the_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    nothing = describe_run(a_run(states={"wait_for_tweets": "failed"}), Results(), None, None, [])

    for report in (a_report(), nothing):
        jsonschema.validate(json.loads(json.dumps(report)), SCHEMA)
    assert nothing["outcome"] == f"Failed at wait_for_tweets: {NO_MESSAGE}."


def test_what_is_wrong_with_the_data_is_read_before_any_figure():
    summary = a_report(warnings=("The labels contradict each other.",))["summary"]

    assert summary[0] == "The labels contradict each other."
    assert summary[1] == "Deployed: it is good."
    assert summary[2].startswith("Accuracy ")


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (
            {"train_model": "failed", "evaluate_model": "upstream_failed"},
            "Failed at train_model: AlgorithmError: no words.",
        ),
        ({"wait_for_tweets": "skipped"}, "Skipped: no labelled tweets of 2026-01-07."),
        ({"wait_for_tweets": "success"}, "No model was evaluated."),
    ],
)
def test_the_outcome_in_words(states, outcome):
    assert describe_run(a_run(states=states, failures=FAILURES), Results(), None, None, [])["outcome"] == outcome


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (None, "To be deployed: it is good."),
        ("running", "To be deployed: it is good."),
        ("success", "Deployed: it is good."),
        ("skipped", "Not deployed, because deploy_endpoint was skipped: it is good."),
        ("failed", "Failed at deploy_endpoint: AccessDenied."),
    ],
)
def test_it_says_deployed_only_when_it_is(state, outcome):
    report = describe_run(a_run(states={"deploy_endpoint": state}, failures=FAILURES), results(), None, None, [])

    assert report["outcome"] == outcome


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("created", ("deployed", "Deployed: it is good. retrain-aws-live was created, and serves version 7.")),
        ("rolled back", ("rolled back", "Version 7 was rolled back. retrain-aws-live serves version 6 now.")),
    ],
)
def test_a_model_that_the_live_endpoint_has_rolled_back_is_not_said_to_be_deployed(status, said):
    promoted = {
        "endpoint_name": "retrain-aws-live",
        "version": 7,
        "status": status,
        "serving_version": 6,
        "reason": "Version 7 was rolled back.",
    }
    report = describe_run(a_run(states={"deploy_endpoint": "success"}), results(promote_model=promoted), None, None, [])

    assert (report["status"], report["outcome"]) == said
    assert (subject_of_notice(report) or "").endswith("rolled the new model back.") == (status == "rolled back")


def test_the_cost_is_what_this_run_is_billed_for():
    cost = a_report()["cost"]
    assert (cost["training_seconds"], cost["endpoint_seconds"]) == (61, 3660)

    reused = replace(results(), train_model=replace(results().train_model, reused=True))
    assert describe_run(a_run(), reused, None, None, [])["cost"]["training_seconds"] == 0

    tuned = results(
        tune_model={
            "tuning_job_name": "tune-1",
            "training_job_name": "job-1",
            "validation_accuracy": 0.9,
            "hyperparameters": {},
            "training_jobs": 5,
            "billable_seconds": 300,
            "reused": False,
        }
    )
    cost = describe_run(a_run(), tuned, None, None, [])["cost"]
    assert (cost["training_seconds"], cost["tuning_seconds"]) == (0, 300)


def test_an_endpoint_that_is_still_there_has_no_final_cost():
    running = results(delete_endpoint=None)

    assert describe_run(a_run(), running, None, None, [])["cost"]["endpoint_seconds"] is None


@pytest.mark.parametrize(
    ("deploy", "deletion", "seconds", "words"),
    [
        pytest.param(None, {"deleted": []}, 0, "none was created", id="refused"),
        pytest.param(None, None, None, "none had been created when this was written", id="not that far"),
        pytest.param(None, {"deleted": ["model retrain-aws-1"]}, 0, "none was created", id="failed before"),
        pytest.param(
            None,
            {"deleted": ["endpoint retrain-aws-1"]},
            None,
            "deleted; the time of its creation is not known",
            id="failed while it was created",
        ),
        pytest.param(True, {"deleted": []}, None, "not deleted by this attempt", id="cleared a day later"),
        pytest.param(
            True,
            {"deleted": ["endpoint retrain-aws-1"], "deleted_at": "2026-01-01T00:00:00+00:00"},
            None,
            "not deleted",
            id="deleted, and deployed again",
        ),
        pytest.param(True, {"left_alone": ["endpoint retrain-aws-1"]}, None, "not deleted", id="somebody else's"),
    ],
)
def test_the_endpoints_cost_is_said_only_where_it_is_known(deploy, deletion, seconds, words):
    when = "2026-01-08T11:00:00+00:00"
    found = results(delete_endpoint=deletion and {"deleted": [], "left_alone": [], "deleted_at": when, **deletion})
    found = found if deploy else replace(found, deploy_endpoint=None)

    cost = describe_run(a_run(), found, None, None, [])["cost"]

    assert cost["endpoint_seconds"] == seconds
    assert cost["endpoint"].startswith(words)


@pytest.mark.parametrize("state", ["success", "failed", None])
def test_an_endpoint_that_its_run_has_left_is_in_the_outcome(state):
    """Somebody has marked its deletion as done. While the run goes on, its endpoint is meant to be there."""
    report = describe_run(a_run(states={"delete_endpoint": state}), results(delete_endpoint=None), None, None, [])

    words = "Its endpoint was not deleted by this attempt: it still exists, or was deleted before."
    assert report["outcome"].endswith(words) == (state is not None)
    assert (report["outcome"] in report["summary"]) is True


def test_a_training_that_failed_is_billed_nobody_knows_how_much():
    found = results(train_model=None)

    failed = describe_run(a_run(states={"train_model": "failed"}), found, None, None, [])
    never = describe_run(a_run(states={"train_model": "upstream_failed"}), found, None, None, [])

    assert (failed["cost"]["training_seconds"], never["cost"]["training_seconds"]) == (None, 0)


def test_the_samples_for_the_smoke_test_are_not_repeated():
    assert "samples" not in a_report()["data"]


@pytest.mark.parametrize(
    ("states", "refused", "subject"),
    [
        ({"train_model": "failed"}, False, "#aws 2026-01-07: Failed at train_model."),
        ({"record_outcome": "success"}, True, "#aws 2026-01-07: the new model was not deployed."),
        ({"record_outcome": "success"}, False, None),
    ],
)
def test_somebody_is_told_of_failures_and_refusals_only(states, refused, subject):
    evaluated = results().evaluate_model
    decision = replace(evaluated.decision, refused=refused)
    found = replace(results(), evaluate_model=replace(evaluated, decision=decision))

    assert subject_of_notice(describe_run(a_run(states=states), found, None, None, [])) == subject


def test_what_failed_attempts_cost_is_part_of_the_runs_cost():
    attempts = [
        {"name": "job", "status": "Failed", "billable_seconds": 40},
        {"name": "job-a2", "status": "MaxRuntimeExceeded", "billable_seconds": 3600},
    ]
    found = results(train_model={**results().train_model.to_xcom(), "attempts": attempts})
    failed_run = a_run(states={"train_model": "failed"}, attempts={"train_model": attempts})

    cost = describe_run(a_run(), found, None, None, [])["cost"]
    failed = describe_run(failed_run, Results(), None, None, [])["cost"]

    assert cost["failed_attempts_seconds"] == failed["failed_attempts_seconds"] == 3640
    assert [attempt["name"] for attempt in cost["failed_attempts"]] == ["job", "job-a2"]
    assert failed["training_seconds"] == 0  # all that was billed stands with the attempts


def test_a_failed_attempt_whose_cost_is_not_known_makes_the_sum_unknown():
    attempts = {"train_model": [{"name": "job", "status": "Stopped", "billable_seconds": None}]}

    assert describe_run(a_run(attempts=attempts), results(), None, None, [])["cost"]["failed_attempts_seconds"] is None
