"""Those through whom a round looks at Airflow and at the local AWS."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from chaos.plan import Plan
from chaos.stack import ChaosStack
from include.airflow_api import AirflowApi
from include.blazingtext.requests import as_tags, endpoint_request, training_request
from include.ownership import deadline_in
from include.samples import upload_samples
from include.settings import Settings

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
PRINCIPAL = "chaos"
"""The access key by which the request log tells our calls from the product's."""
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 12}, read_timeout=30)
"""The local AWS is away now and then."""
BYSTANDERS_TAGS = as_tags({"team": "others", "retrain:deadline": "2020-01-01T00:00:00+00:00"})
"""A deadline that has passed, but no owner: whoever goes by names or by one tag alone would delete it."""


class Clients:
    """Not to be shared by threads."""

    def __init__(self, stack: ChaosStack):
        self.settings = Settings.from_environment(stack.environment)
        self.deployment = self.settings.deployment
        self.airflow = AirflowApi(stack.settings.local.airflow_url)
        self.sagemaker, self.s3 = (
            boto3.client(
                service, endpoint_url=stack.settings.local.local_aws_url, region_name="us-east-1",
                aws_access_key_id=PRINCIPAL, aws_secret_access_key="chaos", config=PATIENT,
            )
            for service in ("sagemaker", "s3")
        )  # fmt: skip
        self._faults_url = f"{stack.settings.local.local_aws_url}/_local/faults"
        self._requests = stack.home / "aws" / "requests.jsonl"

    def prepare(self) -> None:
        """Upload the sample tweets, and train the bystanders' model."""
        upload_samples(self.s3, self.settings)
        for channel in ("train", "validation"):
            body = b"__label__a hello world\n__label__b good bye\n" * 20
            self.s3.put_object(Bucket=self.settings.bucket, Key=f"bystander/{channel}/{channel}.txt", Body=body)
        place = f"s3://{self.settings.bucket}/bystander"
        self.sagemaker.create_training_job(
            **training_request(
                job_name="bystander", image=IMAGE, role_arn=self.settings.role_arn, train_uri=f"{place}/train/",
                validation_uri=f"{place}/validation/", output_uri=place, instance_type="ml.c5.xlarge",
                hyperparameters={"mode": "supervised", "epochs": "5", "buckets": "100"}, tags={"team": "others"},
            )
        )  # fmt: skip
        self.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName="bystander", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def plant_bystander(self, name: str) -> None:
        """An endpoint of somebody else's."""
        request = endpoint_request(
            name=name, image=IMAGE, role_arn=self.settings.role_arn, instance_type="ml.m5.large",
            model_uri=f"s3://{self.settings.bucket}/bystander/bystander/output/model.tar.gz",
        )  # fmt: skip
        self.sagemaker.create_model(**request["Model"], Tags=BYSTANDERS_TAGS)
        self.sagemaker.create_endpoint_config(**request["EndpointConfig"], Tags=BYSTANDERS_TAGS)
        self.sagemaker.create_endpoint(**request["Endpoint"], Tags=BYSTANDERS_TAGS)

    def training_jobs(self, plan: Plan) -> list[dict[str, Any]]:
        """All jobs of a round's fingerprint, described."""
        name = f"retrain-{plan.hashtag}-{plan.parameters['date']}"
        pages = self.sagemaker.get_paginator("list_training_jobs").paginate(NameContains=name)
        names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
        jobs = [self.sagemaker.describe_training_job(TrainingJobName=name) for name in names]
        rate = plan.parameters["learning_rate"]
        return [job for job in jobs if float(job["HyperParameters"]["learning_rate"]) == rate]

    def resources(self, name: str) -> dict[str, dict[str, Any]]:
        """Endpoint, configuration and model of a name, described, as far as they are there."""
        client, found = self.sagemaker, {}
        for kind, key, describe in (
            ("endpoint", "EndpointName", client.describe_endpoint),
            ("endpoint config", "EndpointConfigName", client.describe_endpoint_config),
            ("model", "ModelName", client.describe_model),
        ):
            try:
                found[kind] = describe(**{key: name})
            except client.exceptions.ClientError as error:
                if "Could not find" not in error.response["Error"]["Message"]:
                    raise
        return found

    def delete(self, name: str) -> None:
        """Delete all that has a name."""
        for kind in self.resources(name):
            {
                "endpoint": lambda: self.sagemaker.delete_endpoint(EndpointName=name),
                "endpoint config": lambda: self.sagemaker.delete_endpoint_config(EndpointConfigName=name),
                "model": lambda: self.sagemaker.delete_model(ModelName=name),
            }[kind]()

    def withdraw_faults(self) -> None:
        """All that rounds have ordered."""
        requests.delete(self._faults_url, timeout=30).raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        """The local AWS's request log, also of before it was killed."""
        return [json.loads(line) for line in Path(self._requests).read_text().splitlines() if line.endswith("}")]

    def read_json(self, key: str) -> Any:
        """An object of the deployment's bucket."""
        return json.load(self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"])

    def deadline_of(self, resource: dict[str, Any]) -> datetime:
        """A described resource's; long past where it carries none."""
        arns = [resource.get(f"{kind}Arn") for kind in ("Endpoint", "EndpointConfig", "Model")]
        arn = next(arn for arn in arns if arn)
        deadline = deadline_in(self.sagemaker.list_tags(ResourceArn=arn)["Tags"])
        return deadline or datetime.min.replace(tzinfo=UTC)
