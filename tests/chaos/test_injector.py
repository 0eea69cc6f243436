"""Each disruption does what the plan says, to the stand-in of a stack or to the local AWS, and to nothing else."""

import time
from typing import Any

import pytest
import requests

from chaos import injector
from chaos.clients import Clients
from chaos.injector import Injector
from chaos.live import HASHTAG
from chaos.plan import Disruption, Plan
from hashtag_retrain.operators.hold import MINUTES
from hashtag_retrain.triggers.endpoint import DELETE, KEEP
from include.aws.requests import endpoint_request, training_request
from include.blazingtext.hyperparameters import to_request
from include.config.names import Keys, run_name, start_of_live_names
from include.samples import DATES, SAMPLE_DATA
from local_stack.airflow_api import wait_until
from local_stack.errors import StackError
from tests.chaos.stand_ins import Airflow, Stack
from tests.conftest import IMAGE, ROLE_ARN, TRAIN

PLAN = Plan(4711, "aws", {"date": "2011-05-03", "buckets": 5711}, False, ())
RUN = ("retrain_aws", "run-1")


@pytest.fixture
def stack(settings, local_aws):
    return Stack(settings, local_aws.url)


@pytest.fixture
def clients(stack):
    return Clients.of(stack)


@pytest.fixture
def airflow(clients):
    states = iter(["running", "running", "failed"])
    clients.airflow = Airflow(lambda *_: (next(states), {}), now=lambda: 0.0)
    return clients.airflow


@pytest.fixture
def inject(stack, clients):
    one = Injector(stack, clients, PLAN, "run-1")

    def inject(kind: str, detail: str = "", seconds: float = 0.0, task: str = "train_model") -> Injector:
        one.inject(Disruption(kind, task, 0, detail, seconds))
        return one

    yield inject
    clients.withdraw_faults()  # a fault that has come to its end is still listed


@pytest.mark.parametrize(("part", "waits"), [("local-aws", True), ("scheduler", False), ("worker-1", False)])
def test_a_part_is_killed_and_started_again_while_nobody_else_may_start_it(inject, stack, part, waits):
    inject("kill", part)

    assert stack.done == [("kill", (part,), {}, True), ("restart", (part,), {"wait": waits}, True)]
    assert not stack.lock.locked()


def test_the_database_is_gone_and_a_part_is_frozen_for_the_time_of_the_plan(inject, stack):
    inject("database_gone", seconds=1.5)
    inject("freeze", "scheduler", seconds=2.5)

    assert stack.done == [("database_gone", (1.5,), {}, True), ("freeze", ("scheduler", 2.5), {}, False)]


@pytest.mark.parametrize(
    ("kind", "detail", "members"),
    [
        ("throttle", "s3 ThrottlingException", {"operation": "s3:*", "error": "SlowDown"}),
        ("throttle", "s3 InternalServerError", {"operation": "s3:*", "error": "InternalError"}),
        ("throttle", "s3 ConnectionReset", {"operation": "s3:*", "error": "ConnectionReset"}),
        ("throttle", "sagemaker ThrottlingException", {"operation": "sagemaker:*", "error": "ThrottlingException"}),
        ("slow_model", "", {"model": f"{start_of_live_names(HASHTAG)}*", "delay_seconds": 1.5}),
    ],
)
def test_a_fault_of_aws_lasts_as_long_as_the_plan_says(inject, local_aws, kind, detail, members):
    def faults() -> list[dict[str, Any]]:
        return requests.get(f"{local_aws.url}/_local/faults", timeout=5).json()

    before, ordered = faults(), time.monotonic()
    inject(kind, detail, seconds=0.1)

    (fault,) = [fault for fault in faults() if fault not in before]
    assert {**fault, **members} == fault
    assert fault["times"] is None
    wait_until(lambda: fault not in faults(), 5, "the fault's end", pause=0.01)
    assert time.monotonic() - ordered >= 0.1


def train(clients: Clients, name: str, buckets: int = PLAN.parameters["buckets"]) -> dict[str, Any]:
    """The description of a job that has ended."""
    place = f"s3://{clients.settings.bucket}"
    for channel in ("train", "validation"):
        clients.s3.put_object(Bucket=clients.settings.bucket, Key=f"{channel}/{channel}.txt", Body=TRAIN)
    request = training_request(
        job_name=name,
        image=IMAGE,
        role_arn=ROLE_ARN,
        train_uri=f"{place}/train/",
        validation_uri=f"{place}/validation/",
        output_uri=place,
        instance_type="ml.c5.xlarge",
        hyperparameters=to_request({"epochs": 5, "buckets": buckets, "early_stopping": False}),
        tags={},
    )
    clients.sagemaker.create_training_job(**request)
    describe = clients.sagemaker.describe_training_job
    wait_until(lambda: describe(TrainingJobName=name)["TrainingJobStatus"] != "InProgress", 20, "training", pause=0.05)
    return describe(TrainingJobName=name)


