"""What each type of a stack's resources becomes in its service, when it is made, changed and deleted."""

import json
from functools import cache

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.aws_errors import UnsupportedOperation
from local_aws.cloudformation.resource_types import TYPES, AlreadyThere, Services, check_supported
from tests.users import SAGEMAKER_TRUST

ACCOUNT = "123456789012"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


@pytest.fixture
def services(client):
    return Services("us-east-1", client)


@pytest.fixture
def name(settings):
    return f"typed-{settings.bucket}"


def put(services, kind, name, new, old=None):
    return TYPES[f"AWS::{kind}"].put(services, name, new, old)


def delete(services, kind, made, properties):
    TYPES[f"AWS::{kind}"].delete(services, made, properties)


def test_a_buckets_settings_become_those_of_s3(services, client, name):
    rule = {"Id": "r", "Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": "7"}
    rule |= {"Transitions": [{"TransitionInDays": 3, "StorageClass": "GLACIER"}]}
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "LifecycleConfiguration": {"Rules": [rule]},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": "true", "BlockPublicPolicy": False},
        "Tags": [{"Key": "team", "Value": 7}],
    }

    made = put(services, "S3::Bucket", name, properties)

    assert (made.ref, made.attributes["Arn"]) == (name, f"arn:aws:s3:::{name}")
    (found,) = client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (found["ID"], found["Filter"], found["Expiration"]) == ("r", {"Prefix": "tmp/"}, {"Days": 7})
    assert found["Transitions"] == [{"Days": 3, "StorageClass": "GLACIER"}]
    assert client("s3").get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    block = client("s3").get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert (block["BlockPublicAcls"], block["BlockPublicPolicy"]) == (True, False)
    assert client("s3").get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "team", "Value": "7"}]
    with pytest.raises(ValueError, match="cannot take Tags away from a bucket"):
        put(services, "S3::Bucket", name, {key: properties[key] for key in properties if key != "Tags"}, properties)


def test_a_buckets_notifications_can_be_taken_away(services, client, name):
    queue = put(services, "SQS::Queue", name, {})
    rules = [{"Name": "suffix", "Value": ".html"}]
    entry = {"Queue": queue.attributes["Arn"], "Event": "s3:ObjectCreated:*", "Filter": {"S3Key": {"Rules": rules}}}
    properties = {"NotificationConfiguration": {"QueueConfigurations": [entry]}}

    put(services, "S3::Bucket", name, properties)

    (found,) = client("s3").get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
    assert (found["QueueArn"], found["Events"]) == (queue.attributes["Arn"], ["s3:ObjectCreated:*"])
    assert [one["Value"] for one in found["Filter"]["Key"]["FilterRules"]] == [".html"]
    put(services, "S3::Bucket", name, {}, properties)
    assert "QueueConfigurations" not in client("s3").get_bucket_notification_configuration(Bucket=name)


def test_a_bucket_of_somebody_else_is_not_taken_over_and_one_elsewhere_is_in_its_region(services, client, name):
    put(services, "S3::Bucket", name, {})
    with pytest.raises(AlreadyThere, match=f"{name} already exists"):
        put(services, "S3::Bucket", name, {})

    there = Services("eu-west-1", cache(lambda service: boto3.client(service, region_name="eu-west-1")))
    put(there, "S3::Bucket", f"{name}-eu", {})

    assert client("s3").get_bucket_location(Bucket=f"{name}-eu")["LocationConstraint"] == "eu-west-1"


def test_a_changed_role_keeps_only_the_policies_that_it_still_has(services, client, name):
    first, second = (
        put(services, "IAM::ManagedPolicy", f"{name}-{number}", {"PolicyDocument": ALLOW}).ref for number in (1, 2)
    )
    old = {"AssumeRolePolicyDocument": SAGEMAKER_TRUST, "ManagedPolicyArns": [first]}
    trust = json.loads(json.dumps(SAGEMAKER_TRUST).replace("sagemaker", "glue"))
    new = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [second]}
    made = put(services, "IAM::Role", name, old)

    assert put(services, "IAM::Role", name, new, old) == made

    attached = client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [second]
    assert client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == trust
    delete(services, "IAM::Role", made, new)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        client("iam").get_role(RoleName=name)


