"""botocore's models of AWS's services: names of operations, shapes of requests and answers."""

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel

SAGEMAKER, RUNTIME, CLOUDFORMATION = "sagemaker", "sagemaker-runtime", "cloudformation"


@cache
def service_model(service: str = SAGEMAKER) -> ServiceModel:
    """The model of a service, from botocore's data."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)
