"""Glue's errors, with AWS's codes."""

from moto.core.exceptions import ServiceException

from local_aws.aws_errors import NOT_IMPLEMENTED


class InvalidInputException(ServiceException):
    code = "InvalidInputException"


class EntityNotFoundException(ServiceException):
    code = "EntityNotFoundException"


class AlreadyExistsException(ServiceException):
    code = "AlreadyExistsException"


class ConcurrentRunsExceededException(ServiceException):
    code = "ConcurrentRunsExceededException"


class ResourceNumberLimitExceededException(ServiceException):
    code = "ResourceNumberLimitExceededException"


class NotSupported(ServiceException):
    code = NOT_IMPLEMENTED
