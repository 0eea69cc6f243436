"""Each check of a round fails where it should."""

import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest

from chaos import audit
from chaos.audit import DELETED, Run
from chaos.clients import Clients
from chaos.plan import plan
from include.aws.requests import training_request
from include.aws.storage import Storage
from include.blazingtext.hyperparameters import to_request
from include.config.names import Keys, run_name
from local_stack.airflow_api import wait_until

PLAN = plan(1)
SUCCESS = {"train_model": {"state": "success"}, "record_outcome": {"state": "success"}}


@pytest.fixture
def clients(settings, local_aws) -> Clients:
    return Clients(settings, local_aws.url, airflow_url="http://127.0.0.1:1")


@pytest.fixture
def foreign_endpoint(clients) -> str:
    clients.prepare()
    clients.create_foreign_endpoint("retrain-aws-foreign-1")
    yield "retrain-aws-foreign-1"
    clients.delete("retrain-aws-foreign-1")


def run_left_behind(clients: Clients) -> str:
    """A run id whose endpoint, configuration and model are there."""
    clients.prepare()
    clients.create_foreign_endpoint(run_name(clients.deployment, PLAN.dag_id, "left"))
    return "left"


def test_a_run_that_has_not_ended_is_found(clients):
    assert "has not ended: running" in next(audit.wrong_state(PLAN, Run("r", "running"), False, clients))


def test_a_success_with_a_failed_task_is_found(clients):
    run = Run("r", "success", {**SUCCESS, "smoke_test": {"state": "failed"}})

    assert "is a success, but smoke_test failed" in next(audit.wrong_state(PLAN, run, False, clients))
    assert list(audit.wrong_state(PLAN, run, True, clients)) == []  # a user has set the state
    assert list(audit.wrong_state(PLAN, Run("r", DELETED), False, clients)) == []


def test_a_failure_without_a_failed_task_is_found(clients):
    assert "none of its tasks" in next(audit.wrong_state(PLAN, Run("r", "failed", SUCCESS), False, clients))


def test_a_success_that_left_something_and_has_no_report_is_found(clients):
    run = Run(run_left_behind(clients), "success", SUCCESS)

    left, report = audit.wrong_state(PLAN, run, False, clients)

    assert "left endpoint, endpoint config, model" in left
    assert "a success without a report" in report
    assert len(list(audit.leaks(PLAN, [run], clients))) == 3
    clients.delete(run_name(clients.deployment, PLAN.dag_id, run.run_id))


def test_a_report_that_says_something_else_is_found(clients, settings, client):
    key = Keys(settings.prefix, PLAN.hashtag, PLAN.parameters["date"]).run(
        run_name(clients.deployment, PLAN.dag_id, "r")
    )
    told = {"decision": {"deploy": True}, "status": "failed", "outcome": "Failed at train_model."}
    Storage(client("s3"), settings.bucket).write_json(told, key + "report.json")

    assert "its report says: Failed at" in next(audit.wrong_state(PLAN, Run("r", "success", SUCCESS), False, clients))


def test_an_answer_without_effect_is_found(clients):
    run = Run(run_left_behind(clients), "success", SUCCESS)
    name = run_name(clients.deployment, PLAN.dag_id, run.run_id)
    arn = clients.resources(name)["endpoint"]["EndpointArn"]
    clients.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "deployed", "Value": "yes"}])
    answered = datetime.now(UTC)

    (found,) = audit.ignored_answer(PLAN, run, answered, clients)
    clients.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "deadline", "Value": "moved"}])

    assert "had no effect" in found
    assert list(audit.ignored_answer(PLAN, run, answered, clients)) == []
    clients.delete(name)


