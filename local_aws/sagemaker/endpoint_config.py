"""Models and endpoint configurations: what an endpoint is made of."""

from dataclasses import dataclass
from typing import Any, ClassVar

from local_aws.sagemaker.resource import Resource
from local_aws.sagemaker.variants import DEFAULT_WEIGHT


@dataclass
class Model(Resource):
    """A model: its container and its artifact."""

    KIND: ClassVar[str] = "model"
    NAME_MEMBER: ClassVar[str] = "ModelName"
    SUMMARY: ClassVar[str] = "ModelSummary"
    LOWER_CASE_ARN: ClassVar[bool] = True

    @property
    def container(self) -> dict[str, Any]:
        """The primary container."""
        container: dict[str, Any] = self.request.get("PrimaryContainer") or self.request["Containers"][0]
        return container

    def facts(self) -> dict[str, Any]:
        container = {"Mode": "SingleModel", "Environment": {}, **self.container}  # as AWS describes it
        member = {"PrimaryContainer": container} if "PrimaryContainer" in self.request else {"Containers": [container]}
        return {"EnableNetworkIsolation": False, **super().facts(), **member, "ModelArn": self.arn}


@dataclass
class EndpointConfig(Resource):
    """An endpoint configuration."""

    KIND: ClassVar[str] = "endpoint-config"
    NAME_MEMBER: ClassVar[str] = "EndpointConfigName"
    SUMMARY: ClassVar[str] = "EndpointConfigSummary"
    LOWER_CASE_ARN: ClassVar[bool] = True

    @property
    def variants(self) -> list[dict[str, Any]]:
        variants: list[dict[str, Any]] = self.request["ProductionVariants"]
        return variants

    def facts(self) -> dict[str, Any]:
        variants = [{"InitialVariantWeight": DEFAULT_WEIGHT, **variant} for variant in self.variants]
        return super().facts() | {"EndpointConfigArn": self.arn, "ProductionVariants": variants}
