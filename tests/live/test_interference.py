"""What people, other promotions and earlier attempts do to a promotion meanwhile."""

import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from hashtag_retrain.operators.sweep import SageMakerSweepEndpointsOperator
from include.aws.registry import SMOKE_TESTS
from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG
from include.config.errors import LiveEndpointError
from include.config.names import live_endpoint_name, start_of_live_names
from include.config.ownership import LIVE
from include.live.bill import live_endpoints
from include.live.promotion import NotPromoted
from include.live.requests import alarm_names
from include.live.retirement import Retirement
from local_aws.sagemaker.endpoint_config import EndpointConfig
from tests.live.conftest import finish, left_of
from tests.local_aws.conftest import wait_until
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
