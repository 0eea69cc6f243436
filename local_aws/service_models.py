"""botocore's models of AWS's services: names of operations, shapes of requests and answers."""

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def service_model(service: str = "sagemaker") -> ServiceModel:
    """A service's model, from botocore's data."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)
