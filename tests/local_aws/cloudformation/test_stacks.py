"""Stacks, through CloudFormation's API: what they make is in the services, and what they cannot make is refused."""

import itertools
import json

import pytest
import requests
import yaml
from botocore.exceptions import ClientError

from tests.local_aws.server_process import ServerProcess

_numbers = itertools.count(1)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

AES = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


@pytest.fixture
def cloudformation(client):
    return client("cloudformation")


@pytest.fixture
def name():
    return f"stack-{next(_numbers)}"


def template(**resources):
    return json.dumps({"Resources": resources})


def queue(name, **properties):
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, **properties}}


def bucket(name, **properties):
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **properties}}


def status_of(cloudformation, name):
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return stack["StackStatus"], stack.get("StackStatusReason", "")


def policy(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def test_a_stack_makes_a_role_with_its_policy_and_changes_and_deletes_both(cloudformation, client, name):
    def body(action):
        return template(
            Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
            Policy={
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": policy(action), "Roles": [{"Ref": "Role"}]},
            },
        )

    iam = client("iam")
    cloudformation.create_stack(StackName=name, TemplateBody=body("s3:GetObject"), Capabilities=["CAPABILITY_IAM"])
    made = {
        r["LogicalResourceId"]: r for r in cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    }
    role, arn = made["Role"]["PhysicalResourceId"], made["Policy"]["PhysicalResourceId"]
    (attached,) = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached["PolicyArn"] == arn

    cloudformation.update_stack(StackName=name, TemplateBody=body("s3:PutObject"), Capabilities=["CAPABILITY_IAM"])
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document == policy("s3:PutObject")

    cloudformation.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=role)
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName=name)


