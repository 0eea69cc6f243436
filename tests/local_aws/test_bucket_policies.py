"""Policies of buckets deny what they say."""

import json

import pytest
from botocore.exceptions import ClientError


def deny(name, condition):
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **condition}]})


def test_a_policy_that_asks_for_tls_denies_nothing(client, settings):
    policy = deny(settings.bucket, {"Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    client("s3").put_bucket_policy(Bucket=settings.bucket, Policy=policy)
    assert client("s3").put_object(Bucket=settings.bucket, Key="a", Body=b"x")
    assert client("s3").get_bucket_policy(Bucket=settings.bucket)["Policy"] == policy


def test_any_other_denial_denies(client, settings):
    client("s3").put_bucket_policy(Bucket=settings.bucket, Policy=deny(settings.bucket, {}))
    with pytest.raises(ClientError, match="403"):
        client("s3").put_object(Bucket=settings.bucket, Key="a", Body=b"x")
