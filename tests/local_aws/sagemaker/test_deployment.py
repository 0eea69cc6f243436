"""Updates of an endpoint with deployment guardrails: who answers meanwhile, what is described, how they end."""

import threading
import time

import pytest
import requests

from local_aws.load import Load
from local_aws.pace import AWS_SECONDS
from tests.local_aws.conftest import configure, error_of, wait_for_endpoint, wait_until
from tests.local_aws.sagemaker.conftest import (
    NEW,
    OLD,
    QUESTION,
    blue_green,
    create,
    instances,
    percent,
    watching,
)

LONG = 3600
"""Seconds, which last 1.8 s at the tests' pace."""


def update(sagemaker, endpoint, config, deployment=None, **others):
    chosen = {"DeploymentConfig": deployment} if deployment else {}
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **chosen, **others)


def wait_for_stage(sagemaker, endpoint, status, message=""):
    """Wait until the new fleet is in a stage; return the endpoint's description."""
    found = {}

    def is_there():
        found.update(sagemaker.describe_endpoint(EndpointName=endpoint))
        variants = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        statuses = [one for variant in variants for one in variant["VariantStatus"]]
        assert found["EndpointStatus"] == "Updating"
        return any(one["Status"] == status and message in one["StatusMessage"] for one in statuses)

    wait_until(is_there)
    return found


def wait_for_end(sagemaker, endpoint, status="InService"):
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == status)
    return sagemaker.describe_endpoint(EndpointName=endpoint)


def ask(runtime, endpoint, **arguments):
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=QUESTION, **arguments)
    assert answer["InvokedProductionVariant"] in {"AllTraffic", "Second"}
    return NEW if NEW in answer["Body"].read() else OLD


def share_of_new(runtime, endpoint, requests=300):
    return sum(ask(runtime, endpoint) == NEW for _ in range(requests)) / requests


def share_while_baking(sagemaker, runtime, endpoint):
    """The new fleet's share of those answers that came while the canary was baking."""
    answers, newest = [], []
    while len(answers) < 300:
        newest = [ask(runtime, endpoint) == NEW for _ in range(20)]
        summary = sagemaker.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary")
        if "canary capacity" not in str(summary):
            break
        answers += newest
    assert len(answers) >= 60
    return sum(answers) / len(answers)


