"""Check requests to services of moto's against the service model. moto takes every request for valid, and may fail."""

import json
from typing import Any, ClassVar

from botocore.model import OperationNotFoundError
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

from local_aws.sagemaker.validation import violations
from local_aws.service_models import service_model


class CheckedRequests(BaseResponse):
    """To be mixed into a service's response class of moto's, before it."""

    REFUSAL: ClassVar[type[ServiceException]]
    """The service's error for a request that violates the service model."""

    def parse_parameters(self, request: Any) -> None:
        self._is_readable = True
        try:
            super().parse_parameters(request)
        except Exception:  # moto's parsers raise whatever comes
            self._is_readable = False

    def call_action(self) -> Any:
        refusal = self._refuse()
        if refusal is None:
            return super().call_action()
        status, headers, body = self.serialized(ActionResult(refusal))
        headers["status"] = str(status)
        return status, headers, body

    def _refuse(self) -> ServiceException | None:
        try:
            operation = service_model(str(self.service_name)).operation_model(self._get_action())
        except OperationNotFoundError:
            return None  # moto refuses it
        parameters = self._parameters()
        if parameters is None:
            return self.REFUSAL("The request's body cannot be read.")
        found = violations(operation.input_shape, parameters)
        if not found:
            return None
        errors = "error" if len(found) == 1 else "errors"
        return self.REFUSAL(f"{len(found)} validation {errors} detected: {'; '.join(found)}")

    def _parameters(self) -> Any:
        """The request's members; None if its body cannot be read."""
        if self.automated_parameter_parsing:
            return self.params if self._is_readable else None
        try:
            return json.loads(self.body or "{}")
        except (ValueError, RecursionError):
            return None
