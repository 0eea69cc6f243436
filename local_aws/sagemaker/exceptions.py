"""SageMaker's errors, with AWS's codes."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class SerializationException(ServiceException):
    # AWS's own code is SerializationException, which is not in the service's model.
    code = "ValidationException"


class ResourceInUse(ServiceException):
    code = "ResourceInUse"


class ResourceLimitExceeded(ServiceException):
    code = "ResourceLimitExceeded"


class ConflictException(ServiceException):
    code = "ConflictException"


class UnsupportedOperation(ServiceException):
    # SageMaker has no code of its own for this, and clients know this one.
    code = "ValidationException"
