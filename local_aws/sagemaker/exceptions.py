"""SageMaker's errors, with AWS's codes."""

from moto.core.exceptions import ServiceException

from local_aws.aws_errors import NOT_IMPLEMENTED


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


class UnsupportedOperation(ServiceException):
    code = NOT_IMPLEMENTED
