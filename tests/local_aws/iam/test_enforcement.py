"""Whom the local AWS refuses what, in AWS's words, with clients as people use them."""

import json
from contextlib import contextmanager

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from tests.users import SAGEMAKER_TRUST

ACCOUNT = "123456789012"


@pytest.fixture
def allow(client, settings):
    """Makes a user who may do something; returns a function that makes clients for the user."""

    def make(*statements):
        name = f"user-{settings.bucket}"
        client("iam").create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        client("iam").put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        key = client("iam").create_access_key(UserName=name)["AccessKey"]
        return lambda service: boto3.client(
            service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )

    return make


def may(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


@contextmanager
def refused(code, words):
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, 403)
    assert words in error["Error"]["Message"]


def test_what_no_policy_allows_is_refused_in_awss_words(allow, settings):
    user = allow(may("sagemaker:ListModels"))
    arn = f"arn:aws:iam::{ACCOUNT}:user/user-{settings.bucket}"

    assert user("sagemaker").list_models(NameContains="nothing")["Models"] == []
    with refused(
        "AccessDeniedException",
        f"User: {arn} is not authorized to perform: sagemaker:DescribeModel on resource: "
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m because no identity-based policy allows the "
        "sagemaker:DescribeModel action",
    ):
        user("sagemaker").describe_model(ModelName="m")
    with refused("AccessDenied", f'to perform: s3:PutObject on resource: "arn:aws:s3:::{settings.bucket}/k" because'):
        user("s3").put_object(Bucket=settings.bucket, Key="k", Body=b"")
    with refused(
        "AccessDenied", f"cloudwatch:DeleteAlarms on resource: arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:a"
    ):
        user("cloudwatch").delete_alarms(AlarmNames=["a"])
    with refused("AccessDeniedException", "sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:us-east-1"):
        user("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"{}")


def test_a_url_that_somebody_has_signed_has_the_signers_rights(allow, client, settings):
    client("s3").put_object(Bucket=settings.bucket, Key="k", Body=b"1")
    user = allow(may("s3:GetObject", resource=f"arn:aws:s3:::{settings.bucket}/other"))

    url = user("s3").generate_presigned_url("get_object", Params={"Bucket": settings.bucket, "Key": "k"})

    assert requests.get(url, timeout=5).status_code == 403


def test_a_key_that_was_deleted_may_do_nothing(allow, client, settings):
    user = allow(may("sagemaker:ListModels"))("sagemaker")
    name = f"user-{settings.bucket}"
    (key,) = client("iam").list_access_keys(UserName=name)["AccessKeyMetadata"]
    client("iam").delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])

    with refused("AccessDeniedException", "sagemaker:ListModels"):
        user.list_models()


def test_a_property_of_a_version_is_no_approval(allow, settings):
    approves = {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}}
    user = allow(may("sagemaker:UpdateModelPackage", Condition=approves))
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/g/1"

    with refused("AccessDeniedException", "sagemaker:UpdateModelPackage"):
        user("sagemaker").update_model_package(
            ModelPackageArn=arn, CustomerMetadataProperties={"ModelApprovalStatus": "Approved"}
        )


def test_who_may_not_list_a_bucket_does_not_learn_that_an_object_is_missing(allow, client, settings):
    client("s3").put_object(Bucket=settings.bucket, Key="k", Body=b"1")
    user = allow(may("s3:GetObject", resource=f"arn:aws:s3:::{settings.bucket}/*"))

    assert user("s3").get_object(Bucket=settings.bucket, Key="k")["Body"].read() == b"1"
    with refused("AccessDenied", "s3:ListBucket"):
        user("s3").get_object(Bucket=settings.bucket, Key="missing")
    with refused("403", "Forbidden"):
        user("s3").head_object(Bucket=settings.bucket, Key="missing")


def test_a_copy_needs_its_source_too(allow, client, settings):
    client("s3").put_object(Bucket=settings.bucket, Key="a/k", Body=b"1")
    user = allow(may("s3:PutObject", resource=f"arn:aws:s3:::{settings.bucket}/*"))

    with refused("AccessDenied", f's3:GetObject on resource: "arn:aws:s3:::{settings.bucket}/a/k"'):
        user("s3").copy_object(Bucket=settings.bucket, Key="b", CopySource=f"{settings.bucket}/a/k")


def test_to_create_with_tags_and_a_role_takes_the_rights_to_tag_and_to_pass(allow, client, settings):
    request = {
        "ModelName": f"model-{settings.bucket}",
        "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
        "PrimaryContainer": {"Image": "x"},
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    statements = [may("sagemaker:CreateModel", Condition={"StringEquals": {"aws:RequestTag/team": "a"}})]
    for action in ("sagemaker:AddTags", "iam:PassRole"):
        with refused("AccessDeniedException", f"to perform: {action} on resource"):
            allow(*statements)("sagemaker").create_model(**request)
        client("iam").delete_user_policy(UserName=f"user-{settings.bucket}", PolicyName="p")
        for key in client("iam").list_access_keys(UserName=f"user-{settings.bucket}")["AccessKeyMetadata"]:
            client("iam").delete_access_key(UserName=f"user-{settings.bucket}", AccessKeyId=key["AccessKeyId"])
        client("iam").delete_user(UserName=f"user-{settings.bucket}")
        statements.append(may(action))
    user = allow(*statements, may("sagemaker:DeleteModel", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}}))

    with refused("AccessDeniedException", "sagemaker:CreateModel"):
        user("sagemaker").create_model(**{**request, "Tags": [{"Key": "team", "Value": "b"}]})
    user("sagemaker").create_model(**request)
    user("sagemaker").delete_model(ModelName=request["ModelName"])


def test_a_session_has_the_rights_of_its_role(client, settings):
    name = f"session-{settings.bucket}"
    iam = client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(SAGEMAKER_TRUST))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [may("sagemaker:ListModels")]}
    managed = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    key = client("sts").assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])

    assert session.client("sagemaker").list_models(NameContains="nothing")["Models"] == []
    with refused("AccessDeniedException", f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run is not authorized"):
        session.client("sagemaker").list_endpoints()


def test_a_role_that_may_not_read_the_channels_trains_nothing(client, settings, sagemaker):
    role = client("iam").create_role(
        RoleName=f"blind-{settings.bucket}", AssumeRolePolicyDocument=json.dumps(SAGEMAKER_TRUST)
    )
    client("s3").put_object(Bucket=settings.bucket, Key="train/train.txt", Body=b"__label__a hello\n")
    channel = {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{settings.bucket}/train/"}},
    }

    with pytest.raises(ClientError, match=r"No S3 objects found under S3 URL .*the role has access to them"):
        sagemaker.create_training_job(
            TrainingJobName=f"blind-{settings.bucket}",
            AlgorithmSpecification={"TrainingImage": "x/blazingtext:1", "TrainingInputMode": "File"},
            RoleArn=role["Role"]["Arn"],
            InputDataConfig=[channel],
            OutputDataConfig={"S3OutputPath": f"s3://{settings.bucket}/models"},
            ResourceConfig={"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
            HyperParameters={"mode": "supervised"},
        )