def test_what_is_left_of_a_run_that_a_user_has_marked_is_found(clients, monkeypatch):
    monkeypatch.setattr(audit, "SECONDS_TO_SETTLE", 0)
    run = Run(run_left_behind(clients), "failed", SUCCESS)

    assert len(list(audit.not_deleted_after_mark(PLAN, run, clients))) == 3
    clients.delete(run_name(clients.deployment, PLAN.dag_id, run.run_id))
    wait_until(lambda: not clients.resources(run_name(clients.deployment, PLAN.dag_id, run.run_id)), 20, "deletion")
    assert list(audit.not_deleted_after_mark(PLAN, run, clients)) == []


def test_a_task_that_airflow_failed_for_its_deferral_is_found():
    words = "Executor X reported that Y finished with state {}, but the task instance's state attribute is {}."

    def events(event: str, run_id: str) -> list[dict]:
        states = [("success", "running"), ("success", "restarting"), ("failed", "running")]
        return [{"task_id": "train_model", "extra": words.format(*pair)} for pair in states]

    (found,) = audit.state_mismatches([Run("r", "success")], SimpleNamespace(events=events))

    assert found.startswith("state mismatch of train_model in run r: Executor X")


def train(clients: Clients, name: str, epochs: int = 5) -> None:
    place = f"s3://{clients.settings.bucket}/foreign"
    hyperparameters = {"epochs": epochs, "buckets": PLAN.parameters["buckets"]}
    clients.sagemaker.create_training_job(
        **training_request(
            job_name=f"retrain-{PLAN.hashtag}-{PLAN.parameters['date']}-{name}",
            role_arn=clients.settings.role_arn,
            image="811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1",
            train_uri=f"{place}/train/",
            validation_uri=f"{place}/validation/",
            output_uri=place,
            instance_type="ml.c5.xlarge",
            hyperparameters=to_request({**hyperparameters, "early_stopping": False}),
            tags={},
        )
    )


def test_a_fingerprint_that_is_trained_twice_and_a_job_that_still_runs_are_found(clients):
    clients.prepare()
    train(clients, "x")
    train(clients, "x-a2")
    train(clients, "x-a3", epochs=300_000)
    waiter = clients.sagemaker.get_waiter("training_job_completed_or_stopped")
    for job in clients.training_jobs(PLAN):
        if not job["TrainingJobName"].endswith("-a3"):
            waiter.wait(TrainingJobName=job["TrainingJobName"], WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})

    (twice,) = audit.trained_twice(PLAN, clients)
    (leak,) = audit.leaks(PLAN, [Run("r", "failed")], clients)

    assert "x, " in twice
    assert twice.endswith("x-a2")
    assert "-x-a3 is still running" in leak
    name = next(job["TrainingJobName"] for job in clients.training_jobs(PLAN) if "-a3" in job["TrainingJobName"])
    clients.sagemaker.stop_training_job(TrainingJobName=name)


def test_a_change_of_a_foreign_endpoint_is_found(clients, foreign_endpoint, local_aws):
    assert list(audit.foreign_changes(foreign_endpoint, clients)) == []

    theirs = boto3.client("sagemaker", endpoint_url=local_aws.url)
    theirs.delete_model(ModelName=foreign_endpoint)
    arn = clients.resources(foreign_endpoint)["endpoint"]["EndpointArn"]
    theirs.add_tags(ResourceArn=arn, Tags=[{"Key": "whose", "Value": "ours"}])

    gone, deleted, tagged = audit.foreign_changes(foreign_endpoint, clients)
    assert gone == f"deleted from the foreign endpoint {foreign_endpoint}: model"
    assert "DeleteModel was called 1 times" in deleted
    assert "AddTags was called 1 times" in tagged


@pytest.mark.parametrize(("address", "found"), [("127.0.0.1", 0), ("0.0.0.0", 1)])
def test_a_part_that_listens_beyond_loopback_is_a_violation(address, found):
    command = [sys.executable, "-u", "-m", "http.server", "--bind", address, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as part:
        part.stdout.readline()  # it listens
        violations = audit.open_to_others([part.pid])
        part.kill()

    assert len(violations) == found
    assert all("listens beyond loopback: python" in violation for violation in violations)
