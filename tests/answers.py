"""
Every answer of SageMaker's and of Glue's that the tests' local AWS gives, against botocore's service model, and every
answer of any service that says that the local AWS has a bug.
"""

import json
from collections.abc import Iterable
from typing import Any

from local_aws.sagemaker.validation import violations
from local_aws.server import BUG
from local_aws.service_models import service_model

NOT_AS_IN_THE_MODEL = "Value null at 'modelPackageName' failed to satisfy constraint: Member must not be null"
"""AWS itself leaves this required member out where a package is a version of a group."""

TARGETS = {"SageMaker": "sagemaker", "AWSGlue": "glue"}
"""The services whose answers are checked, by their names in the header that names the operation."""


class CheckedAnswers:
    """A WSGI application around another one; collects what is wrong with that one's answers."""

    def __init__(self, application: Any):
        self._application = application
        self.checked = 0
        self.violations: list[str] = []

    def __call__(self, environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        statuses: list[str] = []

        def start(status: str, *arguments: Any, **options: Any) -> Any:
            statuses.append(status)
            return start_response(status, *arguments, **options)

        body = self._application(environment, start)
        target, _, operation = environment.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if target in TARGETS:
            body = [b"".join(body)]
            self._check(TARGETS[target], operation, statuses[0], body[0])
        elif statuses and statuses[0].startswith("5"):
            body = [b"".join(body)]
            if BUG.encode() in body[0]:
                self.violations.append(f"{environment['PATH_INFO']} answers {body[0].decode()}")
        return body

    def _check(self, service: str, operation: str, status: str, body: bytes) -> None:
        if status.startswith("5") and b"was ordered" not in body:
            self.violations.append(f"{operation} answers {status}")
        if not status.startswith("2"):
            return
        self.checked += 1
        shape = service_model(service).operation_model(operation).output_shape
        answer = json.loads(body or b"{}")
        found = [violation for violation in violations(shape, answer) if violation != NOT_AS_IN_THE_MODEL]
        unknown = sorted(set(answer) - set(shape.members if shape else {}))
        self.violations += [f"{operation}: {violation}" for violation in [*found, *(f"unknown {u}" for u in unknown)]]
