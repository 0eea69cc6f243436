import itertools
import json
import logging
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.aws.registry import SMOKE_TESTS
from include.config.company import CompanyRules
from include.config.errors import LiveEndpointError
from include.config.names import Keys, live_endpoint_name
from include.config.ownership import DEPLOYMENT, LIVE, OWNER, PROMOTING, VERSION
from include.live.promotion import NotPromoted
from include.live.retirement import Retirement
from local_aws.load import Load
from tests.live.promotions import QUESTION, finish, left_of
from tests.plugins.attempts import WorkerDied
from tests.plugins.endpoints import tags_of

ODD, EVEN = b"__label__a", b"__label__c"
"""What the models of odd and of even dates answer."""


@pytest.fixture
def serving(clients, hashtag):
    """The version that the live endpoint says it serves, and the label that it answers."""

    def serving():
        endpoint = clients.sagemaker.describe_endpoint(EndpointName=live_endpoint_name(hashtag))
        config = clients.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        answer = clients.runtime.invoke_endpoint(
            EndpointName=endpoint["EndpointName"], ContentType="application/json", Body=QUESTION
        )
        label = json.loads(answer["Body"].read())[0]["label"][0].encode()
        return int(tags_of(clients.sagemaker, config["EndpointConfigArn"])[VERSION]), label

    return serving


@pytest.fixture
def endpoint(clients, hashtag):
    return lambda: clients.sagemaker.describe_endpoint(EndpointName=live_endpoint_name(hashtag))


@pytest.fixture
def load(local_aws, hashtag):
    return lambda: Load(local_aws.url, live_endpoint_name(hashtag), QUESTION)


