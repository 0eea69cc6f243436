"""The whole DAG against the local AWS, each stage failing in turn: what is left, and what the run's state says."""

import itertools
import re
from typing import Any

import pytest

from hashtag_retrain.macros import MACROS
from include.config.names import Keys
from local_aws.blazingtext.inference import Predictor
from tests.aws.test_notify import remember, told
from tests.dags.runs import *  # noqa: F403 - fixtures
from tests.dags.runs import tweets

_numbers = itertools.count(1)


def test_bad_data_fail_the_run_before_anything_is_trained_and_somebody_is_told(run_dag, upload, storage, monkeypatch):
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")
    told.clear()
    upload([("0", f"tweet {number}") for number in range(50)], "2026-01-07")

    run = run_dag("2026-01-07")

    assert run.state == "failed"
    assert run.tasks["prepare_dataset"] == "failed"
    assert run.tasks["train_model"] == "upstream_failed"
    assert run.tasks["delete_endpoint"] == "success"
    assert run.report["outcome"].startswith("Failed at prepare_dataset: ")
    # In dag.test() Airflow's callback cannot ask whether somebody was told; in a whole Airflow it can (end_to_end).
    (subject, message), *_ = told
    assert subject == "#aws 2026-01-07: Failed at prepare_dataset."
    assert run.report["failures"]["prepare_dataset"] in message
    assert "rejected.csv" in message
    assert run.page_url in message
    assert "/dags/retrain_aws/runs/manual__" in message
    assert [found.key for found in storage.list_objects(Keys("twitter-data", "aws", "2026-01-07").run(run.name))] == [
        Keys("twitter-data", "aws", "2026-01-07").run(run.name) + name
        for name in ("rejected.csv", "report.html", "report.json")
    ]


def test_a_training_that_sagemaker_refuses_fails_the_run(run_dag, upload, monkeypatch):
    upload(tweets(), "2026-01-07")
    monkeypatch.setenv("RETRAIN_TRAINING_IMAGE", "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:1")

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["train_model"], run.left) == ("failed", "failed", [])


def test_a_training_job_that_fails_fails_the_run_and_the_next_run_makes_another_attempt(
    run_dag, upload, client, openlineage
):
    upload(tweets(), "2026-01-03")  # a date of its own, because jobs are listed by it
    failing = {"min_count": 10_000, "deploy": "never"}

    first, second = run_dag("2026-01-03", **failing), run_dag("2026-01-03", **failing)

    assert (first.state, first.tasks["train_model"]) == ("failed", "failed")
    assert second.tasks["train_model"] == "failed"
    jobs = client("sagemaker").list_training_jobs(NameContains="2026-01-03", SortBy="Name", SortOrder="Ascending")
    oldest, newest = (job["TrainingJobName"] for job in jobs["TrainingJobSummaries"])
    assert newest == f"{oldest}-a2"
    assert [attempt["name"] for attempt in first.report["cost"]["failed_attempts"]] == [oldest]
    failed, _ = (
        event
        for event in openlineage()
        if event["eventType"] == "FAIL" and event["job"]["name"].endswith(".train_model")
    )
    assert any("/data/" in data["name"] for data in failed["inputs"])


@pytest.mark.parametrize("operation", ["CreateEndpointConfig", "CreateEndpoint"])
def test_a_deployment_that_fails_half_way_is_cleaned_up(run_dag, upload, order_fault, operation):
    upload(tweets(), "2026-01-07")
    order_fault(operation=operation, error="ValidationException", times=None)

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["deploy_endpoint"], run.tasks["delete_endpoint"]) == ("failed", "failed", "success")
    assert f"model {run.name}" in run.report["deletion"]["deleted"]
    assert run.left == []


def test_an_endpoint_that_does_not_come_into_service_is_cleaned_up(run_dag, upload, order_fault):
    upload(tweets(), "2026-01-07")
    order_fault(phase="Creating", times=None)

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["deploy_endpoint"], run.tasks["delete_endpoint"]) == ("failed", "failed", "success")
    assert run.left == []


def test_an_endpoint_that_answers_otherwise_than_the_evaluated_model_fails_the_smoke_test(run_dag, upload, monkeypatch):
    upload(tweets(), "2026-01-07")
    predict = Predictor._predict
    other = {"__label__technical": "__label__marketing", "__label__marketing": "__label__technical"}

    def swapped(self: Predictor, *arguments: Any) -> list[dict[str, Any]]:
        answers = predict(self, *arguments)
        return [{**answer, "label": [other[label] for label in answer["label"]]} for answer in answers]

    monkeypatch.setattr(Predictor, "_predict", swapped)

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["smoke_test"]) == ("failed", "failed")
    assert "The endpoint serves another model" in run.report["outcome"]
    assert run.tasks["hold_endpoint"] == "upstream_failed"
    assert run.tasks["delete_endpoint"] == "success"
    assert run.left == []


def test_a_deletion_that_fails_fails_the_run_and_says_what_is_left(run_dag, upload, order_fault):
    upload(tweets(), "2026-01-07")
    of_run = f"retrain-aws-{'[0-9a-f]' * 12}"  # and of nothing that does not exist
    order_fault(operation="DeleteEndpointConfig", name=of_run, error="ValidationException", times=None)

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["delete_endpoint"]) == ("failed", "failed")
    assert run.report["outcome"].startswith(f"Failed at delete_endpoint: Not deleted: endpoint config {run.name} (")
    assert run.left == [run.name]  # the configuration alone: the endpoint and the model are gone


@pytest.mark.parametrize("operation", ["CreateTrainingJob", "CreateModelPackage", "InvokeEndpoint"])
def test_an_operation_that_aws_denies_is_named_in_the_report_and_in_the_notice(
    run_dag, upload, order_fault, monkeypatch, operation
):
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:remember")
    told.clear()
    upload(tweets(), "2026-01-07")
    order_fault(operation=operation, error="AccessDeniedException", message="You may not.", times=None)

    run = run_dag("2026-01-07")

    words = rf"\(AccessDeniedException\) when calling the {operation} operation.*You may not\."
    assert (run.state, run.left) == ("failed", [])
    assert re.search(words, run.report["outcome"])
    assert re.search(words, told[0][1])


def test_what_belongs_to_somebody_else_is_left_alone(run_dag, upload, client, monkeypatch):
    upload(tweets(), "2026-01-07")
    name = f"bystander-{next(_numbers)}"
    client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn="arn:aws:iam::123456789012:role/r", PrimaryContainer={"Image": "x"}
    )
    monkeypatch.setitem(MACROS, "run_name", lambda *_: name)

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["deploy_endpoint"]) == ("failed", "failed")
    assert client("sagemaker").describe_model(ModelName=name)["ModelName"] == name
