"""Operators that deploy and delete, and what there is of an endpoint."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hashtag_retrain.operators.delete import SageMakerDeleteEndpointOperator
from hashtag_retrain.operators.deploy import SageMakerOwnedEndpointOperator
from include.aws.requests import endpoint_request
from include.config.ownership import as_tags, ownership_tags
from tests.conftest import IMAGE, ROLE_ARN


def deploy_operator(name: str, model_uri: str, owner: str = "dag/run", minutes: float = 5, **arguments: Any) -> Any:
    config = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    return SageMakerOwnedEndpointOperator(
        task_id="deploy",
        config=config,
        owner_tag=owner,
        deployment="tests",
        keep_minutes=str(minutes),
        check_interval=0.05,
        **arguments,
    )


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def arns_of(sagemaker: Any, name: str) -> list[str]:
    return [
        sagemaker.describe_model(ModelName=name)["ModelArn"],
        sagemaker.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"],
        sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"],
    ]


def delete_operator(
    name: str, required_tags: dict[str, str] | None = None, **arguments: Any
) -> SageMakerDeleteEndpointOperator:
    return SageMakerDeleteEndpointOperator(
        task_id="delete", endpoint_name=name, required_tags=required_tags, check_interval=0.05, **arguments
    )


def half_deployed(sagemaker: Any, name: str, model_uri: str, deployment: str = "tests") -> str:
    """The name, with a model and a configuration and no endpoint."""
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    tags = as_tags(ownership_tags("dag/run", deployment, "test", datetime.now(UTC) + timedelta(hours=1)))
    sagemaker.create_model(**request["Model"], Tags=tags)
    sagemaker.create_endpoint_config(**request["EndpointConfig"], Tags=tags)
    return name
