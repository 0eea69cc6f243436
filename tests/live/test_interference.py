"""What people, other promotions and earlier attempts do to a promotion meanwhile."""

import logging
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from hashtag_retrain.operators.sweep import SageMakerSweepEndpointsOperator
from include.aws.registry import SMOKE_TESTS
from include.aws.requests import VARIANT
from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG
from include.config.errors import LiveEndpointError
from include.config.names import live_endpoint_name, start_of_live_names
from include.config.ownership import LIVE, PURPOSE
from include.live.bill import live_endpoints
from include.live.promotion import NotPromoted
from include.live.requests import alarm_names
from include.live.retirement import Retirement
from local_aws.sagemaker.endpoint_config import EndpointConfig
from tests.live.promotions import finish, left_of
from tests.local_aws.conftest import wait_until
from tests.plugins.attempts import WorkerDied
from tests.plugins.endpoints import tags_of


@pytest.fixture
def quick(live_settings):
    return replace(live_settings, baking_minutes=1)


@contextmanager
def before(client, operation, act):
    """Act before the first request of an operation."""
    acted = []

    def once(**_):
        if not acted:
            acted.append(True)
            act()

    event = f"before-call.sagemaker.{operation}"
    client.meta.events.register(event, once)
    try:
        yield
    finally:
        client.meta.events.unregister(event, once)


@pytest.fixture
def served_version(clients, hashtag):
    def served_version():
        endpoint, _ = ENDPOINT.find(clients.sagemaker, live_endpoint_name(hashtag))
        config = ENDPOINT_CONFIG.describe(clients.sagemaker, endpoint["EndpointConfigName"])
        return int(tags_of(clients.sagemaker, config["EndpointConfigArn"])["retrain:version"])

    return served_version


@pytest.fixture
def spoil(storage):
    """The model answers otherwise than its smoke tests expect."""

    def spoil(version):
        key = storage.key_of(version.properties[SMOKE_TESTS])
        storage.write_json([{**test, "expected": {"z": 1.0}} for test in storage.read_json(key)], key)

    return spoil


def test_of_two_promotions_that_ask_at_once_the_refused_one_comes_later_and_none_counts_as_rolled_back(
    register, promotion, promote, clients, registry, served_version, quick
):
    """The newer one notes its attempt before the older one's request, and sends its own one after it."""
    promote(register("2026-01-01"), settings=quick)
    older, newer = promotion(register("2026-01-02"), by_person=True, settings=quick), []

    def come():
        newer.append(promotion(register("2026-01-03"), settings=quick))
        with before(clients.sagemaker, "CreateModel", request_update):
            newer[0].poll()

    def request_update():
        older._request_update(older._config)

    with before(clients.sagemaker, "UpdateEndpoint", come), suppress(ClientError):
        older.poll()
    result = finish(newer[0])

    assert (result.status, result.previous_version) == ("updated", 2)
    assert [registry.version(number).approval for number in (2, 3)] == ["Approved", "Approved"]
    assert served_version() == 3


@pytest.mark.parametrize("dies", [False, True])
def test_a_failed_update_is_that_of_the_version_that_was_tried(
    dies, register, promotion, promote, registry, served_version, storage, clients, quick
):
    """Another one has noted its attempt meanwhile, and possibly its process died then."""
    promote(register("2026-01-01"), settings=quick)
    bad = register("2026-01-02")
    storage.write_bytes(b"damaged", storage.key_of(bad.artifact))
    older, newer = promotion(bad, settings=quick), []

    def come():
        newer.append(promotion(register("2026-01-03"), settings=quick))
        with before(clients.sagemaker, "CreateModel", die), suppress(WorkerDied):
            newer[0].poll()

    def die():
        raise WorkerDied

    with before(clients.sagemaker, "UpdateEndpoint", come):
        older.poll()
    with pytest.raises(LiveEndpointError, match="was not updated to version 2, and serves version 1"):
        finish(older)
    result = finish(newer[0] if not dies else promotion(registry.version(3), settings=quick))

    assert result.status == "updated"
    assert registry.version(2).approval == "Approved"
    assert served_version() == 3


