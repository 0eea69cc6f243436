"""What a DeploymentConfig comes to, and which ones SageMaker's documented limits refuse."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.sagemaker.deployment_policy import check_deployment_config, policy_of
from local_aws.sagemaker.exceptions import ValidationException
from tests.local_aws.sagemaker.conftest import blue_green, instances, percent, watching


def variants(count=4, names=("AllTraffic",), **others):
    return [{"VariantName": name, "InitialInstanceCount": count, **others} for name in names]


def stages(config, count=4, **others):
    policy = policy_of(config, variants(count, **others))
    return [(round(stage.share, 9), stage.wait) for stage in policy.stages]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, [(1, 0)]),
        (watching(["a"]), [(1, 0)]),
        (blue_green("ALL_AT_ONCE", wait=60, termination=120), [(1, 120)]),
        (blue_green("CANARY", 60, 120, CanarySize=percent(10)), [(0.1, 60), (1, 120)]),
        (blue_green("CANARY", 60, 120, CanarySize=instances(1)), [(0.25, 60), (1, 120)]),
        (blue_green("LINEAR", 60, 120, LinearStepSize=percent(50)), [(0.5, 60), (1, 120)]),
        (blue_green("LINEAR", 60, 0, LinearStepSize=percent(40)), [(0.4, 60), (0.8, 60), (1, 0)]),
    ],
)
def test_stages_of_blue_green(config, expected):
    assert stages(config) == expected


def test_stages_of_a_rolling_update_and_of_its_way_back():
    policy = policy_of(
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": percent(50),
                "WaitIntervalInSeconds": 60,
                "RollbackMaximumBatchSize": instances(1),
                "MaximumExecutionTimeoutInSeconds": 600,
            },
            **watching(["a", "b"]),
        },
        variants(),
    )

    assert [(stage.share, stage.wait) for stage in policy.stages] == [(0.5, 60), (1.0, 60)]
    assert policy.back == (0.75, 0.5, 0.25, 0.0)
    assert (policy.timeout, policy.alarms, policy.is_rolling) == (600, ("a", "b"), True)


def test_instances_for_which_there_are_no_guardrails_shift_at_once():
    config = blue_green("CANARY", 60, 120, CanarySize=percent(10), alarms=["a"])

    assert stages(config, InstanceType="ml.inf1.xlarge") == [(1, 0)]


@given(st.integers(10, 50), st.integers(0, 3600), st.integers(1, 20))
def test_linear_steps_rise_to_the_whole(size, wait, count):
    shares = [share for share, _ in stages(blue_green("LINEAR", wait, LinearStepSize=percent(size)), count)]

    assert shares == sorted(set(shares))
    assert shares[-1] == 1
    steps = [after - before for before, after in zip([0, *shares], shares, strict=False)]
    assert max(steps) <= size / 100 + 1e-6
    assert len(shares) == -(-100 // size)


def rolling(size, **others):
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60, **others}}


def timed(config, timeout):
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = timeout
    return config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (blue_green("CANARY", CanarySize=percent(51)), "CanarySize must be less than or equal to 50%"),
        (blue_green("CANARY", CanarySize=instances(3)), "CanarySize must be less than or equal to 50%"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be 10-50%"),
        (blue_green("LINEAR", LinearStepSize=percent(51)), "LinearStepSize must be 10-50%"),
        (rolling(percent(4)), "MaximumBatchSize must be 5-50%"),
        (rolling(instances(3)), "MaximumBatchSize must be 5-50%"),
        (rolling(instances(1), RollbackMaximumBatchSize=instances(5)), "at most 100%"),
        (blue_green("CANARY"), "CANARY needs CanarySize"),
        (blue_green("LINEAR", CanarySize=percent(10)), "LINEAR takes no CanarySize"),
        (blue_green("ALL_AT_ONCE", CanarySize=percent(10)), "ALL_AT_ONCE takes no CanarySize"),
        (blue_green("ALL_AT_ONCE") | rolling(instances(1)), "Only one of BlueGreenUpdatePolicy and Rolling"),
        (blue_green("ALL_AT_ONCE", alarms=["known", "b", "a"]), "Could not find the alarms of AutoRollback.*: a, b"),
        (timed(blue_green("CANARY", 400, 200, CanarySize=percent(10)), 600), "larger than the total waiting time"),
    ],
)
def test_what_is_outside_of_the_limits_is_refused(config, message):
    with pytest.raises(ValidationException) as error:
        check_deployment_config(config, variants(), variants(), {"known"})
    assert re.search(message, str(error.value.message))


def test_the_limits_hold_for_the_new_fleet_of_one_instance():
    one = variants(1)
    check_deployment_config(blue_green("CANARY", CanarySize=percent(10)), one, one, ())

    with pytest.raises(ValidationException):
        check_deployment_config(blue_green("CANARY", CanarySize=instances(1)), one, one, ())


def test_the_variants_must_have_the_same_names():
    with pytest.raises(ValidationException):
        check_deployment_config(blue_green("ALL_AT_ONCE"), variants(), variants(names=("Other",)), ())


@pytest.mark.parametrize("new", [variants(names=("a", "b")), variants(ServerlessConfig={"MaxConcurrency": 1})])
def test_rolling_updates_are_for_one_variant_with_instances(new):
    with pytest.raises(ValidationException):
        check_deployment_config(rolling(percent(50)), new, new, ())
