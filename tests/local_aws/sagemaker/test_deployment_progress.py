from datetime import UTC, datetime

import pytest

from local_aws.sagemaker.deployment_policy import INTERVAL, TERMINATION, Stage
from local_aws.sagemaker.deployment_progress import DeploymentProgress

STARTED = datetime(2026, 1, 7, tzinfo=UTC)
VARIANT = {"VariantName": "v", "InitialInstanceCount": 4, "InitialVariantWeight": 1.0, "InstanceType": "ml.m5.large"}
CANARY, FULL = Stage(0.25, 60, INTERVAL), Stage(1.0, 120, TERMINATION)


def progress(is_rolling=False, *variants):
    pending = {"config_name": "new", "variants": list(variants or (VARIANT,)), "started": STARTED}
    return DeploymentProgress(pending, is_rolling)


def status_of(under_way):
    (variant,) = under_way.describe()["ProductionVariants"]
    (status,) = variant["VariantStatus"]
    return status["Status"], status["StatusMessage"]


def test_an_update_begins_with_the_new_instances_of_which_none_is_there():
    summary = progress().describe()

    (variant,) = summary.pop("ProductionVariants")
    assert summary == {"EndpointConfigName": "new", "StartTime": STARTED}
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (0, 4)
    assert variant["InstanceType"] == "ml.m5.large"
    assert status_of(progress()) == ("Creating", "Launching 4 instance(s).")


@pytest.mark.parametrize(
    ("enter", "status", "message"),
    [
        (
            lambda it: it.activating(CANARY),
            "ActivatingTraffic",
            "Activating traffic on canary capacity of 1 instance(s).",
        ),
        (
            lambda it: it.baking(CANARY),
            "Baking",
            "Baking for 60 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s).",
        ),
        (
            lambda it: it.baking(FULL),
            "Baking",
            "Baking for 120 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 4 instance(s).",
        ),
        (lambda it: it.deleting(), "Deleting", "Terminating 4 instance(s)."),
    ],
)
def test_each_stage_is_told_in_sagemakers_words(enter, status, message):
    under_way = progress()
    under_way.baking(CANARY)

    enter(under_way)

    assert status_of(under_way) == (status, message)


def test_a_stage_begins_when_it_is_entered():
    under_way = progress()
    (before,) = under_way.describe()["ProductionVariants"][0]["VariantStatus"]

    under_way.activating(CANARY)

    (after,) = under_way.describe()["ProductionVariants"][0]["VariantStatus"]
    assert before["StartTime"] < after["StartTime"]
    assert under_way.describe()["StartTime"] == STARTED


@pytest.mark.parametrize(("share", "new", "old"), [(0.0, 0, 4), (0.25, 1, 3), (0.3, 2, 2), (1.0, 4, 0)])
def test_in_a_rolling_update_an_old_instance_ends_for_each_new_one(share, new, old):
    under_way = progress(True)
    under_way.share = share

    assert under_way.describe()["ProductionVariants"][0]["CurrentInstanceCount"] == new
    assert under_way.describe_old(VARIANT)["CurrentInstanceCount"] == old
    assert under_way.describe_old(VARIANT)["DesiredInstanceCount"] == 4


def test_otherwise_the_old_instances_stay_until_the_end():
    under_way = progress(False)
    under_way.share = 1.0

    assert under_way.describe_old(VARIANT)["CurrentInstanceCount"] == 4


def test_each_variants_message_has_its_own_number_of_instances():
    under_way = progress(False, VARIANT, VARIANT | {"VariantName": "w", "InitialInstanceCount": 8})
    under_way.baking(CANARY)

    messages = [one["VariantStatus"][0]["StatusMessage"] for one in under_way.describe()["ProductionVariants"]]

    assert [message[-len("1 instance(s).") :] for message in messages] == ["1 instance(s).", "2 instance(s)."]