def test_a_promotion_goes_on_although_somebody_has_deleted_the_version_that_serves(
    register, promote, clients, served_version, quick
):
    first = register("2026-01-01")
    promote(first, settings=quick)
    clients.sagemaker.delete_model_package(ModelPackageName=first.arn)

    assert promote(register("2026-01-02"), settings=quick).status == "updated"
    assert served_version() == 2


def test_an_alarm_keeps_the_actions_that_people_have_given_it(register, promote, clients, hashtag, quick):
    promote(register("2026-01-01"), settings=quick)
    name, topic = alarm_names(live_endpoint_name(hashtag))[0], "arn:aws:sns:us-east-1:123456789012:night"
    alarm = clients.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    wanted = ("AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Threshold", "Period")
    more = ("EvaluationPeriods", "ComparisonOperator", "TreatMissingData")
    clients.cloudwatch.put_metric_alarm(**{key: alarm[key] for key in wanted + more}, AlarmActions=[topic])

    promote(register("2026-01-02"), settings=quick)

    assert clients.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmActions"] == [topic]


def test_a_version_that_serves_is_not_rejected_if_a_change_of_its_settings_fails(
    register, promote, storage, model_archive, served_version, registry, quick
):
    version = register("2026-01-01")
    promote(version, settings=quick)
    key = storage.key_of(version.artifact)
    storage.write_bytes(b"damaged", key)

    with pytest.raises(LiveEndpointError, match="serves version 1: Failed to extract model data"):
        promote(version, settings=replace(quick, instances=2))

    assert served_version() == 1
    assert registry.version(1).approval == "Approved"


def test_what_is_taken_back_is_what_served_before_and_not_what_another_attempt_has_left_over(
    register, promote, promotion, clients, spoil, served_version, live_settings
):
    sudden = replace(live_settings, baking_minutes=0)
    promote(register("2026-01-01"), settings=sudden)
    interrupted = promotion(register("2026-01-02"), settings=sudden)

    def die():
        raise WorkerDied

    with before(clients.sagemaker, "UpdateEndpoint", die), suppress(WorkerDied):
        interrupted.poll()
    wrong = register("2026-01-03")
    spoil(wrong)

    assert promote(wrong, settings=sudden).status == "rolled back"
    assert served_version() == 1


def test_if_it_cannot_be_taken_back_a_person_is_told(register, promote, storage, spoil, live_settings):
    sudden = replace(live_settings, baking_minutes=0)
    first = register("2026-01-01")
    promote(first, settings=sudden)
    wrong = register("2026-01-02")
    spoil(wrong)
    storage.write_bytes(b"damaged", storage.key_of(first.artifact))

    with pytest.raises(LiveEndpointError, match="could not go back"):
        promote(wrong, settings=sudden)


def test_an_alarm_of_before_the_update_is_not_told_as_its_cause(register, promote, clients, hashtag, storage, quick):
    promote(register("2026-01-01"), settings=quick)
    latency = f"{live_endpoint_name(hashtag)}-latency"
    for state in ("ALARM", "OK"):
        clients.cloudwatch.set_alarm_state(AlarmName=latency, StateValue=state, StateReason="yesterday")
    time.sleep(1.1)  # of AWS's clock, which gives whole seconds
    version = register("2026-01-02")
    storage.write_bytes(b"damaged", storage.key_of(version.artifact))

    with pytest.raises(LiveEndpointError, match="serves version 1: Failed to extract model data") as failure:
        promote(version, settings=quick)

    assert "yesterday" not in str(failure.value)


