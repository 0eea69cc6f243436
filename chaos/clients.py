"""Those through whom a round looks at Airflow and at the local AWS."""

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import boto3
import requests
from botocore.config import Config

from chaos.plan import Plan
from chaos.stack import ChaosStack
from include.blazingtext.requests import as_tags, endpoint_request, training_request
from include.config.ownership import deadline_in, tag_values
from include.config.settings import Settings
from include.samples import upload_samples
from local_stack.airflow_api import AirflowApi

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
PRINCIPAL = "chaos"
"""The access key by which the request log tells our calls from the product's."""
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 12}, read_timeout=30)
"""The local AWS is away now and then."""
BYSTANDERS_TAGS = as_tags({"team": "others", "retrain:deadline": "2020-01-01T00:00:00+00:00"})
"""A deadline that has passed, but no owner: whoever goes by names or by one tag alone would delete it."""


class Clients:
    """Not to be shared by threads."""

    def __init__(self, settings: Settings, local_aws_url: str, airflow_url: str):
        self.settings = settings
        self.deployment = settings.deployment
        self.local_aws_url = local_aws_url
        self._airflow_url = airflow_url
        self._bystanders_job = f"bystander-{settings.bucket}"
        self.sagemaker, self.s3 = (
            boto3.client(
                service,
                endpoint_url=local_aws_url,
                region_name="us-east-1",
                aws_access_key_id=PRINCIPAL,
                aws_secret_access_key="chaos",
                config=PATIENT,
            )
            for service in ("sagemaker", "s3")
        )

    @classmethod
    def of(cls, stack: ChaosStack) -> Self:
        """Those of a stack."""
        local = stack.settings
        return cls(Settings.from_environment(stack.environment), local.local_aws_url, local.airflow_url)

    @cached_property
    def airflow(self) -> AirflowApi:
        return AirflowApi(self._airflow_url)

    def prepare(self) -> None:
        """Upload the sample tweets, and train the bystanders' model."""
        upload_samples(self.s3, self.settings)
        for channel in ("train", "validation"):
            body = b"__label__a hello world\n__label__b good bye\n" * 20
            self.s3.put_object(Bucket=self.settings.bucket, Key=f"bystander/{channel}/{channel}.txt", Body=body)
        place = f"s3://{self.settings.bucket}/bystander"
        self.sagemaker.create_training_job(
            **training_request(
                job_name=self._bystanders_job,
                image=IMAGE,
                role_arn=self.settings.role_arn,
                output_uri=place,
                train_uri=f"{place}/train/",
                validation_uri=f"{place}/validation/",
                instance_type="ml.c5.xlarge",
                hyperparameters={"mode": "supervised", "epochs": "5", "buckets": "100"},
                tags={"team": "others"},
            )
        )
        self.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=self._bystanders_job, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def plant_bystander(self, name: str) -> None:
        """An endpoint of somebody else's, in service."""
        request = endpoint_request(
            name=name,
            image=IMAGE,
            role_arn=self.settings.role_arn,
            instance_type="ml.m5.large",
            model_uri=f"s3://{self.settings.bucket}/bystander/{self._bystanders_job}/output/model.tar.gz",
        )
        self.sagemaker.create_model(**request["Model"], Tags=BYSTANDERS_TAGS)
        self.sagemaker.create_endpoint_config(**request["EndpointConfig"], Tags=BYSTANDERS_TAGS)
        self.sagemaker.create_endpoint(**request["Endpoint"], Tags=BYSTANDERS_TAGS)
        self.sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def training_jobs(self, plan: Plan) -> list[dict[str, Any]]:
        """All training jobs of a round's fingerprint, a tuning's among them, described."""
        tuned = [f"tune-{plan.hashtag}-"] if plan.parameters.get("tune") else []
        jobs = []
        for name in (f"retrain-{plan.hashtag}-{plan.parameters['date']}", *tuned):
            pages = self.sagemaker.get_paginator("list_training_jobs").paginate(NameContains=name)
            names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
            jobs += [self.sagemaker.describe_training_job(TrainingJobName=name) for name in names]
        return [job for job in jobs if self._is_of(plan, job["HyperParameters"])]

    def tuning_jobs(self, plan: Plan) -> list[dict[str, Any]]:
        """All tuning jobs of a round's fingerprint, described."""
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

    def order_fault(self, fault: dict[str, Any]) -> str:
        """Have the local AWS fail; returns where the fault can be withdrawn."""
        response = requests.post(f"{self.local_aws_url}/_local/faults", json=fault, timeout=10)
        response.raise_for_status()
        return f"{self.local_aws_url}/_local/faults/{response.json()['id']}"

    def withdraw_faults(self) -> None:
        """All that rounds have ordered."""
        requests.delete(f"{self.local_aws_url}/_local/faults", timeout=30).raise_for_status()

    def calls_for(self, name: str) -> list[dict[str, Any]]:
        """The entries of the local AWS's request log about a resource, by name or ARN, also of before it was killed."""
        response = requests.get(f"{self.local_aws_url}/_local/requests", params={"name": f"*{name}"}, timeout=30)
        response.raise_for_status()
        return [json.loads(line) for line in response.text.splitlines()]

    def read_json(self, key: str) -> Any:
        """An object of the deployment's bucket."""
        return json.load(self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"])

    def deadline_of(self, resource: dict[str, Any]) -> datetime:
        """A described resource's; long past where it carries none."""
        arns = [resource.get(f"{kind}Arn") for kind in ("Endpoint", "EndpointConfig", "Model")]
        arn = next(arn for arn in arns if arn)
        deadline = deadline_in(tag_values(self.sagemaker.list_tags(ResourceArn=arn)["Tags"]))
        return deadline or datetime.min.replace(tzinfo=UTC)
