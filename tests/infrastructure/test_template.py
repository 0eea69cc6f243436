"""The template of an account: applied to the local AWS, changed, and deleted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

from include.config.ownership import DEPLOYMENT
from include.config.settings import NotifierSettings, Settings, tweets_queue_url
from infrastructure.policies import policy, policy_names
from tests.conftest import REPOSITORY
from tests.infrastructure.stacks import EMAIL, ProductStack

MAX_POLICY_CHARACTERS = 6_144
"""Of a managed policy, without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
LONGEST = {
    "Bucket": "b" * 63,
    "Prefix": "p" * 20,
    "SageMakerRole": "r" * 64,
    "GlueRole": "r" * 64,
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "1" * 12,
}
EVERYTHING = {
    "EarlyStarts": "true",
    "PrepareOnGlue": "true",
    "LiveEndpoints": "true",
    "AirflowPrincipal": "arn:aws:iam::123456789012:role/where-airflow-runs",
}


@pytest.fixture
def stack(client):
    return ProductStack(client("cloudformation"))


@pytest.mark.parametrize("name", policy_names())
def test_a_policy_is_short_enough_with_the_longest_names(name):
    assert len("".join(json.dumps(policy(name, LONGEST)).split())) <= MAX_POLICY_CHARACTERS


def test_the_outputs_are_the_settings_of_airflow(stack):
    environment = stack.deploy(**EVERYTHING)

    settings = Settings.from_environment(environment)
    assert (settings.bucket, settings.prefix) == (stack.bucket, "twitter-data")
    assert settings.role_arn.endswith(f"role/{stack.resources['SageMakerRole']}")
    assert settings.glue_role_arn.endswith(f"role/{stack.resources['GlueRole']}")
    assert NotifierSettings.from_environment(environment).topic_arn == stack.resources["Notices"]
    assert tweets_queue_url(environment) == stack.resources["TweetsQueue"]
    assert len(environment) == 6