def test_functions_and_conditions_are_carried_out(cloudformation, client, name):
    body = yaml.safe_dump(
        {
            "Parameters": {"Name": {"Type": "String"}, "Kept": {"Type": "String", "Default": "no"}},
            "Conditions": {"Keeps": {"Fn::Equals": [{"Ref": "Kept"}, "yes"]}},
            "Resources": {
                "Second": queue({"Fn::Sub": "${First.QueueName}-${AWS::StackName}"}),
                "First": queue(
                    {"Ref": "Name"}, MessageRetentionPeriod={"Fn::If": ["Keeps", 600, {"Ref": "AWS::NoValue"}]}
                ),
                "Third": {**queue("never"), "Condition": "Keeps"},
            },
            "Outputs": {"Joined": {"Value": {"Fn::Join": ["-", ["a", {"Fn::GetAtt": ["Second", "QueueName"]}]]}}},
        }
    )
    cloudformation.create_stack(
        StackName=name, TemplateBody=body, Parameters=[{"ParameterKey": "Name", "ParameterValue": f"first-{name}"}]
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["Outputs"] == [{"OutputKey": "Joined", "OutputValue": f"a-first-{name}-{name}"}]
    names = [
        r["LogicalResourceId"] for r in cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    ]
    assert names == ["First", "Second"]


def test_the_short_forms_of_yaml_are_functions(cloudformation, name):
    body = f"""
    Resources:
      First: {{Type: AWS::SQS::Queue, Properties: {{QueueName: first-{name}}}}}
    Outputs:
      Arn: {{Value: !GetAtt First.Arn}}
      Region: {{Value: !Sub "${{AWS::Region}} ${{!literal}}"}}
      Date: {{Value: 2026-01-07}}
    """
    cloudformation.create_stack(StackName=name, TemplateBody=body)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert [output["OutputValue"] for output in stack["Outputs"]] == [
        f"arn:aws:sqs:us-east-1:123456789012:first-{name}",
        "us-east-1 ${literal}",
        "2026-01-07",
    ]


def test_what_cannot_be_made_is_rolled_back_with_all_that_was_made_before(cloudformation, client, name):
    client("s3").create_bucket(Bucket=f"{name}-taken")
    body = template(Bucket={**bucket(f"{name}-taken"), "DependsOn": "Queue"}, Queue=queue(f"first-{name}"))

    cloudformation.create_stack(StackName=name, TemplateBody=body)

    assert status_of(cloudformation, name) == ("ROLLBACK_COMPLETE", f"{name}-taken already exists")
    assert client("sqs").list_queues(QueueNamePrefix=f"first-{name}").get("QueueUrls", []) == []
    assert client("s3").head_bucket(Bucket=f"{name}-taken")


def test_an_update_that_fails_goes_back_to_what_was_there(cloudformation, client, name):
    cloudformation.create_stack(
        StackName=name, TemplateBody=template(Queue=queue(f"first-{name}", VisibilityTimeout=40))
    )

    cloudformation.update_stack(
        StackName=name,
        TemplateBody=template(
            Queue=queue(f"first-{name}", VisibilityTimeout=50),
            New={**bucket(f"{name}-new"), "DeletionPolicy": "RetainExceptOnCreate"},
            Bad={**bucket("UPPER CASE"), "DependsOn": ["Queue", "New"]},
        ),
    )

    assert status_of(cloudformation, name)[0] == "UPDATE_ROLLBACK_COMPLETE"
    url = client("sqs").get_queue_url(QueueName=f"first-{name}")["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": "40"}
    with pytest.raises(ClientError, match="404"):
        client("s3").head_bucket(Bucket=f"{name}-new")


def test_what_cannot_change_is_replaced_and_needs_another_name(cloudformation, client, name):
    def policy_with(description, **names):
        properties = {"PolicyDocument": policy("s3:GetObject"), "Description": description, **names}
        return template(Policy={"Type": "AWS::IAM::ManagedPolicy", "Properties": properties})

    def update(body):
        cloudformation.update_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
        (resource,) = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return resource["PhysicalResourceId"]

    cloudformation.create_stack(StackName=name, TemplateBody=policy_with("a"), Capabilities=["CAPABILITY_IAM"])
    first, second = update(policy_with("b")), update(policy_with("c"))
    assert first != second
    with pytest.raises(ClientError, match="NoSuchEntity"):
        client("iam").get_policy(PolicyArn=first)

    named = update(policy_with("c", ManagedPolicyName=f"named-{name}"))
    assert named.endswith(f"policy/named-{name}")
    assert update(policy_with("d", ManagedPolicyName=f"named-{name}")) == named
    assert "custom-named resource requires replacing" in status_of(cloudformation, name)[1]


@pytest.mark.parametrize("policies", [{"DeletionPolicy": "Retain"}, {"DeletionPolicy": "RetainExceptOnCreate"}])
def test_a_bucket_to_be_retained_outlives_its_stack(cloudformation, client, name, policies):
    cloudformation.create_stack(StackName=name, TemplateBody=template(Bucket={**bucket(f"{name}-kept"), **policies}))
    cloudformation.delete_stack(StackName=name)
    assert client("s3").head_bucket(Bucket=f"{name}-kept")


def test_a_change_set_says_what_it_will_do_and_one_without_changes_fails(cloudformation, name):
    def change_set(body, kind):
        made = cloudformation.create_change_set(
            StackName=name, ChangeSetName=f"to-{next(_numbers)}", ChangeSetType=kind, TemplateBody=body
        )
        return cloudformation.describe_change_set(ChangeSetName=made["Id"])

    body = template(First=queue(f"first-{name}"), Second=queue(f"second-{name}"))
    created = change_set(body, "CREATE")
    assert status_of_changes(created) == {"First": "Add", "Second": "Add"}
    cloudformation.execute_change_set(ChangeSetName=created["ChangeSetId"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    with pytest.raises(ClientError, match="cannot be executed"):
        cloudformation.execute_change_set(ChangeSetName=created["ChangeSetId"])

    same = change_set(body, "UPDATE")
    assert (same["Status"], same["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in same["StatusReason"]
    changed = change_set(template(First=queue(f"first-{name}", VisibilityTimeout=9), Third=queue(name)), "UPDATE")
    assert status_of_changes(changed) == {"First": "Modify", "Third": "Add", "Second": "Remove"}
    assert [change["ResourceChange"].get("Replacement") for change in changed["Changes"]] == ["False", None, None]
    replaced = change_set(template(First=queue(f"other-{name}"), Second=queue(f"second-{name}")), "UPDATE")
    assert [change["ResourceChange"]["Replacement"] for change in replaced["Changes"]] == ["True"]


def status_of_changes(change_set):
    changes = (change["ResourceChange"] for change in change_set["Changes"])
    return {change["LogicalResourceId"]: change["Action"] for change in changes}


def test_what_a_stack_made_is_there_after_a_kill(tmp_path, name):
    body = template(
        Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        Queue=queue(f"first-{name}"),
        Bucket=bucket(name, BucketEncryption={"ServerSideEncryptionConfiguration": [AES]}),
    )
    with ServerProcess("--data-dir", str(tmp_path / "data")) as server:
        server.client("cloudformation").create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
        server.client("s3").put_object(Bucket=name, Key="tweet", Body=b"text")
        (role,) = server.client("iam").list_roles()["Roles"]
        server.kill()

    with ServerProcess("--data-dir", str(tmp_path / "data")) as server:
        assert [found["RoleName"] for found in server.client("iam").list_roles()["Roles"]] == [role["RoleName"]]
        assert server.client("sqs").get_queue_url(QueueName=f"first-{name}")
        rules = server.client("s3").get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert server.client("s3").get_object(Bucket=name, Key="tweet")["Body"].read() == b"text"
        assert requests.get(f"{server.url}/_local/health", timeout=5).json() == {"status": "ready"}
        assert status_of(server.client("cloudformation"), name)[0] == "CREATE_COMPLETE"


REFUSED = {
    "a type": (template(X={"Type": "AWS::EC2::Instance"}), "does not support AWS::EC2::Instance"),
    "a property": (
        template(X=bucket("x", WebsiteConfiguration={})),
        "does not support WebsiteConfiguration of AWS::S3",
    ),
    "a function": (template(X=queue({"Fn::GetAZs": ""})), "does not support Fn::GetAZs"),
    "a section": (json.dumps({"Resources": {"X": queue("x")}, "Transform": "x"}), "does not support Transform"),
    "a circle": (template(X=queue({"Ref": "Y"}), Y=queue({"Ref": "X"})), "Circular dependency"),
    "a reference": (template(X=queue({"Ref": "Y"})), "Unresolved resource dependencies"),
    "no resource": ("{}", "At least one Resources member"),
    "no template": ("a: [", "not well-formed"),
    "a tag of Python's": ("Resources: !!python/object/apply:os.system [ls]", "not well-formed"),
    "an unknown parameter": (
        json.dumps({"Resources": {"X": queue({"Ref": "P"})}, "Parameters": {"P": {}}}),
        "must have",
    ),
    "capabilities": (template(X={"Type": "AWS::IAM::Role"}), "Requires capabilities"),
}


@pytest.mark.parametrize(("body", "words"), REFUSED.values(), ids=REFUSED)
def test_what_the_local_aws_does_not_carry_out_is_refused_and_leaves_nothing(cloudformation, once, name, body, words):
    with pytest.raises(ClientError, match=words):
        once("cloudformation").create_stack(StackName=name, TemplateBody=body)
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName=name)


def test_messages_go_to_nobody_so_only_addresses_can_subscribe(client, once):
    arn = client("sns").create_topic(Name="told")["TopicArn"]
    client("sns").subscribe(TopicArn=arn, Protocol="email", Endpoint="team@example.com")
    with pytest.raises(ClientError, match="delivers no messages"):
        once("sns").subscribe(TopicArn=arn, Protocol="http", Endpoint="http://example.com")
