"""Invoke an endpoint, and check its answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_BODY_BYTES = 6_291_456


class SageMakerInvokeEndpointOperator(AwsBaseOperator[AwsBaseHook]):
    """
    Invoke a SageMaker endpoint once.

    :param endpoint_name: the endpoint (templated)
    :param payload: the request's body; anything but a string or bytes is sent as JSON (templated)
    :param content_type: the payload's content type
    :param accept: the answer's content type; default: that of the payload
    :param max_latency_seconds: the task fails if the answer takes longer
    :param response_check: called with the answer's body and `response_check_arguments`. It raises an exception if the
        answer is wrong. What it returns is the task's result. Without it, the result is the body as text.
    :param response_check_arguments: keyword arguments for `response_check` (templated)
    """

    aws_hook_class = AwsBaseHook
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "payload", "response_check_arguments")
    template_fields_renderers = {"payload": "json", "response_check_arguments": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        endpoint_name: str,
        payload: Any,
        content_type: str = "application/json",
        accept: str | None = None,
        max_latency_seconds: float | None = None,
        response_check: Callable[..., Any] | None = None,
        response_check_arguments: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.payload = payload
        self.content_type = content_type
        self.accept = accept
        self.max_latency_seconds = max_latency_seconds
        self.response_check = response_check
        self.response_check_arguments = response_check_arguments

    @property
    def _hook_parameters(self) -> dict[str, Any]:
        return {**super()._hook_parameters, "client_type": "sagemaker-runtime"}

    def execute(self, context: Context) -> Any:
        body = self.payload if isinstance(self.payload, (str, bytes)) else json.dumps(self.payload)
        size = len(body.encode() if isinstance(body, str) else body)
        if size > MAX_BODY_BYTES:
            raise AirflowFailException(f"The payload has {size:,} bytes; SageMaker takes {MAX_BODY_BYTES:,} at most.")
        started = time.monotonic()
        response = self.hook.get_conn().invoke_endpoint(
            EndpointName=self.endpoint_name,
            Body=body,
            ContentType=self.content_type,
            Accept=self.accept or self.content_type,
        )
        answer: bytes = response["Body"].read()
        seconds = time.monotonic() - started
        self.log.info("Endpoint %s answered within %.3f s.", self.endpoint_name, seconds)
        if self.max_latency_seconds is not None and seconds > self.max_latency_seconds:
            raise AirflowException(
                f"Endpoint {self.endpoint_name} took {seconds:.2f} s to answer; "
                f"the limit is {self.max_latency_seconds} s."
            )
        if self.response_check is None:
            return answer.decode()
        try:
            return self.response_check(answer, **(self.response_check_arguments or {}))
        except Exception:
            self.log.error("The answer: %s", answer[:1000])
            raise