def test_it_is_created_then_updated_in_place_and_what_is_live_already_is_left_alone(
    register, promote, serving, clients, hashtag, endpoint, load
):
    first = promote(register("2026-01-01"))
    created = endpoint()
    tags = tags_of(clients.sagemaker, created["EndpointArn"])
    second = register("2026-01-02")
    with load() as requests:
        updated = promote(second)
    after = endpoint()
    again = promote(second)

    assert (first.status, first.serving_version) == ("created", 1)
    assert tags.keys() >= {LIVE, DEPLOYMENT}
    assert not tags.keys() & {OWNER, PROMOTING}
    assert (updated.status, updated.serving_version, updated.previous_version) == ("updated", 2, 1)
    assert after["CreationTime"] == created["CreationTime"]
    assert serving() == (2, EVEN)
    assert again.status == "already live"
    assert endpoint()["LastModifiedTime"] == after["LastModifiedTime"]
    assert requests.failed == []
    assert len(left_of(clients, hashtag)) == 3 + 3  # endpoint, configuration, model, and three alarms
    policy = after["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (policy["Type"], policy["CanarySize"]["Value"]) == ("CANARY", 30)
    assert len(after["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 3


def test_new_rules_reach_the_version_that_is_live_already(register, promote, serving, endpoint, clients):
    version, rules = register("2026-01-01"), CompanyRules(network_isolation=True)
    promote(version)

    updated, again = promote(version, rules=rules), promote(version, rules=rules)

    assert (updated.status, updated.serving_version, again.status) == ("updated", 1, "already live")
    config = clients.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint()["EndpointConfigName"])
    (variant,) = config["ProductionVariants"]
    assert clients.sagemaker.describe_model(ModelName=variant["ModelName"])["EnableNetworkIsolation"] is True
    assert serving() == (1, ODD)


def test_a_model_that_fails_is_rolled_back_and_rejected_and_not_tried_again(
    register, promote, serving, clients, hashtag, order_fault, load, registry
):
    promote(register("2026-01-01"))
    bad = register("2026-01-02")
    order_fault(model=f"*-v{bad.number}-*", error="500", message="out of memory", times=None)

    with load() as requests:
        result = promote(bad)

    assert (result.status, result.serving_version) == ("rolled back", 1)
    assert f"{live_endpoint_name(hashtag)}-5xx" in result.reason
    assert "was greater than the threshold (0.01)" in result.reason
    assert serving() == (1, ODD)
    rejected = registry.version(bad.number)
    assert (rejected.approval, rejected.manual_approval) == ("Rejected", None)
    assert rejected.rolled_back is not None
    assert len(left_of(clients, hashtag)) == 6
    assert {answer.status for answer in requests.failed} <= {424}  # from the canary
    name = live_endpoint_name(hashtag)
    alarm = clients.cloudwatch.describe_alarms(AlarmNames=[f"{name}-5xx"])["MetricAlarms"][0]
    watched = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    serving_config = clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    assert watched["EndpointConfigName"] == serving_config
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(NotPromoted, match="Version 2 is Rejected"):
        promote(bad, started=tomorrow)


def test_a_slow_model_is_rolled_back(register, promote, order_fault, load, hashtag, live_settings):
    patient = replace(live_settings, baking_minutes=60)
    promote(register("2026-01-01"))
    slow = register("2026-01-02")
    order_fault(model=f"*-v{slow.number}-*", delay_seconds=1.1, times=None)

    with load() as requests:
        result = promote(slow, settings=patient)

    assert (result.status, result.serving_version) == ("rolled back", 1)
    assert f"{live_endpoint_name(hashtag)}-latency" in result.reason
    assert requests.failed == []


def test_a_model_that_answers_otherwise_than_evaluated_is_rolled_back_by_the_smoke_test(
    register, promote, serving, storage, load, hashtag, live_settings
):
    promote(register("2026-01-01"))
    other = register("2026-01-02")
    key = storage.key_of(other.properties[SMOKE_TESTS])
    tests = storage.read_json(key)
    storage.write_json([{**test, "expected": {"z": 1.0}} for test in tests], key)

    with load() as requests:
        result = promote(other, settings=replace(live_settings, baking_minutes=60))

    assert (result.status, result.serving_version) == ("rolled back", 1)
    assert f"{live_endpoint_name(hashtag)}-smoke-test" in result.reason
    assert serving() == (1, ODD)
    assert requests.failed == []


def test_without_a_bake_a_wrong_model_is_taken_back_after_the_update(
    register, promote, serving, storage, live_settings, registry
):
    quick = replace(live_settings, baking_minutes=0)
    promote(register("2026-01-01"), settings=quick)
    other = register("2026-01-02")
    key = storage.key_of(other.properties[SMOKE_TESTS])
    storage.write_json([{**test, "expected": {"z": 1.0}} for test in storage.read_json(key)], key)

    result = promote(other, settings=quick)

    assert (result.status, result.serving_version) == ("rolled back", 1)
    assert "was rolled back by" in str(result)
    assert "it does not answer as it should" in str(result)
    assert serving() == (1, ODD)
    assert registry.version(2).approval == "Rejected"


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_model_that_is_not_approved_is_not_promoted(register, promote, approval, clients, hashtag):
    with pytest.raises(NotPromoted, match=f"Version 1 is {approval}"):
        promote(register("2026-01-01", approval))

    assert left_of(clients, hashtag) == []


def test_of_two_dates_the_newer_one_serves_in_whatever_order_they_come(register, promotion, promote, serving):
    """The older one's update is under way when the newer one comes; and an older one comes last."""
    promote(register("2026-01-01"))
    older = promotion(register("2026-01-02"))
    assert older.poll() is None
    newer = register("2026-01-03")

    ends = []

    def go_on():
        try:
            ends.append(older.poll()) if not any(ends) else None
        except NotPromoted as objection:
            ends.append(objection)

    result = promote(newer, between=go_on)

    assert (result.status, result.previous_version) == ("updated", 2)
    go_on()
    assert "a model of newer tweets" in str(ends[-1]) or ends[-1].status == "updated"
    late = register("2026-01-02")
    with pytest.raises(NotPromoted, match="a model of newer tweets"):
        promote(late)
    assert serving() == (3, ODD)


def test_an_approved_version_of_newer_tweets_keeps_older_ones_out_before_it_is_live(
    register, promote, storage, hashtag
):
    older = register("2026-01-01")
    register("2026-01-02")
    with pytest.raises(NotPromoted, match="Version 2 is approved, too"):
        promote(older)


def test_newer_tweets_keep_older_models_out(register, promote, storage, hashtag):
    storage.write_bytes(b"0,hello", f"{Keys('twitter-data', hashtag, '2026-01-03').tweets}/part-0.csv")
    with pytest.raises(NotPromoted, match="labelled tweets of a newer date"):
        promote(register("2026-01-01"))


def test_a_person_may_let_it_serve_any_version(register, promote, serving):
    promote(register("2026-01-03"))
    old = register("2026-01-02", "Rejected")

    assert promote(old, by_person=True).status == "updated"
    assert serving() == (old.number, EVEN)


@contextmanager
def dying(clients, number):
    """The process dies after its so-manieth call that changes something."""
    left = itertools.count(1)

    def maybe_die(model=None, **_):
        if not model.name.startswith(("Describe", "List", "Get")) and next(left) == number:
            raise WorkerDied

    services = {"sagemaker": clients.sagemaker, "cloudwatch": clients.cloudwatch}
    for service, client in services.items():
        client.meta.events.register(f"after-call.{service}", maybe_die)
    try:
        with suppress(WorkerDied):
            yield
    finally:
        for service, client in services.items():
            client.meta.events.unregister(f"after-call.{service}", maybe_die)


@pytest.mark.parametrize("number", range(1, 13))
def test_whatever_request_a_process_dies_after_the_next_one_ends_it(
    number, register, promotion, promote, serving, clients, hashtag, live_settings
):
    """Three alarms, the attempt, model, configuration, update, and the clean-up."""
    quick = replace(live_settings, baking_minutes=1)
    promote(register("2026-01-01"), settings=quick)
    version = register("2026-01-02")

    with dying(clients, number):
        finish(promotion(version, settings=quick))
    result = promote(version, settings=quick)

    assert result.status in {"updated", "already live"}
    assert serving() == (2, EVEN)
    assert len(left_of(clients, hashtag)) == 6


@pytest.mark.parametrize("number", range(8, 13))
def test_whatever_request_a_process_dies_after_in_a_rollback_the_next_one_ends_it(
    number, register, promotion, promote, serving, clients, hashtag, order_fault
):
    """The version is Rejected, the clean-up is done, and the update is not tried again."""
    promote(register("2026-01-01"))
    version = register("2026-01-02")
    order_fault(model=f"*-v{version.number}-*", error="500", message="out of memory", times=None)

    with dying(clients, number):
        finish(promotion(version))
    result = promote(version)

    assert (result.status, result.serving_version) == ("rolled back", 1)
    assert serving() == (1, ODD)
    assert len(left_of(clients, hashtag)) == 6


def test_another_deployments_endpoint_is_left_alone(register, promote, clients, hashtag, settings):
    promote(register("2026-01-01"))
    arn = clients.sagemaker.describe_endpoint(EndpointName=live_endpoint_name(hashtag))["EndpointArn"]
    ours = tags_of(clients.sagemaker, arn)[DEPLOYMENT]
    clients.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEPLOYMENT, "Value": "theirs"}])

    with pytest.raises(LiveEndpointError, match="none of this deployment's"):
        promote(register("2026-01-02"))

    clients.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEPLOYMENT, "Value": ours}])


