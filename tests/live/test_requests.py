import re

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from include.aws.registry import Version
from include.config.company import NO_RULES, CompanyRules
from include.config.names import live_endpoint_name, start_of_live_names
from include.config.ownership import live_tags
from include.live.requests import (
    LiveSettings,
    alarm_names,
    alarm_requests,
    deployment_config,
    failed_smoke_tests,
    serving_requests,
)

SETTINGS = LiveSettings("ml.m5.large", 2, 10, 10.0, 0.01, 1000.0)
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
hashtags = st.from_regex(r"[a-z0-9_]{1,50}", fullmatch=True)


def version(number=7, artifact="s3://b/model.tar.gz"):
    return Version("arn", number, "Approved", artifact, {"date": "2026-01-07"}, image="image")


def requests(hashtag="aws", of=None, settings=SETTINGS, rules=NO_RULES):
    return serving_requests(hashtag, of or version(), settings, ROLE, live_tags(hashtag, "b/p"), rules)


@pytest.fixture(scope="module")
def check():
    """Against AWS's own models: types, required members, lengths and bounds that botocore knows."""
    models = {name: botocore.session.get_session().get_service_model(name) for name in ("sagemaker", "cloudwatch")}

    def check(service, operation, request):
        shape = models[service].operation_model(operation).input_shape
        assert ParamValidator().validate(request, shape).generate_report() == ""

    return check


@given(hashtags, st.integers(1, 10**9))
def test_every_hashtag_and_version_has_names_that_sagemaker_takes(hashtag, number):
    made = requests(hashtag, version(number))

    names = {request[f"{kind}Name"] for kind, request in made.items()}
    assert names == {live_endpoint_name(hashtag), made["Model"]["ModelName"]}
    for name in names:
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert made["Model"]["ModelName"].startswith(start_of_live_names(hashtag))


@given(hashtags, hashtags)
def test_two_hashtags_have_two_live_endpoints(one, other):
    assert (live_endpoint_name(one) == live_endpoint_name(other)) == (one == other)


@pytest.mark.parametrize(
    "other",
    [
        requests(of=version(8)),
        requests(of=version(artifact="s3://b/other.tar.gz")),
        requests(settings=LiveSettings("ml.m5.xlarge", 2, 10, 10.0, 0.01, 1000.0)),
        requests(settings=LiveSettings("ml.m5.large", 3, 10, 10.0, 0.01, 1000.0)),
    ],
    ids=["version", "artifact", "instance type", "instances"],
)
def test_what_differs_in_its_content_has_another_name(other):
    assert other["EndpointConfig"]["EndpointConfigName"] != requests()["EndpointConfig"]["EndpointConfigName"]


def test_a_change_of_the_guards_alone_does_not_deploy_again():
    guarded = LiveSettings("ml.m5.large", 2, 50, 60.0, 0.5, 1.0)

    assert requests(settings=guarded) == requests()


@pytest.mark.parametrize(("minutes", "seconds"), [(0.0, 3600), (10.0, 4800), (60.0, 10_800)])
def test_the_requests_are_what_aws_takes(check, minutes, seconds):
    settings = LiveSettings("ml.m5.large", 2, 50, minutes, 0.01, 1000.0)
    made, config = requests(settings=settings), deployment_config(settings, alarm_names("retrain-aws-live"))
    name = made["Endpoint"]["EndpointName"]

    for kind, request in made.items():
        check("sagemaker", f"Create{kind}", request)
    update = {"EndpointName": name, "EndpointConfigName": made["EndpointConfig"]["EndpointConfigName"]}
    check("sagemaker", "UpdateEndpoint", {**update, "DeploymentConfig": config})
    for request in alarm_requests(name, update["EndpointConfigName"], 0.01, 1000, live_tags("aws", "b/p")):
        check("cloudwatch", "PutMetricAlarm", request)
    check("cloudwatch", "PutMetricData", failed_smoke_tests(name, 3))
    assert config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] == seconds


def test_an_update_that_no_alarm_can_guard_has_no_empty_list_of_them():
    assert "AutoRollbackConfiguration" not in deployment_config(SETTINGS, [])


def test_a_version_that_somebody_else_has_registered_has_no_date():
    foreign = Version("arn", 3, "Approved", "s3://b/model.tar.gz", {}, image="image")
    made = requests(of=foreign)

    assert {tag["Key"] for tag in made["EndpointConfig"]["Tags"]} == {*live_tags("aws", "b/p"), "retrain:version"}


def test_another_network_or_key_is_another_configuration_and_another_tag_is_not():
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    rules = [
        CompanyRules(),
        CompanyRules(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        CompanyRules(network_isolation=True),
        CompanyRules(kms_keys={"endpoint": key}),
    ]
    others = [
        CompanyRules(tags={"a": "b"}),
        CompanyRules(kms_keys={"s3": key}),
        CompanyRules(instance_types=["ml.m5.large"]),
    ]

    names = [requests(rules=one)["EndpointConfig"]["EndpointConfigName"] for one in rules]

    assert len(set(names)) == len(rules)
    assert {requests(rules=one)["EndpointConfig"]["EndpointConfigName"] for one in others} == {names[0]}
    assert requests(rules=rules[3])["EndpointConfig"]["KmsKeyId"] == key
    assert all({"Key": "a", "Value": "b"} in request["Tags"] for request in requests(rules=others[0]).values())
