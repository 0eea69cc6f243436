"""The production variants of an endpoint: their weights and capacities, as they are and as they are to be."""

import math
from collections.abc import Collection
from typing import Any

DEFAULT_WEIGHT = 1.0
Variant = dict[str, Any]
"""A variant of an endpoint configuration, with its DeployedImages, and what has been changed of it since."""
Status = dict[str, Any]
"""An entry of VariantStatus."""

PROPERTIES = {"DesiredWeight": "InitialVariantWeight", "DesiredInstanceCount": "InitialInstanceCount"}
"""What UpdateEndpointWeightsAndCapacities changes, with the configuration's member."""


def weight(variant: Variant) -> float:
    """The current weight."""
    known = {"InitialVariantWeight": DEFAULT_WEIGHT, **variant}
    current: float = known.get("CurrentWeight", known["InitialVariantWeight"])
    return current


def instance_count(variant: Variant) -> int:
    """The current number of instances."""
    known = {"InitialInstanceCount": 1, **variant}
    current: int = known.get("CurrentInstanceCount", known["InitialInstanceCount"])
    return current


def instances_of_share(variant: Variant, share: float) -> int:
    """How many instances are a share of a variant's capacity."""
    return max(1, math.ceil(share * instance_count(variant) - 1e-9))


def describe(variant: Variant, status: Status | None = None, instances: int | None = None) -> dict[str, Any]:
    """
    The variant as DescribeEndpoint shows it.

    :param instances: how many there are, if they are not all there
    """
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": variant.get("DeployedImages", []),
        "CurrentInstanceCount": instance_count(variant) if instances is None else instances,
        "DesiredInstanceCount": variant.get("DesiredInstanceCount", instance_count(variant)),
        "CurrentWeight": weight(variant),
        "DesiredWeight": variant.get("DesiredWeight", weight(variant)),
        **({"VariantStatus": [status]} if status else {}),
    }


def describe_pending(variant: Variant, status: Status, instances: int) -> dict[str, Any]:
    """The variant as PendingDeploymentSummary shows it."""
    instance_type = {"InstanceType": variant["InstanceType"]} if "InstanceType" in variant else {}
    return describe(variant, status, instances) | instance_type


def desire(variants: list[Variant], wanted: list[dict[str, Any]]) -> list[Variant]:
    """The variants with the properties that are to be theirs."""
    by_name = {one["VariantName"]: {name: one[name] for name in PROPERTIES if name in one} for one in wanted}
    return [variant | by_name.get(variant["VariantName"], {}) for variant in variants]


def reach(variants: list[Variant]) -> list[Variant]:
    """The variants with the properties that were desired."""
    return [
        variant | {name.replace("Desired", "Current"): variant[name] for name in PROPERTIES if name in variant}
        for variant in variants
    ]


def give_up(variants: list[Variant]) -> list[Variant]:
    """The variants with the properties that they have, and desire no others."""
    return [{name: value for name, value in variant.items() if name not in PROPERTIES} for variant in variants]


def retain(new: list[Variant], old: list[Variant], excluded: Collection[str]) -> list[Variant]:
    """
    The new variants with the old ones' weights and numbers of instances, where they have the same name.

    :param excluded: the properties of the new configuration that are used nevertheless, e.g. ``DesiredWeight``
    """
    values = {"DesiredWeight": weight, "DesiredInstanceCount": instance_count}
    kept = {
        variant["VariantName"]: {
            PROPERTIES[name]: value(variant) for name, value in values.items() if name not in excluded
        }
        for variant in old
    }
    return [variant | kept.get(variant["VariantName"], {}) for variant in new]
