"""A whole run with nothing but what the template has made."""

import json
import os

import pytest

from include.aws.storage import Storage
from include.config.settings import Settings
from tests.dags.runs import tweets
from tests.infrastructure.stacks import ProductStack
from tests.users import allow, make_user


@pytest.fixture
def settings(client, monkeypatch):
    """The outputs of a stack are the environment, and Airflow assumes the stack's role, as docs/new-account.md says."""
    stack = ProductStack(client("cloudformation"))
    for name, value in stack.deploy(AirflowPrincipal="arn:aws:iam::123456789012:user/airflow").items():
        monkeypatch.setenv(name, value)
    role = stack.outputs["The role for Airflow to assume"]
    connection = {"conn_type": "aws", "extra": {"role_arn": role, "region_name": "us-east-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    return Settings.from_environment()


@pytest.fixture
def airflow_user(client, settings):
    """May assume the stack's role, and nothing else: so the run is under the template's policies."""
    user = make_user(client("iam"), "airflow", settings, ())
    role = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]["role_arn"]
    allow(client("iam"), user, "sts:AssumeRole", role)
    return user


@pytest.fixture
def storage(client, settings):
    return Storage(client("s3"), settings.bucket)


def test_the_stacks_outputs_are_all_that_a_run_needs_and_what_is_lost_can_be_restored(
    run_dag, upload, client, settings
):
    upload(tweets(), "2026-01-07")

    run = run_dag("2026-01-07")

    assert (run.state, run.left) == ("success", [])
    assert run.report["registration"]["approval"] == "Approved"
    # docs/backup.md: what was deleted comes back by its versions, and a run registers its model again.
    lose_and_restore(client, settings.bucket)
    again = run_dag("2026-01-07", deploy="never")
    assert (again.state, again.report["training"]["reused"]) == ("success", True)
    assert again.report["registration"]["approval"] == "Approved"

    job = client("sagemaker").describe_training_job(TrainingJobName=run.report["training"]["training_job_name"])
    assert job["RoleArn"] == settings.role_arn
    assert job["OutputDataConfig"]["S3OutputPath"].startswith(f"s3://{settings.bucket}/twitter-data/marketing-model/")


def lose_and_restore(client, bucket: str) -> None:
    """Lose the registry, and all objects; then remove the markers of the deletions."""
    sagemaker, s3 = client("sagemaker"), client("s3")
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName="retrain-aws")
    for package in [package for page in pages for package in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    sagemaker.delete_model_package_group(ModelPackageGroupName="retrain-aws")
    for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    for marker in s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]:
        s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
