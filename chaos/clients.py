"""A round's clients of Airflow and of the local AWS."""

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import boto3
import requests
from botocore.config import Config

from chaos.plan import Plan
from chaos.stack import ChaosStack
from include.aws.requests import endpoint_request, training_request
from include.config.ownership import as_tags, deadline_in, tag_values
from include.config.settings import Settings
from include.samples import upload_samples
from local_aws import ADMIN_PATH
from local_stack.airflow_api import AirflowApi

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
PRINCIPAL = "chaos"
"""The access key of these clients. In the request log it distinguishes their calls from the product's."""
MANY_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 12}, read_timeout=30)
"""The local AWS is sometimes down."""
FOREIGN_TAGS = as_tags({"team": "others", "retrain:deadline": "2020-01-01T00:00:00+00:00"})
"""A past deadline, but no owner. A sweep that looks at names, or at the deadline alone, would delete the endpoint."""


class Clients:
    """The clients of one thread."""

    def __init__(self, settings: Settings, local_aws_url: str, airflow_url: str):
        self.settings = settings
        self.deployment = settings.deployment
        self._admin_url = f"{local_aws_url}{ADMIN_PATH}"
        self._faults_url = f"{self._admin_url}faults"
        self._airflow_url = airflow_url
        self._foreign_job = f"foreign-{settings.bucket}"
        self.sagemaker, self.s3, self.cloudwatch = (
            boto3.client(
                service,
                endpoint_url=local_aws_url,
                region_name="us-east-1",
                aws_access_key_id=PRINCIPAL,
                aws_secret_access_key="chaos",
                config=MANY_RETRIES,
            )
            for service in ("sagemaker", "s3", "cloudwatch")
        )

    @classmethod
    def of(cls, stack: ChaosStack) -> Self:
        """The clients of a stack."""
        local = stack.settings
        return cls(Settings.from_environment(stack.environment), local.local_aws_url, local.airflow_url)

    @cached_property
    def airflow(self) -> AirflowApi:
        return AirflowApi(self._airflow_url)

    def prepare(self) -> None:
        """Upload the sample tweets, and train the model of the foreign endpoints."""
        upload_samples(self.s3, self.settings)
        for channel in ("train", "validation"):
            body = b"__label__a hello world\n__label__b good bye\n" * 20
            self.s3.put_object(Bucket=self.settings.bucket, Key=f"foreign/{channel}/{channel}.txt", Body=body)
        folder = f"s3://{self.settings.bucket}/foreign"
        self.sagemaker.create_training_job(
            **training_request(
                job_name=self._foreign_job,
                image=IMAGE,
                role_arn=self.settings.role_arn,
                output_uri=folder,
                train_uri=f"{folder}/train/",
                validation_uri=f"{folder}/validation/",
                instance_type="ml.c5.xlarge",
                hyperparameters={"mode": "supervised", "epochs": "5", "buckets": "100"},
                tags={"team": "others"},
            )
        )
        self.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=self._foreign_job, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def create_foreign_endpoint(self, name: str) -> None:
        """Create an endpoint of another team, and wait until it is in service."""
        request = endpoint_request(
            name=name,
            image=IMAGE,
            role_arn=self.settings.role_arn,
            instance_type="ml.m5.large",
            model_uri=f"s3://{self.settings.bucket}/foreign/{self._foreign_job}/output/model.tar.gz",
        )
        self.sagemaker.create_model(**request["Model"], Tags=FOREIGN_TAGS)
        self.sagemaker.create_endpoint_config(**request["EndpointConfig"], Tags=FOREIGN_TAGS)
        self.sagemaker.create_endpoint(**request["Endpoint"], Tags=FOREIGN_TAGS)
        self.sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def training_jobs(self, plan: Plan) -> list[dict[str, Any]]:
        """The descriptions of all training jobs with a round's fingerprint, with those of a tuning job."""
        tuned = [f"tune-{plan.hashtag}-"] if plan.parameters.get("tune") else []
        jobs = []
        for name in (f"retrain-{plan.hashtag}-{plan.parameters['date']}", *tuned):
            pages = self.sagemaker.get_paginator("list_training_jobs").paginate(NameContains=name)
            names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
            jobs += [self.sagemaker.describe_training_job(TrainingJobName=name) for name in names]
        return [job for job in jobs if self._is_of(plan, job["HyperParameters"])]

    def tuning_jobs(self, plan: Plan) -> list[dict[str, Any]]:
        """The descriptions of all tuning jobs with a round's fingerprint."""
        pages = self.sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
            NameContains=f"tune-{plan.hashtag}-"
        )
        names = [
            job["HyperParameterTuningJobName"] for page in pages for job in page["HyperParameterTuningJobSummaries"]
        ]
        describe = self.sagemaker.describe_hyper_parameter_tuning_job
        jobs = [describe(HyperParameterTuningJobName=name) for name in names]
        return [job for job in jobs if self._is_of(plan, job["TrainingJobDefinition"]["StaticHyperParameters"])]

    def _is_of(self, plan: Plan, hyperparameters: dict[str, str]) -> bool:
        return hyperparameters["buckets"] == str(plan.parameters["buckets"])

    def resources(self, name: str) -> dict[str, dict[str, Any]]:
        """The descriptions of endpoint, configuration and model with a name, without those that do not exist."""
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
        """Delete the endpoint, configuration and model with a name."""
        for kind in self.resources(name):
            {
                "endpoint": lambda: self.sagemaker.delete_endpoint(EndpointName=name),
                "endpoint config": lambda: self.sagemaker.delete_endpoint_config(EndpointConfigName=name),
                "model": lambda: self.sagemaker.delete_model(ModelName=name),
            }[kind]()

    def order_fault(self, fault: dict[str, Any]) -> str:
        """Order a fault from the local AWS. Return the URL that withdraws it."""
        response = requests.post(self._faults_url, json=fault, timeout=10)
        response.raise_for_status()
        return f"{self._faults_url}/{response.json()['id']}"

    def withdraw_faults(self) -> None:
        """Withdraw all faults."""
        requests.delete(self._faults_url, timeout=30).raise_for_status()

    def calls_for(self, name: str) -> list[dict[str, Any]]:
        """The entries about a resource, by name or ARN, in the request log. It outlives a kill of the local AWS."""
        response = requests.get(f"{self._admin_url}requests", params={"name": f"*{name}"}, timeout=30)
        response.raise_for_status()
        return [json.loads(line) for line in response.text.splitlines()]

    def read_json(self, key: str) -> Any:
        """Read a JSON object in the deployment's bucket."""
        return json.load(self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"])

    def deadline_of(self, resource: dict[str, Any]) -> datetime:
        """The deadline of a described resource; the year 1 if it has none."""
        arns = [resource.get(f"{kind}Arn") for kind in ("Endpoint", "EndpointConfig", "Model")]
        arn = next(arn for arn in arns if arn)
        deadline = deadline_in(tag_values(self.sagemaker.list_tags(ResourceArn=arn)["Tags"]))
        return deadline or datetime.min.replace(tzinfo=UTC)