def test_a_policy_can_be_changed_more_often_than_iam_keeps_versions(services, client, name):
    old = {"PolicyDocument": ALLOW}
    made = put(services, "IAM::ManagedPolicy", name, old)
    for number in range(7):
        (statement,) = ALLOW["Statement"]
        new = {"PolicyDocument": ALLOW | {"Statement": [statement | {"Resource": f"arn:aws:s3:::{number}"}]}}
        put(services, "IAM::ManagedPolicy", name, new, old)
        old = new

    version = client("iam").get_policy(PolicyArn=made.ref)["Policy"]["DefaultVersionId"]
    found = client("iam").get_policy_version(PolicyArn=made.ref, VersionId=version)["PolicyVersion"]["Document"]
    assert found == new["PolicyDocument"]
    delete(services, "IAM::ManagedPolicy", made, new)


def test_a_topic_is_told_to_those_whom_its_last_version_names(services, client, name):
    def mail(who):
        return {"Protocol": "email", "Endpoint": f"{who}@example.com"}

    old, new = ({"DisplayName": "d", "Subscription": [mail("a"), mail(who)]} for who in ("b", "c"))
    made = put(services, "SNS::Topic", name, old)
    put(services, "SNS::Topic", name, new, old)

    found = client("sns").list_subscriptions_by_topic(TopicArn=made.ref)["Subscriptions"]
    assert sorted(one["Endpoint"] for one in found) == ["a@example.com", "c@example.com"]


def test_a_queues_numbers_and_truths_are_texts_for_sqs_and_its_policy_can_be_taken_away(services, client, name):
    made = put(services, "SQS::Queue", name, {"VisibilityTimeout": 40, "SqsManagedSseEnabled": False})
    policy = {"Queues": [made.ref], "PolicyDocument": ALLOW}

    def attributes():
        return client("sqs").get_queue_attributes(QueueUrl=made.ref, AttributeNames=["All"])["Attributes"]

    of_policy = put(services, "SQS::QueuePolicy", f"{name}-policy", policy)
    assert (attributes()["VisibilityTimeout"], attributes()["SqsManagedSseEnabled"]) == ("40", "false")
    assert json.loads(attributes()["Policy"]) == ALLOW
    delete(services, "SQS::QueuePolicy", of_policy, policy)
    assert not attributes().get("Policy")


def test_texts_of_a_template_become_what_an_alarms_members_are(services, client, name):
    properties = {"Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": "60", "Threshold": "1.5"}
    properties |= {"EvaluationPeriods": "2", "ComparisonOperator": "LessThanThreshold", "ActionsEnabled": "false"}

    made = put(services, "CloudWatch::Alarm", name, properties)

    (alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert (alarm["Period"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (60, 1.5, 2)
    assert (alarm["ActionsEnabled"], alarm["AlarmArn"]) == (False, made.attributes["Arn"])
    delete(services, "CloudWatch::Alarm", made, properties)
    assert client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_a_budget_has_the_stacks_name_and_can_be_changed(services, client, name):
    def budget(amount, **more):
        limit = {"Amount": amount, "Unit": "USD"}
        return {"Budget": {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit, **more}}

    put(services, "Budgets::Budget", name, budget(5))
    put(services, "Budgets::Budget", name, budget(7), budget(5))

    found = client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
    assert float(found["BudgetLimit"]["Amount"]) == 7
    with pytest.raises(ValueError, match="does not support BudgetName"):
        put(services, "Budgets::Budget", name, budget(9, BudgetName="mine"))


def test_a_changed_description_and_changed_tags_of_a_role_are_carried_out(services, client, name):
    old, new = (
        {
            "AssumeRolePolicyDocument": SAGEMAKER_TRUST,
            "Description": text,
            "Tags": [{"Key": "both", "Value": text}, {"Key": text, "Value": "x"}],
        }
        for text in ("old", "new")
    )
    put(services, "IAM::Role", name, old)

    put(services, "IAM::Role", name, new, old)

    found = client("iam").get_role(RoleName=name)["Role"]
    assert found["Description"] == "new"
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"both": "new", "new": "x"}


def test_a_queue_without_an_attribute_that_it_had_has_sqss_default(services, client, name):
    old = {"VisibilityTimeout": 40}
    made = put(services, "SQS::Queue", name, old)

    put(services, "SQS::Queue", name, {}, old)

    attributes = client("sqs").get_queue_attributes(QueueUrl=made.ref, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "30"


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("AWS::EC2::Instance", {}, "AWS::EC2::Instance in templates"),
        ("AWS::SQS::Queue", {"FifoQueue": True, "DelaySeconds": 1}, "DelaySeconds, FifoQueue of AWS::SQS::Queue"),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name(kind, properties, words):
    with pytest.raises(UnsupportedOperation, match=words):
        check_supported(kind, properties)
    check_supported("AWS::SQS::Queue", {"QueueName": "q", "VisibilityTimeout": 1})