def test_the_next_training_of_the_rounds_hashtag_and_date_fails(inject, clients):
    inject("fail_training", "AlgorithmError: injected")

    other = train(clients, "retrain-aws-2011-05-04-injector")
    failed = train(clients, "retrain-aws-2011-05-03-injector")
    again = train(clients, "retrain-aws-2011-05-03-injector-a2")

    assert [job["TrainingJobStatus"] for job in (other, failed, again)] == ["Completed", "Failed", "Completed"]
    assert failed["FailureReason"] == "AlgorithmError: injected"


def test_only_the_runs_own_endpoint_fails(inject, clients, model_uri):
    inject("fail_endpoint")
    names = [run_name(clients.deployment, PLAN.dag_id, run_id) for run_id in ("run-2", "run-1")]

    for name in names:
        request = endpoint_request(
            name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
        )
        clients.sagemaker.create_model(**request["Model"])
        clients.sagemaker.create_endpoint_config(**request["EndpointConfig"])
        clients.sagemaker.create_endpoint(**request["Endpoint"])

    def ended() -> list[dict[str, Any]]:
        found = [clients.resources(name)["endpoint"] for name in names]
        return found if all(one["EndpointStatus"] != "Creating" for one in found) else []

    other, failed = wait_until(ended, 20, "the endpoints", pause=0.05)
    assert (other["EndpointStatus"], failed["EndpointStatus"]) == ("InService", "Failed")
    assert failed["FailureReason"] == "The container did not start."
    for name in names:
        clients.delete(name)


def test_the_models_of_the_rounds_fingerprint_are_damaged_and_no_others(inject, clients):
    jobs = [
        train(clients, f"retrain-aws-2011-05-03-damage-{buckets}", buckets)
        for buckets in (PLAN.parameters["buckets"], PLAN.parameters["buckets"] + 1)
    ]

    inject("damage_artifact")

    bucket, keys = clients.settings.bucket, [f"{job['TrainingJobName']}/output/model.tar.gz" for job in jobs]
    bodies = [clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    assert bodies[0] == b"damaged"
    assert bodies[1].startswith(b"\x1f\x8b")


def test_slowly_written_tweets_are_all_there_once_success_is_said(inject, clients, monkeypatch):
    monkeypatch.setattr(injector, "SECONDS_BETWEEN_FILES", 0)
    folder = Keys(clients.settings.prefix, "aws", "2011-05-03").tweets
    looks = []

    def look(**_: Any) -> None:
        found = plain.list_objects_v2(Bucket=clients.settings.bucket, Prefix=folder).get("Contents", [])
        looks.append([one["Key"].removeprefix(f"{folder}/") for one in found])

    plain = Clients.of(Stack(clients.settings, clients.s3.meta.endpoint_url)).s3
    clients.s3.meta.events.register("after-call.s3", look)
    inject("write_slowly")

    parts = [f"part-{number:05}.csv" for number in range(3)]
    assert looks[2] == [f"_temporary/0/{name}" for name in parts]
    assert looks[-1] == ["_SUCCESS", *parts]
    assert [look for look in looks[:-1] if "_SUCCESS" in look] == []
    written = [
        plain.get_object(Bucket=clients.settings.bucket, Key=f"{folder}/{name}")["Body"].read() for name in parts
    ]
    sample = SAMPLE_DATA / "hashtags" / "aws" / DATES[-1] / "labeled.csv" / "part-00000.csv"
    assert sorted(b"".join(written).splitlines()) == sorted(sample.read_bytes().splitlines())
    assert all(written)


def test_users_change_states_through_airflow(inject, airflow):
    inject("mark_task", "skipped", task="smoke_test")
    inject("clear_task", task="smoke_test")
    inject("mark_run", "success")

    assert [call[1:] for call in airflow.done] == [
        ("task_state", (*RUN, "smoke_test", "skipped")),
        ("clear", (*RUN, ["smoke_test"])),
        ("mark_run", (*RUN, "success")),
    ]


def test_a_run_is_deleted_only_after_its_teardowns_have_ended(inject, airflow):
    one = inject("delete_run")

    assert [call[1:] for call in airflow.done] == [("mark_run", (*RUN, "failed")), ("delete_run", RUN)]
    assert one.deleted


def test_a_run_whose_teardowns_do_not_end_is_not_deleted(inject, airflow, monkeypatch):
    monkeypatch.setattr(injector, "SECONDS_FOR_TEARDOWNS", 0)

    with pytest.raises(StackError, match="the run's end"):
        inject("delete_run")
    assert [call[1] for call in airflow.done] == ["mark_run"]


@pytest.mark.parametrize(("detail", "option"), [("keep", KEEP), ("delete", DELETE)])
def test_a_question_is_answered_as_soon_as_it_is_asked(inject, airflow, detail, option):
    airflow.refusals = [StackError("404")]

    inject("answer", detail)

    assert [call[1:] for call in airflow.done] == [("answer", (*RUN, "hold_endpoint", option, {MINUTES: 0.2}))] * 2


def test_a_question_that_is_never_asked_is_a_refusal(inject, airflow, monkeypatch):
    monkeypatch.setattr(injector, "SECONDS_FOR_QUESTION", 0)
    airflow.refusals = [StackError("404"), StackError("404"), StackError("404")]

    with pytest.raises(StackError, match="404"):
        inject("answer", "keep")
