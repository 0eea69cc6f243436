"""One whole stack for these tests: a local AWS, and Airflow with scheduler, triggerer, DAG processor and API server."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from include.config.settings import Settings
from include.samples import upload_samples
from local_stack.airflow_api import AirflowApi
from local_stack.settings import StackSettings
from local_stack.stack import LocalStack
from tests.conftest import REPOSITORY
from tests.end_to_end import pager
from tests.end_to_end.dags import deferrals
from tests.users import FOR_AIRFLOW, allow, make_sagemaker_role, make_user

HASHTAGS = """
aws: &technical {labels: {"0": technical, "1": marketing}, parameters: {window_days: 7}}
azure: *technical
early: {labels: {"0": technical, "1": marketing}, wait_hours: 0}
slow: {labels: {"0": a, "1": b}, late_after_hours: 0.001}
"""
"""The daily run of slow is late as soon as it is there."""
QUEUE = "retrain-new-tweets"


@pytest.fixture(scope="module")
def dags_folder(tmp_path_factory) -> Path:
    """The product's DAGs, another team's, which is that of the page on assets, and the tests' own."""
    folder = tmp_path_factory.mktemp("dags")
    for file in (*(REPOSITORY / "dags").glob("*.py"), Path(deferrals.__file__)):
        shutil.copy(file, folder)
    (example,) = re.findall(r"^```python\n(.*?)^```", (REPOSITORY / "docs" / "airflow.md").read_text(), re.M | re.S)
    (folder / "other_team.py").write_text(example)
    return folder


class LeastPrivilegeStack(LocalStack):
    """Its local AWS enforces IAM. Airflow is a user with the product's own policies, and SageMaker has its role's."""

    def command_of(self, name: str) -> list[str]:
        command = super().command_of(name)
        return [*command, "--enforce-iam"] if name == "local-aws" else command

    def before_airflow(self) -> None:
        super().before_airflow()
        iam, settings = client_of(self, "iam"), Settings.from_environment(self.environment)
        make_sagemaker_role(iam, settings.role_arn.rpartition("/")[2], settings)
        user = make_user(iam, "airflow", settings, FOR_AIRFLOW)
        allow(iam, user, ["sagemaker:*", "s3:*", "iam:PassRole"], deferrals.RESOURCES)
        self.environment |= {"AWS_ACCESS_KEY_ID": user.access_key, "AWS_SECRET_ACCESS_KEY": user.secret_key}


@pytest.fixture(scope="module")  # stopped before the tests that follow
def stack(tmp_path_factory, dags_folder) -> Iterator[LocalStack]:
    home = tmp_path_factory.mktemp("airflow")
    hashtags = home / "hashtags.yaml"
    hashtags.write_text(HASHTAGS, encoding="utf-8")
    # No file changes meanwhile, so none has to be parsed again.
    more = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600"}
    more |= {"AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder)}
    more |= {"RETRAIN_SECONDS_BEFORE_DEFERRAL": "0"}  # as with AWS, where polls are further apart
    more |= {"RETRAIN_NOTIFIER": f"{pager.__name__}:page", pager.FILE: str(home / "pages.jsonl")}
    settings = StackSettings.on_free_ports(home, hashtags_file=hashtags, more=more)
    queue = {"RETRAIN_TWEETS_QUEUE_URL": f"{settings.local_aws_url}/123456789012/{QUEUE}"}
    with LeastPrivilegeStack(replace(settings, more={**more, **queue})) as stack:
        client_of(stack, "sqs").create_queue(QueueName=QUEUE)
        upload_samples(client_of(stack, "s3"), Settings.from_environment(stack.environment))
        yield stack


def client_of(stack: LocalStack, service: str) -> Any:
    return boto3.client(service, endpoint_url=stack.settings.local_aws_url)


@pytest.fixture
def airflow(stack) -> AirflowApi:
    return AirflowApi(stack.settings.airflow_url)


@pytest.fixture
def sagemaker(stack) -> Any:
    return client_of(stack, "sagemaker")


@pytest.fixture
def pages(stack):
    """What somebody was told so far."""
    file = Path(stack.environment[pager.FILE])
    return lambda: pager.pages(file)