def test_a_run_that_is_not_wanted_leaves_a_failed_endpoint_alone(
    register, promotion, promote, storage, clients, hashtag, quick
):
    version = register("2026-01-02")
    storage.write_bytes(b"damaged", storage.key_of(version.artifact))
    promotion(version, settings=quick).poll()
    name = live_endpoint_name(hashtag)
    wait_until(lambda: clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed")

    with pytest.raises(NotPromoted, match="Version 2 is Rejected"):
        promote(register("2026-01-01", "Rejected"), settings=quick)

    assert clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed"


def test_an_endpoint_whose_creation_has_failed_is_listed_and_can_be_turned_off(
    register, promotion, storage, clients, hashtag, settings, quick
):
    version = register("2026-01-02")
    storage.write_bytes(b"damaged", storage.key_of(version.artifact))
    promotion(version, settings=quick).poll()
    name = live_endpoint_name(hashtag)
    wait_until(lambda: clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed")

    found = [one for one in live_endpoints(clients.sagemaker, settings.deployment) if one.name == name]
    deleted = finish(Retirement(clients, hashtag, settings.deployment, logging.getLogger("off")))

    assert [one.status for one in found] == ["Failed"]
    assert f"endpoint {name}" in deleted
    assert left_of(clients, hashtag) == []


def test_what_served_before_is_kept_from_the_sweep_until_the_promotion_has_ended(
    register, promote, promotion, hashtag, quick, settings, served_version, monkeypatch
):
    """It may have to be served again."""
    promote(register("2026-01-01"), settings=quick)
    going_on = promotion(register("2026-01-02"), settings=quick)
    going_on.poll()
    wait_until(lambda: served_version() == 2)
    facts, hours = EndpointConfig.facts, timedelta(hours=2)
    monkeypatch.setattr(EndpointConfig, "facts", lambda one: {**facts(one), "CreationTime": one.created - hours})
    name = start_of_live_names(hashtag)
    sweep = SageMakerSweepEndpointsOperator(task_id="sweep", name_contains=name, deployment=settings.deployment)

    left = sweep.execute({"ti": SimpleNamespace(log_url="http://airflow/sweep")})
    finish(going_on)

    assert left == []


def test_a_model_is_promoted_although_the_old_one_does_not_answer(
    register, promote, served_version, order_fault, hashtag, live_settings, registry
):
    promote(register("2026-01-01"))
    order_fault(model=f"{live_endpoint_name(hashtag)}-v1-*", error="500", message="out of memory", times=None)

    result = promote(register("2026-01-02"), settings=replace(live_settings, baking_minutes=60))

    assert (result.status, registry.version(2).approval) == ("updated", "Approved")
    assert served_version() == 2


def test_who_has_removed_a_tag_is_told_which(register, promote, clients, hashtag, quick):
    promote(register("2026-01-01"), settings=quick)
    endpoint, tags = ENDPOINT.find(clients.sagemaker, live_endpoint_name(hashtag))
    clients.sagemaker.delete_tags(ResourceArn=endpoint["EndpointArn"], TagKeys=[LIVE])

    with pytest.raises(LiveEndpointError, match=f"tag {LIVE} is None, not '{hashtag}'. Correct the tag"):
        promote(register("2026-01-02"), settings=quick)

    tag = {"Key": LIVE, "Value": tags[LIVE]}
    clients.sagemaker.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=[tag])


def test_it_is_turned_off_although_somebody_has_removed_the_tag_with_its_purpose(
    register, promote, clients, hashtag, settings, quick
):
    promote(register("2026-01-01"), settings=quick)
    sagemaker, name = clients.sagemaker, live_endpoint_name(hashtag)
    endpoint = ENDPOINT.describe(sagemaker, name)
    config = ENDPOINT_CONFIG.describe(sagemaker, endpoint["EndpointConfigName"])
    for arn in (endpoint["EndpointArn"], config["EndpointConfigArn"]):
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=[PURPOSE])

    finish(Retirement(clients, hashtag, settings.deployment, logging.getLogger("off")))

    assert left_of(clients, hashtag) == []


def test_what_another_change_of_the_endpoint_has_modified_is_no_rollback(
    register, promote, promotion, clients, hashtag, registry, quick
):
    """The process died before its request, and then somebody has changed the number of instances."""
    promote(register("2026-01-01"), settings=quick)
    version, name = register("2026-01-02"), live_endpoint_name(hashtag)

    def die():
        raise WorkerDied

    with before(clients.sagemaker, "UpdateEndpoint", die), suppress(WorkerDied):
        promotion(version, settings=quick).poll()
    capacity = [{"VariantName": VARIANT, "DesiredInstanceCount": 2}]
    clients.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=capacity)
    wait_until(lambda: clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")

    assert promote(version, settings=quick).status == "updated"
    assert registry.version(2).approval == "Approved"
