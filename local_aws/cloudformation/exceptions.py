"""CloudFormation's errors, with AWS's codes."""

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):
    code = "ValidationError"


class AlreadyExistsException(ServiceException):
    code = "AlreadyExistsException"


class ChangeSetNotFound(ServiceException):
    code = "ChangeSetNotFound"


class InvalidChangeSetStatus(ServiceException):
    code = "InvalidChangeSetStatus"


class InsufficientCapabilitiesException(ServiceException):
    code = "InsufficientCapabilitiesException"


class LimitExceededException(ServiceException):
    code = "LimitExceededException"
