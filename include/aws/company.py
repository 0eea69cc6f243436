"""What a company's rules add to requests: pure functions without a client. Without rules they add nothing."""

from collections.abc import Mapping
from typing import Any

from include.config.company import CompanyRules
from include.config.ownership import as_tags

Request = dict[str, Any]


def training_under(rules: CompanyRules, request: Mapping[str, Any]) -> Request:
    """
    CreateTrainingJob's request, from one without rules.

    A fingerprint is made of the request without rules: another key or subnet makes no other model.
    """
    keys, spot = rules.kms_keys, rules.spot_training
    in_time = {"MaxRuntimeInSeconds": 60 * spot.max_runtime_minutes} if spot else {}
    waiting = {"MaxWaitTimeInSeconds": 60 * spot.max_wait_minutes} if spot else {}
    return {
        **request,
        **_network(rules),
        **({"EnableInterContainerTrafficEncryption": True} if rules.encrypt_between_containers else {}),
        **({"EnableManagedSpotTraining": True} if spot else {}),
        "OutputDataConfig": {**request["OutputDataConfig"], **_key("KmsKeyId", keys.output)},
        "ResourceConfig": {**request["ResourceConfig"], **_key("VolumeKmsKeyId", keys.volume)},
        "StoppingCondition": {**request["StoppingCondition"], **in_time, **waiting},
        "Tags": [*request["Tags"], *as_tags(rules.tags)],
    }


def serving_under(rules: CompanyRules, requests: Mapping[str, Request]) -> dict[str, Request]:
    """The requests of a deployment (see `include.aws.requests.endpoint_request`), from those without rules."""
    return {
        **requests,
        "Model": {**requests["Model"], **_network(rules)},
        "EndpointConfig": {**requests["EndpointConfig"], **_key("KmsKeyId", rules.kms_keys.endpoint)},
    }


def what_serves_under(rules: CompanyRules) -> Request:
    """What the rules add to a deployment: if it changes, the deployment is another one."""
    return {**_network(rules), **_key("KmsKeyId", rules.kms_keys.endpoint)}


def _network(rules: CompanyRules) -> Request:
    vpc = {"SecurityGroupIds": list(rules.security_group_ids), "Subnets": list(rules.subnets)}
    return {
        **({"VpcConfig": vpc} if rules.subnets else {}),
        **({"EnableNetworkIsolation": True} if rules.network_isolation else {}),
    }


def _key(member: str, key: str) -> dict[str, str]:
    return {member: key} if key else {}