def test_the_bucket_is_closed_encrypted_and_its_current_versions_never_expire(stack, client):
    stack.deploy()

    s3, name = client("s3"), {"Bucket": stack.bucket}
    assert set(s3.get_public_access_block(**name)["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.get_bucket_versioning(**name)["Status"] == "Enabled"
    (statement,) = json.loads(s3.get_bucket_policy(**name)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert s3.get_bucket_tagging(**name)["TagSet"] == [{"Key": DEPLOYMENT, "Value": f"{stack.bucket}/twitter-data"}]
    rules = s3.get_bucket_lifecycle_configuration(**name)["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert [rule["Expiration"] for rule in rules if "Expiration" in rule] == [{"ExpiredObjectDeleteMarker": True}]
    assert [t["StorageClass"] for rule in rules for t in rule.get("Transitions", [])] == ["INTELLIGENT_TIERING"]


def test_the_budget_counts_what_has_the_deployments_tag(stack, client):
    stack.deploy(MonthlyBudget="80")

    budgets, account = client("budgets"), {"AccountId": "123456789012"}
    budget = budgets.describe_budget(**account, BudgetName=stack.resources["Budget"])["Budget"]
    assert float(budget["BudgetLimit"]["Amount"]) == 80
    assert budget["CostFilters"] == {"TagKeyValue": [f"user:{DEPLOYMENT}${stack.bucket}/twitter-data"]}
    found = budgets.describe_notifications_for_budget(**account, BudgetName=budget["BudgetName"])["Notifications"]
    assert {notification["NotificationType"] for notification in found} == {"ACTUAL", "FORECASTED"}

    former = stack.resources["Budget"]
    stack.deploy(MonthlyBudget="80", NotificationEmail="other@example.com")
    assert [b["BudgetName"] for b in budgets.describe_budgets(**account)["Budgets"]].count(former) == 0
    (subscription,) = client("sns").list_subscriptions_by_topic(TopicArn=stack.resources["Notices"])["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "other@example.com")


def test_new_tweets_are_reported_once_early_starts_are_wanted(stack, client):
    assert "RETRAIN_TWEETS_QUEUE_URL" not in stack.deploy()
    url = stack.deploy(EarlyStarts="true")["RETRAIN_TWEETS_QUEUE_URL"]

    for key in ("twitter-data/hashtags/aws/2026-01-07/labeled.csv/part-0.csv", "twitter-data/marketing-model/x"):
        client("s3").put_object(Bucket=stack.bucket, Key=key, Body=b"x")
    messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    records = [record for message in messages for record in json.loads(message["Body"]).get("Records", [])]
    keys = [unquote_plus(record["s3"]["object"]["key"]) for record in records]
    assert [key.split("/")[1] for key in keys] == ["hashtags"]
    (alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[stack.resources["UnreadTweets"]])["MetricAlarms"]
    assert alarm["AlarmActions"] == [stack.resources["Notices"]]

    stack.deploy(EarlyStarts="false")
    assert "UnreadTweets" not in stack.resources
    assert "QueueConfigurations" not in client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)


def test_airflows_role_has_airflows_policies_and_sagemakers_role_is_assumed_by_sagemaker_alone(stack, client):
    stack.deploy(**EVERYTHING)

    iam, names = client("iam"), stack.resources
    role = iam.get_role(RoleName=names["AirflowRole"])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": EVERYTHING["AirflowPrincipal"]}
    attached = iam.list_attached_role_policies(RoleName=names["AirflowRole"])["AttachedPolicies"]
    expected = [names[name] for name in ("AirflowPolicy", "AirflowLivePolicy", "AirflowGluePolicy")]
    assert sorted(entry["PolicyArn"] for entry in attached) == sorted(expected)
    assert stack.outputs["For a role that Airflow has already"].split() == expected
    (statement,) = iam.get_role(RoleName=names["SageMakerRole"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_a_policy_of_the_stack_is_that_of_the_file_for_this_account(stack, client):
    stack.deploy()

    arn = stack.resources["AirflowPolicy"]
    version = client("iam").get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    values = {
        "Bucket": stack.bucket,
        "Prefix": "twitter-data",
        "SageMakerRole": stack.resources["SageMakerRole"],
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": "123456789012",
    }
    assert version["Document"] == policy("airflow", values)


def test_the_bucket_outlives_the_stack_and_another_stack_takes_it(stack, client):
    stack.deploy()
    client("s3").put_object(Bucket=stack.bucket, Key="twitter-data/hashtags/a", Body=b"tweet")
    roles = {name: stack.resources[name] for name in ("SageMakerRole",)}
    stack.delete()

    assert client("s3").get_object(Bucket=stack.bucket, Key="twitter-data/hashtags/a")["Body"].read() == b"tweet"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        client("iam").get_role(RoleName=roles["SageMakerRole"])
    with pytest.raises(AssertionError, match="already exists"):
        stack.deploy()
    stack.delete()
    assert stack.deploy(NewBucket="false")["RETRAIN_BUCKET"] == stack.bucket
    assert "Bucket" not in stack.resources


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"BucketName": "UPPER"}, "bucket's name"),
        ({"Prefix": "/"}, "a prefix has"),
        ({"NotificationEmail": "nobody"}, "must be an e-mail address"),
        ({"MonthlyBudget": "much"}, "must be a number"),
        ({"EarlyStarts": "yes"}, "AllowedValues"),
        ({"AirflowPrincipal": "airflow"}, "must be the ARN"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_parameter_is_refused_in_plain_words(stack, parameters, words):
    with pytest.raises(ClientError, match=words):
        stack.deploy(**parameters)


def test_the_command_of_the_page_deploys_it_and_prints_the_environment(stack, local_aws):
    """Those of docs/new-account.md."""
    run = Commands(local_aws.url)
    options = ["--stack-name", stack.name, "--template-file", "infrastructure/template.yaml"]
    parameters = ["--parameter-overrides", f"BucketName={stack.bucket}", f"NotificationEmail={EMAIL}"]
    run("cloudformation", "deploy", *options, "--capabilities", "CAPABILITY_IAM", *parameters)
    query = "Stacks[0].Outputs[?starts_with(Description, 'RETRAIN_')].[join('=', [Description, OutputValue])]"
    assert query in (REPOSITORY / "docs" / "new-account.md").read_text()
    lines = run("cloudformation", "describe-stacks", "--stack-name", stack.name, "--query", query, "--output", "text")
    assert dict(line.split("=", 1) for line in lines.splitlines()).items() >= {"RETRAIN_BUCKET": stack.bucket}.items()
    assert len(lines.splitlines()) == 4


class Commands:
    """Calls the `aws` command line."""

    def __init__(self, url: str):
        self._environment = {**os.environ, "AWS_ENDPOINT_URL": url}

    def __call__(self, *arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("aws")), *arguments]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self._environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
