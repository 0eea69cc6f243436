"""
How an update shifts the traffic to a new fleet: DeploymentConfig, its rules and what they come to.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.variants import Variant, instance_count

TERMINATION, INTERVAL = "TerminationWaitInSeconds", "WaitIntervalInSeconds"
LIMITS = {"CanarySize": (0, 50), "LinearStepSize": (10, 50), "MaximumBatchSize": (5, 50)}
"""The smallest and largest size, in percent of a variant's instances."""
SIZE_OF = {"ALL_AT_ONCE": None, "CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
"""The member that a type of traffic routing needs; it takes no other."""
EXCLUDED_INSTANCES = "ml.inf1."
"""Endpoints on these fall back to all at once, without baking."""


@dataclass(frozen=True)
class Stage:
    """The new fleet gets a share of the traffic, and is watched for some time."""

    share: float
    """Above 0 and at most 1."""
    wait: int = 0
    """AWS's seconds."""
    member: str = TERMINATION
    """Of DeploymentConfig, which says how long."""

    @property
    def capacity(self) -> str:
        """SageMaker's word for it."""
        return "full" if self.share == 1 else "canary"


@dataclass(frozen=True)
class DeploymentPolicy:
    """The stages of an update. Without a DeploymentConfig all traffic shifts at once, and nothing is watched."""

    stages: tuple[Stage, ...] = (Stage(1.0),)
    back: tuple[float, ...] = (0.0,)
    """The new fleet's shares in a rollback."""
    timeout: int | None = None
    """AWS's seconds."""
    alarms: tuple[str, ...] = ()
    is_rolling: bool = False
    """The old fleet's instances end with each stage."""


def policy_of(config: dict[str, Any] | None, variants: list[Variant]) -> DeploymentPolicy:
    """
    What a DeploymentConfig comes to.

    A size in percent is taken as the share of the traffic, whatever the number of instances.

    :param variants: of the new fleet
    """
    if not config or any(variant.get("InstanceType", "").startswith(EXCLUDED_INSTANCES) for variant in variants):
        return DeploymentPolicy()
    alarms = tuple(alarm_names(config))
    if rolling := config.get("RollingUpdatePolicy"):
        wait = rolling[INTERVAL]
        steps = _steps(_share(rolling["MaximumBatchSize"], variants))
        back = _steps(_share(rolling.get("RollbackMaximumBatchSize", WHOLE), variants))
        return DeploymentPolicy(
            tuple(Stage(share, wait, INTERVAL) for share in steps),
            tuple(1 - share for share in back),
            rolling.get("MaximumExecutionTimeoutInSeconds"),
            alarms,
            is_rolling=True,
        )
    policy = config.get("BlueGreenUpdatePolicy", {})
    stages = _blue_green(policy.get("TrafficRoutingConfiguration"), policy.get(TERMINATION, 0), variants)
    return DeploymentPolicy(stages, timeout=policy.get("MaximumExecutionTimeoutInSeconds"), alarms=alarms)


WHOLE = {"Type": "CAPACITY_PERCENT", "Value": 100}


def alarm_names(config: dict[str, Any]) -> list[str]:
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return [alarm["AlarmName"] for alarm in alarms if "AlarmName" in alarm]


def _blue_green(routing: dict[str, Any] | None, termination: int, variants: list[Variant]) -> tuple[Stage, ...]:
    """The stages before the last have WaitIntervalInSeconds each, and the last TerminationWaitInSeconds."""
    last = Stage(1.0, termination, TERMINATION)
    size = SIZE_OF[routing["Type"]] if routing else None
    if routing is None or size is None:
        return (last,)
    share = _share(routing[size], variants)
    shares = _steps(share)[:-1] if size == "LinearStepSize" else [share]
    return (*(Stage(share, routing[INTERVAL], INTERVAL) for share in shares), last)


def _steps(size: float) -> list[float]:
    """The shares after each step of a size, the last of which is the whole."""
    count = round(1 / size) if abs(round(1 / size) * size - 1) < 1e-9 else int(1 / size) + 1
    return [*(step * size for step in range(1, count)), 1.0]


def _share(size: dict[str, Any], variants: list[Variant]) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        share = size["Value"] / 100
    else:
        share = size["Value"] * len(variants) / sum(map(instance_count, variants))
    return min(1.0, float(share))


def check_deployment_config(
    config: dict[str, Any], old: list[Variant], new: list[Variant], alarms: Collection[str]
) -> None:
    """
    :param alarms: the names of those that exist
    :raises ValidationException: the configuration is outside of AWS's documented limits, or does not fit the endpoint
    """
    if {one["VariantName"] for one in old} != {one["VariantName"] for one in new}:
        raise ValidationException(
            "With a DeploymentConfig, the new endpoint configuration must have the same variant names as the old one."
        )
    if missing := sorted(set(alarm_names(config)) - set(alarms)):
        raise ValidationException(f"Could not find the alarms of AutoRollbackConfiguration: {', '.join(missing)}.")
    policies = [name for name in ("BlueGreenUpdatePolicy", "RollingUpdatePolicy") if config.get(name)]
    if len(policies) > 1:
        raise ValidationException("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be used.")
    for name in policies:
        (_check_blue_green if name == "BlueGreenUpdatePolicy" else _check_rolling)(config[name], new)
    _check_timeout(policy_of(config, new))


def _check_blue_green(policy: dict[str, Any], variants: list[Variant]) -> None:
    routing = policy["TrafficRoutingConfiguration"]
    needed = SIZE_OF[routing["Type"]]
    for name in filter(None, SIZE_OF.values()):
        if (name in routing) != (name == needed):
            verb = "needs" if name == needed else "takes no"
            raise ValidationException(f"TrafficRoutingConfiguration of type {routing['Type']} {verb} {name}.")
    if needed:
        _check_size(needed, routing[needed], variants)


def _check_rolling(policy: dict[str, Any], variants: list[Variant]) -> None:
    if len(variants) > 1 or any("ServerlessConfig" in variant for variant in variants):
        raise ValidationException(
            "RollingUpdatePolicy is not for endpoints that are serverless or of several variants."
        )
    _check_size("MaximumBatchSize", policy["MaximumBatchSize"], variants)
    back = policy.get("RollbackMaximumBatchSize", WHOLE)
    if _percent(back, variants[0]) > 100:
        raise ValidationException(
            "RollbackMaximumBatchSize must be at most 100% of the variant's total instance count."
        )


def _check_size(name: str, size: dict[str, Any], variants: list[Variant]) -> None:
    least, most = LIMITS[name]
    for variant in variants:
        if not least <= _percent(size, variant) <= most:
            bounds = f"{least}-{most}%" if least else f"less than or equal to {most}%"
            raise ValidationException(
                f"{name} must be {bounds} of the variant's total instance count; {size['Value']} ({size['Type']}) is "
                f"not, with {instance_count(variant)} instance(s) of {variant['VariantName']}."
            )


def _percent(size: dict[str, Any], variant: Variant) -> float:
    value: int = size["Value"]
    return value if size["Type"] == "CAPACITY_PERCENT" else 100 * value / instance_count(variant)


def _check_timeout(policy: DeploymentPolicy) -> None:
    waiting = sum(stage.wait for stage in policy.stages)
    if policy.timeout is not None and policy.timeout <= waiting:
        raise ValidationException(
            f"MaximumExecutionTimeoutInSeconds ({policy.timeout}) must be larger than the total waiting time "
            f"({waiting})."
        )
