"""Each check of the live endpoint fails where it should."""

import pytest

from chaos import live
from chaos.clients import Clients
from include.config.names import start_of_live_names
from local_aws.load import Answer
from tests.live.promotions import *  # noqa: F403


@pytest.fixture
def hashtag():
    return live.HASHTAG


@pytest.fixture
def wrong(settings, local_aws):
    chaos = Clients(settings, local_aws.url, airflow_url="http://127.0.0.1:1")
    return lambda is_interrupted=False: list(live.wrong(chaos, is_interrupted))


def test_what_serves_and_what_is_left_over_is_checked(register, promote, wrong, sagemaker, registry, model_uri):
    assert wrong() == []
    first = register("2026-01-01")
    promote(first)
    assert wrong() == []
    second = register("2026-01-02")
    promote(second)
    assert wrong() == []

    promote(first, by_person=True)
    assert wrong() == [
        f"{live.NAME} serves version {first.number}, although version {second.number} is newer, approved, and was "
        "promoted"
    ]
    assert wrong(is_interrupted=True) == []

    promote(second)
    model = f"{start_of_live_names(live.HASHTAG)}9-left"
    sagemaker.create_model(
        ModelName=model,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
        PrimaryContainer={"ModelDataUrl": model_uri, "Image": "i"},
    )
    assert wrong() == [f"model {model} is left over"]
    sagemaker.delete_model(ModelName=model)

    sagemaker.update_model_package(ModelPackageArn=second.arn, ModelApprovalStatus="Rejected")
    assert wrong() == [
        f"{live.NAME} serves version {second.number}, which is not among the approved ones that were promoted: "
        f"[{first.number}]"
    ]


def test_requests_that_fail_are_told_but_not_those_that_a_kill_has_lost():
    before, lost = Answer(1, 400, "", b"not found"), Answer(3, live.LOST, "", b"refused")
    answered, failed = Answer(2, 200, "", b""), Answer(4, 424, "", b"out of memory")

    assert list(live.failed_requests([before, answered, lost])) == []
    assert list(live.failed_requests([before, answered, failed])) == [
        f"1 requests to {live.NAME} failed with status 424: b'out of memory'"
    ]
