"""SageMaker's errors, with AWS's codes."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class SerializationException(ServiceException):
    # AWS answers with the code SerializationException, which the service's model does not list.
    code = "ValidationException"


class ResourceInUse(ServiceException):
    code = "ResourceInUse"


class ResourceLimitExceeded(ServiceException):
    code = "ResourceLimitExceeded"


class ConflictException(ServiceException):
    code = "ConflictException"
