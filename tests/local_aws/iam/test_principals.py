"""Whose a call is, and which policies come with it: nobody else's, and none that is not in force."""

import json
from urllib.parse import urlencode

import pytest

from local_aws.calls import Call
from local_aws.iam.principals import Principal, principal_of, principal_of_role
from tests.users import SAGEMAKER_TRUST

ACCOUNT = "123456789012"
SERVICE = "sagemaker.amazonaws.com"


def may(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def signed_by(key, **environment):
    return principal_of(Call("s3", "ListBuckets", key, "us-east-1", ""), environment)


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def name(settings):
    return f"principal-of-{settings.bucket}"


@pytest.fixture
def managed(iam, name):
    """A managed policy whose first version is no longer the default."""
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(may("s3:Old")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(may("s3:Managed")), SetAsDefault=True)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(may("s3:Draft")), SetAsDefault=False)
    return arn


@pytest.fixture
def role(iam, name, managed):
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(SAGEMAKER_TRUST))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(may("s3:Inline")))
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    return made["Arn"]


def test_a_user_has_the_policies_of_its_own_and_of_its_groups(iam, name, managed):
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=json.dumps(may("s3:Inline")))
    iam.attach_user_policy(UserName=name, PolicyArn=managed)
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="inline", PolicyDocument=json.dumps(may("s3:OfGroup")))
    iam.add_user_to_group(GroupName=name, UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

    user = signed_by(key)

    assert user.arn == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert user.documents == [may("s3:Inline"), may("s3:Managed"), may("s3:OfGroup")]


@pytest.mark.parametrize("key", ["test", "anonymous", "AKIA", "AKIAabcdefghijklmnop", "XAKIA0123456789ABCDEF"])
def test_a_key_that_iam_never_gave_out_is_the_owners(local_aws, key):
    assert signed_by(key) is None


@pytest.mark.parametrize("key", ["AKIA0123456789ABCDEF", "ASIA0123456789ABCDEF"])
def test_a_key_in_the_form_of_iams_that_it_does_not_know_has_no_rights(local_aws, key):
    assert signed_by(key) == Principal(f"arn:aws:iam::{ACCOUNT}:key/{key}", [])


def test_a_session_has_its_roles_policies_only_with_its_token(client, name, role):
    key = client("sts").assume_role(RoleArn=role, RoleSessionName="run")["Credentials"]
    session = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run", [may("s3:Inline"), may("s3:Managed")])

    token = key["SessionToken"]
    assert signed_by(key["AccessKeyId"], HTTP_X_AMZ_SECURITY_TOKEN=token) == session
    presigned = urlencode({"X-Amz-Security-Token": token})
    assert signed_by(key["AccessKeyId"], QUERY_STRING=presigned) == session
    assert signed_by(key["AccessKeyId"]).documents == []
    assert signed_by(key["AccessKeyId"], HTTP_X_AMZ_SECURITY_TOKEN="another").documents == []


def test_a_session_of_a_role_that_iam_does_not_know_is_the_owners(client, name):
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}-unknown"
    key = client("sts").assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]

    assert signed_by(key["AccessKeyId"], HTTP_X_AMZ_SECURITY_TOKEN=key["SessionToken"]) is None


def test_a_service_has_the_policies_of_a_role_that_trusts_it(role, name):
    assert principal_of_role(role, SERVICE, "us-east-1") == Principal(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/sagemaker", [may("s3:Inline"), may("s3:Managed")]
    )
    assert principal_of_role(role, "glue.amazonaws.com", "us-east-1").documents == []
    assert principal_of_role(f"{role}-unknown", SERVICE, "us-east-1") is None


@pytest.mark.parametrize(
    "change",
    [{"Effect": "Deny"}, {"Principal": {"Service": "another.sagemaker.amazonaws.com"}}],
    ids=["deny", "longer"],
)
def test_a_service_that_a_trust_policy_names_only_to_refuse_it_or_in_another_name_is_not_trusted(
    iam, role, name, change
):
    (statement,) = SAGEMAKER_TRUST["Statement"]
    trust = SAGEMAKER_TRUST | {"Statement": [statement | change]}

    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    assert principal_of_role(role, SERVICE, "us-east-1").documents == []
