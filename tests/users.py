"""Users and roles of IAM with the product's own policies, for one bucket each."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from include.config.settings import Settings
from infrastructure.policies import policy

ACCOUNT = "123456789012"
SAGEMAKER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
FOR_AIRFLOW = ("airflow", "airflow_live", "airflow_glue")


@dataclass(frozen=True)
class User:
    """A user of IAM."""

    name: str
    access_key: str
    secret_key: str

    @contextmanager
    def signs(self) -> Iterator[None]:
        """This user's key signs all calls of clients that are made meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", self.access_key)
            patch.setenv("AWS_SECRET_ACCESS_KEY", self.secret_key)
            yield


def placeholders(settings: Settings) -> dict[str, str]:
    """What the policies leave open."""
    return {
        "Bucket": settings.bucket,
        "Prefix": settings.prefix,
        "SageMakerRole": settings.role_arn.rpartition("/")[2],
        "GlueRole": (settings.glue_role_arn or settings.role_arn).rpartition("/")[2],
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": ACCOUNT,
    }


def permissions_in(name: str) -> list[str]:
    """The actions that a policy allows, sorted."""
    statements = policy(name, defaultdict(lambda: "x"))["Statement"]
    listed = (one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements)
    return sorted({action for actions in listed for action in actions})


def make_user(iam: Any, name: str, settings: Settings, policies: tuple[str, ...]) -> User:
    """A user with some of the product's policies."""
    iam.create_user(UserName=name)
    for policy_name in policies:
        document = json.dumps(policy(policy_name, placeholders(settings)))
        iam.put_user_policy(UserName=name, PolicyName=policy_name, PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return User(name, key["AccessKeyId"], key["SecretAccessKey"])


def allow(iam: Any, user: User, action: str | list[str], resource: str | list[str]) -> None:
    """Let a user do more."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    iam.put_user_policy(UserName=user.name, PolicyName="more", PolicyDocument=json.dumps(document))


def make_sagemaker_role(iam: Any, name: str, settings: Settings) -> str:
    """SageMaker's role with its policy; returns its ARN."""
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(SAGEMAKER_TRUST))["Role"]
    document = json.dumps(policy("sagemaker_role", placeholders(settings)))
    iam.put_role_policy(RoleName=name, PolicyName="retrain", PolicyDocument=document)
    arn: str = role["Arn"]
    return arn


@pytest.fixture
def airflow_user(client: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> User:
    """Airflow's user for this deployment, and a role for SageMaker, which is in the environment."""
    role = make_sagemaker_role(client("iam"), f"sagemaker-{settings.bucket}", settings)
    monkeypatch.setenv("RETRAIN_ROLE_ARN", role)
    return make_user(client("iam"), f"airflow-{settings.bucket}", Settings.from_environment(), FOR_AIRFLOW)