def test_a_canary_gets_its_share_and_then_everything(sagemaker, runtime, live, new_uri):
    before = sagemaker.describe_endpoint(EndpointName=live)["EndpointConfigName"]
    config = configure(sagemaker, new_uri)
    canary = blue_green("CANARY", wait=LONG, CanarySize=percent(20))

    update(sagemaker, live, config, canary)
    found = wait_for_stage(sagemaker, live, "Baking")

    assert found["EndpointConfigName"] == before
    assert [variant["VariantName"] for variant in found["ProductionVariants"]] == ["AllTraffic"]
    pending = found["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == config
    (variant,) = pending["ProductionVariants"]
    (status,) = variant["VariantStatus"]
    assert status["StatusMessage"] == (
        f"Baking for {LONG} seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
    )
    assert 0.02 < share_while_baking(sagemaker, runtime, live) < 0.42
    after = wait_for_end(sagemaker, live)
    assert (after["EndpointConfigName"], after["LastDeploymentConfig"]) == (config, canary)
    assert "PendingDeploymentSummary" not in after
    assert "FailureReason" not in after
    assert share_of_new(runtime, live, 20) == 1


def test_linear_steps(sagemaker, model_uri, new_uri):
    live = create(sagemaker, configure(sagemaker, model_uri, instances=4))
    config = configure(sagemaker, new_uri, instances=4)

    update(sagemaker, live, config, blue_green("LINEAR", wait=1200, termination=1200, LinearStepSize=instances(2)))

    found = wait_for_stage(sagemaker, live, "Baking", "canary capacity of 2 instance(s)")
    (variant,) = found["PendingDeploymentSummary"]["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 4)
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 4
    wait_for_stage(sagemaker, live, "Baking", "(TerminationWaitInSeconds) with traffic enabled on full capacity of 4")
    assert wait_for_end(sagemaker, live)["EndpointConfigName"] == config


def test_a_rolling_update_ends_the_old_instances_as_it_goes(sagemaker, local_aws, model_uri, new_uri):
    live = create(sagemaker, configure(sagemaker, model_uri, instances=4))
    config = configure(sagemaker, new_uri, instances=4)
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": instances(2), "WaitIntervalInSeconds": 1200}}

    update(sagemaker, live, config, rolling)

    found = wait_for_stage(sagemaker, live, "Baking", "capacity of 2 instance(s)")
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    shown = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()["endpoints"]
    assert "Baking" in [endpoint["phase"] for endpoint in shown if endpoint["name"] == live]
    assert wait_for_end(sagemaker, live)["EndpointConfigName"] == config


def test_all_at_once_bakes_and_the_old_fleet_is_there_until_the_end(sagemaker, runtime, once, live, new_uri, alarm):
    config = configure(sagemaker, new_uri)
    name = alarm(live)

    update(sagemaker, live, config, blue_green("ALL_AT_ONCE", termination=LONG, alarms=[name]))
    wait_for_stage(sagemaker, live, "Baking")
    assert share_of_new(runtime, live, 20) == 1

    once("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
    after = wait_for_end(sagemaker, live)

    assert after["EndpointConfigName"] != config
    assert name in after["FailureReason"]
    assert share_of_new(runtime, live, 20) == 0


def test_errors_of_the_new_model_roll_the_update_back(
    sagemaker, runtime, live, new_uri, alarm, order_fault, monkeypatch
):
    monkeypatch.setitem(AWS_SECONDS, "RollingBack", 600.0)
    before = sagemaker.describe_endpoint(EndpointName=live)["EndpointConfigName"]
    config = configure(sagemaker, new_uri)
    name = alarm(live)
    order_fault(model=config, error="500", message="broken", times=None)

    update(sagemaker, live, config, blue_green("CANARY", wait=LONG, alarms=[name], CanarySize=percent(50)))
    wait_for_stage(sagemaker, live, "Baking")
    messages = set()
    statuses = {sagemaker.describe_endpoint(EndpointName=live)["EndpointStatus"]}  # the first error ends the baking

    def is_over():
        try:
            assert ask(runtime, live) == OLD
        except runtime.exceptions.ModelError as error:
            messages.add(error.response["OriginalMessage"])
        statuses.add(sagemaker.describe_endpoint(EndpointName=live)["EndpointStatus"])
        return "InService" in statuses

    wait_until(is_over)

    after = sagemaker.describe_endpoint(EndpointName=live)
    assert messages == {"broken"}
    assert statuses == {"Updating", "RollingBack", "InService"}
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", before)
    assert after["FailureReason"].endswith(f"are in ALARM state: {name}")
    assert share_of_new(runtime, live, 20) == 0

    update(sagemaker, live, configure(sagemaker, new_uri))
    assert "FailureReason" not in wait_for_end(sagemaker, live)


def test_an_alarm_on_the_new_configuration_alone(sagemaker, runtime, live, new_uri, alarm, order_fault):
    """As in AWS's own example: only the new fleet's latency."""
    config = configure(sagemaker, new_uri)
    dimensions = {"EndpointName": live, "VariantName": "AllTraffic", "EndpointConfigName": config}
    name = alarm(
        live,
        MetricName="ModelLatency",
        Statistic="Average",
        Threshold=100_000.0,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
    )
    order_fault(model=config, delay_seconds=0.11, times=None)

    update(sagemaker, live, config, blue_green("ALL_AT_ONCE", termination=LONG, alarms=[name]))
    wait_for_stage(sagemaker, live, "Baking")
    ask(runtime, live)

    assert name in wait_for_end(sagemaker, live)["FailureReason"]


@pytest.mark.parametrize(("state", "rolled_back"), [("ALARM", True), ("INSUFFICIENT_DATA", False)])
def test_an_alarm_that_is_in_its_state_already(sagemaker, once, live, new_uri, alarm, state, rolled_back):
    """An alarm that the old fleet has tripped ends the update; one without data does not."""
    name = alarm(live, TreatMissingData="ignore")
    once("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="before")
    config = configure(sagemaker, new_uri)

    update(sagemaker, live, config, blue_green("ALL_AT_ONCE", alarms=[name]))

    after = wait_for_end(sagemaker, live)
    assert (after["EndpointConfigName"] != config) == ("FailureReason" in after) == rolled_back


def test_a_new_fleet_that_never_becomes_healthy_is_given_up(sagemaker, runtime, live, new_uri, order_fault):
    config = configure(sagemaker, new_uri)
    order_fault(model=config, error="Unhealthy")

    update(sagemaker, live, config, blue_green("CANARY", wait=60, CanarySize=percent(10)))
    wait_for_stage(sagemaker, live, "Creating", "Launching 1 instance(s).")

    after = wait_for_end(sagemaker, live)
    assert "did not pass the ping health check" in after["FailureReason"]
    assert share_of_new(runtime, live, 20) == 0


def test_a_container_that_does_not_answer(sagemaker, runtime, live, order_fault):
    config = sagemaker.describe_endpoint(EndpointName=live)["EndpointConfigName"]
    order_fault(model=config, error="NoAnswer")

    with pytest.raises(runtime.exceptions.ModelError) as error:
        ask(runtime, live)

    assert error.value.response["OriginalStatusCode"] == 0
    assert "Received server error (0) from model" in str(error.value)
    assert "Your invocation timed out" in error.value.response["OriginalMessage"]
    assert ask(runtime, live) == OLD


def test_a_deployment_that_takes_too_long_is_rolled_back(sagemaker, live, new_uri):
    config = configure(sagemaker, new_uri)
    deployment = blue_green("CANARY", wait=400, termination=100, CanarySize=percent(10))
    deployment["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600

    update(sagemaker, live, config, deployment)

    after = wait_for_end(sagemaker, live)
    assert "within 600 seconds" in after["FailureReason"]
    assert after["EndpointConfigName"] != config


def test_a_rollback_that_fails_leaves_both_fleets_serving(sagemaker, runtime, once, live, new_uri, alarm, order_fault):
    config = configure(sagemaker, new_uri)
    name = alarm(live)
    order_fault(phase="RollingBack", name=live, message="InternalServerError: as ordered")
    update(sagemaker, live, config, blue_green("CANARY", wait=LONG, alarms=[name], CanarySize=percent(50)))
    wait_for_stage(sagemaker, live, "Baking")

    once("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
    after = wait_for_end(sagemaker, live, "UpdateRollbackFailed")

    assert after["FailureReason"] == "InternalServerError: as ordered"
    assert 0.2 < share_of_new(runtime, live, 100) < 0.8
    update(sagemaker, live, config)
    wait_for_end(sagemaker, live)
    assert share_of_new(runtime, live, 20) == 1


def test_the_last_deployment_config_can_be_used_again(sagemaker, live, new_uri):
    canary = blue_green("CANARY", wait=1200, CanarySize=percent(10))
    update(sagemaker, live, configure(sagemaker, new_uri), canary)
    wait_for_end(sagemaker, live)

    config = configure(sagemaker, new_uri)
    update(sagemaker, live, config, RetainDeploymentConfig=True)

    wait_for_stage(sagemaker, live, "Baking", "canary")
    after = wait_for_end(sagemaker, live)
    assert (after["EndpointConfigName"], after["LastDeploymentConfig"]) == (config, canary)


def test_weights_and_capacities_are_changed_and_kept(sagemaker, runtime, model_uri, new_uri, monkeypatch):
    live = create(sagemaker, configure(sagemaker, model_uri, new_uri, weights=(1.0, 0.0)))
    assert share_of_new(runtime, live, 20) == 0
    wanted = [
        {"VariantName": "AllTraffic", "DesiredInstanceCount": 3},
        {"VariantName": "Second", "DesiredWeight": 3.0},
    ]
    monkeypatch.setitem(AWS_SECONDS, "Updating", 800.0)

    sagemaker.update_endpoint_weights_and_capacities(EndpointName=live, DesiredWeightsAndCapacities=wanted)

    found = sagemaker.describe_endpoint(EndpointName=live)
    first, second = found["ProductionVariants"]
    assert found["EndpointStatus"] == "Updating"
    assert "PendingDeploymentSummary" not in found
    assert (first["CurrentInstanceCount"], first["DesiredInstanceCount"]) == (1, 3)
    assert first["VariantStatus"][0]["StatusMessage"] == "Scaling out desired instance count to 3."
    assert (second["CurrentWeight"], second["DesiredWeight"]) == (0.0, 3.0)
    after = wait_for_end(sagemaker, live)
    assert [variant["CurrentWeight"] for variant in after["ProductionVariants"]] == [1.0, 3.0]
    assert after["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    assert 0.6 < share_of_new(runtime, live, 200) < 0.88
    assert ask(runtime, live, TargetVariant="AllTraffic") == OLD

    config = configure(sagemaker, model_uri, new_uri)
    update(
        sagemaker,
        live,
        config,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    after = wait_for_end(sagemaker, live)
    assert [variant["CurrentWeight"] for variant in after["ProductionVariants"]] == [1.0, 3.0]
    assert [variant["CurrentInstanceCount"] for variant in after["ProductionVariants"]] == [1, 1]


def test_a_failed_change_of_weights_is_undone(sagemaker, live, order_fault):
    order_fault(phase="Updating", name=live, message="InsufficientInstanceCapacity: as ordered")

    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=live, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 9}]
    )

    after = wait_for_end(sagemaker, live)
    assert after["FailureReason"] == "InsufficientInstanceCapacity: as ordered"
    assert after["ProductionVariants"][0]["DesiredInstanceCount"] == 1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([{"VariantName": "Other", "DesiredWeight": 1.0}], "Could not find the production variants Other"),
        ([{"VariantName": "AllTraffic", "DesiredWeight": 0.0}], "needs a weight above 0"),
        ([{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}], "needs at least one instance"),
        ([{"VariantName": "AllTraffic"}, {"VariantName": "AllTraffic"}], "names must be unique"),
        (
            [{"VariantName": "AllTraffic", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}],
            "does not support ServerlessUpdateConfig",
        ),
    ],
)
def test_weights_and_capacities_that_cannot_be(sagemaker, live, wanted, message):
    change = sagemaker.update_endpoint_weights_and_capacities

    code, found = error_of(change, EndpointName=live, DesiredWeightsAndCapacities=wanted)

    assert code == "ValidationException"
    assert message in found


def test_no_request_fails_in_an_update_a_rollback_or_the_end_of_a_fleet(
    sagemaker, local_aws, once, live, new_uri, alarm
):
    """200 requests a second, or as many as a busy machine sends."""
    name = alarm(live)
    config = configure(sagemaker, new_uri)
    baking = blue_green("CANARY", wait=LONG, alarms=[name], CanarySize=percent(25))
    canary = blue_green("CANARY", wait=1000, termination=600, alarms=[name], CanarySize=percent(25))

    with Load(local_aws.url, live, QUESTION) as load:
        time.sleep(0.5)
        update(sagemaker, live, config, baking)
        wait_for_stage(sagemaker, live, "Baking", "canary")
        once("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
        assert name in wait_for_end(sagemaker, live)["FailureReason"]
        rolled_back = time.monotonic()
        time.sleep(0.2)
        update(sagemaker, live, config, canary)
        wait_for_end(sagemaker, live)
        updated = time.monotonic()
        time.sleep(0.2)

    assert load.failed == []
    assert {answer.variant for answer in load.answers} == {"AllTraffic"}
    assert all((NEW in answer.body) != (OLD in answer.body) for answer in load.answers)
    between = [answer for answer in load.since(rolled_back) if answer.sent < rolled_back + 0.2]
    assert between
    assert not any(NEW in answer.body for answer in between)
    assert all(NEW in answer.body for answer in load.since(updated))
    assert len(load.answers) > 200


def test_open_requests_of_the_old_fleet_are_answered(sagemaker, runtime, live, new_uri, order_fault):
    """An answer that takes longer than the whole update, and longer than the deletion of the endpoint."""
    before = sagemaker.describe_endpoint(EndpointName=live)["EndpointConfigName"]
    order_fault(model=before, delay_seconds=2.5)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(ask(runtime, live)))
    slow.start()
    time.sleep(0.1)

    update(sagemaker, live, configure(sagemaker, new_uri))
    wait_until(lambda: ask(runtime, live) == NEW)
    assert answers == []
    slow.join()
    assert answers == [OLD]

    config = wait_for_end(sagemaker, live)["EndpointConfigName"]
    order_fault(model=config, delay_seconds=0.5)
    slow = threading.Thread(target=lambda: answers.append(ask(runtime, live)))
    slow.start()
    time.sleep(0.1)
    sagemaker.delete_endpoint(EndpointName=live)
    wait_for_endpoint(sagemaker, live, "endpoint_deleted")
    slow.join()
    assert answers == [OLD, NEW]


def test_two_updates_at_a_time_are_refused(sagemaker, live, new_uri):
    config = configure(sagemaker, new_uri)
    update(sagemaker, live, config, blue_green("ALL_AT_ONCE", termination=1200))
    wait_for_stage(sagemaker, live, "Baking")

    for operation, arguments in (
        (sagemaker.update_endpoint, {"EndpointConfigName": config}),
        (sagemaker.update_endpoint_weights_and_capacities, {"DesiredWeightsAndCapacities": [{"VariantName": "x"}]}),
        (sagemaker.delete_endpoint, {}),
    ):
        assert "Cannot update in-progress endpoint" in error_of(operation, EndpointName=live, **arguments)[1]
    wait_for_end(sagemaker, live)


def test_an_endpoints_creation_has_a_summary_as_well(sagemaker, model_uri, order_fault):
    config = configure(sagemaker, model_uri)
    order_fault(model=config, error="Unhealthy")
    sagemaker.create_endpoint(EndpointName=config, EndpointConfigName=config)

    wait_until(lambda: "PendingDeploymentSummary" in sagemaker.describe_endpoint(EndpointName=config))
    wait_for_end(sagemaker, config, "Failed")


def test_alarms_that_do_not_exist_are_refused(sagemaker, live, new_uri):
    config = configure(sagemaker, new_uri)
    deployment = blue_green("ALL_AT_ONCE") | watching(["none"])

    code, message = error_of(update, sagemaker=sagemaker, endpoint=live, config=config, deployment=deployment)

    assert (code, "none" in message) == ("ValidationException", True)