def test_who_turns_it_off_during_a_promotion_is_obeyed(register, promotion, promote, clients, hashtag, settings):
    promote(register("2026-01-01"))
    going_on = promotion(register("2026-01-02"))
    assert going_on.poll() is None

    finish(Retirement(clients, hashtag, settings.deployment, logging.getLogger("off")), between=lambda: None)

    with pytest.raises(NotPromoted, match="somebody has turned it off"):
        finish(going_on)
    assert left_of(clients, hashtag) == []


def test_a_first_model_that_cannot_be_loaded_fails_and_the_next_attempt_creates_it_again(
    register, promote, storage, model_archive
):
    version = register("2026-01-01")
    key = storage.key_of(version.artifact)
    storage.write_bytes(b"damaged", key)
    with pytest.raises(LiveEndpointError, match="could not be created: Failed to extract model data"):
        promote(version)
    storage.write_bytes(model_archive, key)

    assert promote(version).status == "created"


def test_a_model_that_cannot_be_loaded_leaves_the_old_one_serving_and_can_be_tried_again(
    register, promote, storage, serving, load, registry, clients, hashtag, new_archive
):
    promote(register("2026-01-01"))
    version = register("2026-01-02")
    storage.write_bytes(b"damaged", storage.key_of(version.artifact))

    with (
        load() as requests,
        pytest.raises(LiveEndpointError, match="was not updated to version 2, and serves version 1: Failed to extra"),
    ):
        promote(version)

    assert serving() == (1, ODD)
    assert requests.failed == []
    assert registry.version(2).approval == "Approved"  # no traffic has shown anything wrong with it
    assert len(left_of(clients, hashtag)) == 6
    storage.write_bytes(new_archive, storage.key_of(version.artifact))
    assert promote(version).status == "updated"
