"""
The settings of a live endpoint, and builders of the requests for it, without a client.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green-canary.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from include.aws.company import serving_under, what_serves_under
from include.aws.registry import Version
from include.aws.requests import VARIANT, endpoint_request
from include.config.company import NO_RULES, CompanyRules
from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags
from include.config.names import check_hashtag, live_endpoint_name, live_name
from include.config.ownership import DATE, VERSION, as_tags

NAMESPACE, FAILED_SMOKE_TESTS = "Retrain", "FailedSmokeTests"
"""The metric that the product itself publishes while it updates a live endpoint."""
ALARM_PERIOD_SECONDS = 60
ERRORS, LATENCY, SMOKE_TEST = "-5xx", "-latency", "-smoke-test"
"""Ends of the alarms' names."""
START_SECONDS = 3600
"""The time in which a new fleet starts, at most; an update may take that beside its two baking times."""
MAX_EXECUTION_SECONDS = 28_800
"""SageMaker's limit for an update."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a live endpoint is run: see `include.config.hashtags.HashtagSettings`, whose names begin with live_."""

    instance_type: str
    instances: int
    canary_percent: int
    baking_minutes: float
    max_error_share: float
    max_latency_ms: float

    @property
    def baking_seconds(self) -> int:
        return round(self.baking_minutes * 60)

    @property
    def execution_seconds(self) -> int:
        """How long an update may take until SageMaker rolls it back."""
        return min(MAX_EXECUTION_SECONDS, START_SECONDS + 2 * self.baking_seconds)


def live_settings_of(hashtag: str) -> LiveSettings:
    """
    The settings of a hashtag in the hashtags file.

    :raises ConfigurationError: the file has no such hashtag, or no `live: true` for it
    """
    found = load_hashtags(only=check_hashtag(hashtag))
    if found.errors:
        raise found.errors[0]
    if not found.usable or not found.usable[0].settings.live:
        raise ConfigurationError(f"the hashtags file has no entry {hashtag} with live: true")
    if mistakes := found.usable[0].against(CompanyRules.from_environment()):
        raise mistakes[0]
    return LiveSettings(**found.usable[0].settings.live_endpoint)


def serving_requests(
    hashtag: str,
    version: Version,
    settings: LiveSettings,
    role_arn: str,
    tags: Mapping[str, str],
    rules: CompanyRules = NO_RULES,
) -> dict[str, dict[str, Any]]:
    """
    The requests of CreateModel, CreateEndpointConfig and CreateEndpoint for a version, in the form of
    SageMakerEndpointOperator. What differs in its content has another name.
    """
    content = (version.artifact, version.image, role_arn, settings.instance_type, settings.instances)
    under_rules = {"rules": added} if (added := what_serves_under(rules)) else {}
    name = live_name(hashtag, version.number, {"content": content, **under_rules})
    requests = endpoint_request(
        name=name,
        image=version.image,
        role_arn=role_arn,
        model_uri=version.artifact,
        instance_type=settings.instance_type,
        instances=settings.instances,
    )
    requests = serving_under(rules, requests)
    requests["Endpoint"]["EndpointName"] = live_endpoint_name(hashtag)
    tags = {**tags, **rules.tags}
    of_version = {**tags, VERSION: str(version.number), **({DATE: version.date} if version.date else {})}
    for kind, request in requests.items():
        request["Tags"] = as_tags(tags if kind == "Endpoint" else of_version)
    return requests


def alarm_names(endpoint_name: str) -> list[str]:
    """The names of an endpoint's alarms."""
    return [f"{endpoint_name}{end}" for end in (ERRORS, LATENCY, SMOKE_TEST)]


def alarm_requests(
    endpoint_name: str, config_name: str, max_error_share: float, max_latency_ms: float, tags: Mapping[str, str]
) -> list[dict[str, Any]]:
    """
    The requests of PutMetricAlarm. Missing data are no breach: an endpoint that nobody asks is in order, and if the
    process of a promotion dies, a good model is not rolled back.

    :param config_name: the alarms on errors and latency watch the instances of this endpoint configuration alone
    """
    endpoint = {"Name": "EndpointName", "Value": endpoint_name}
    of_fleet = [
        endpoint,
        {"Name": "VariantName", "Value": VARIANT},
        {"Name": "EndpointConfigName", "Value": config_name},
    ]
    common = {
        "Period": ALARM_PERIOD_SECONDS,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": as_tags(tags),
    }
    return [
        {
            "AlarmName": f"{endpoint_name}{ERRORS}",
            "AlarmDescription": "The share of invocations that fail at the model",
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Dimensions": of_fleet,
            "Statistic": "Average",
            "Threshold": float(max_error_share),
            **common,
        },
        {
            "AlarmName": f"{endpoint_name}{LATENCY}",
            "AlarmDescription": "The model's latency in microseconds, which 99 of 100 invocations do not exceed",
            "Namespace": "AWS/SageMaker",
            "MetricName": "ModelLatency",
            "Dimensions": of_fleet,
            "ExtendedStatistic": "p99",
            "Threshold": float(max_latency_ms * 1000),
            **common,
        },
        {
            "AlarmName": f"{endpoint_name}{SMOKE_TEST}",
            "AlarmDescription": "Smoke tests during an update that had no answer, or one that neither model gives",
            "Namespace": NAMESPACE,
            "MetricName": FAILED_SMOKE_TESTS,
            "Dimensions": [endpoint],
            "Statistic": "Sum",
            "Threshold": 0.0,
            **common,
        },
    ]


def failed_smoke_tests(endpoint_name: str, failed: int) -> dict[str, Any]:
    """The request of PutMetricData."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint_name}]
    datum = {"MetricName": FAILED_SMOKE_TESTS, "Dimensions": dimensions, "Value": float(failed), "Unit": "Count"}
    return {"Namespace": NAMESPACE, "MetricData": [datum]}


def deployment_config(settings: LiveSettings, alarms: Collection[str]) -> dict[str, Any]:
    """
    UpdateEndpoint's DeploymentConfig: a canary, then the rest, and both bake.

    :param alarms: the names of those that roll the update back
    """
    seconds = settings.baking_seconds
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": settings.canary_percent},
                "WaitIntervalInSeconds": seconds,
            },
            "TerminationWaitInSeconds": seconds,
            "MaximumExecutionTimeoutInSeconds": settings.execution_seconds,
        },
        **(rollback if alarms else {}),  # AWS takes no empty list
    }
