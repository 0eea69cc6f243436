"""Keep an endpoint until the deadline that it carries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowFailException

from hashtag_retrain.resources import ENDPOINT
from include.ownership import DEADLINE, deadline_in

if TYPE_CHECKING:
    from airflow.sdk import Context


class SageMakerHoldEndpointOperator(AwsBaseOperator[SageMakerHook]):
    """
    Wait, deferred, until an endpoint's deadline has passed.

    The deadline is an absolute time in a tag of the endpoint, so that waiting survives restarts, an early resumption
    and a cleared task, and can be changed from outside: after each wait the tag is read again. An endpoint that is
    gone already ends the wait.

    :param endpoint_name: the endpoint (templated)
    """

    aws_hook_class = SageMakerHook
    template_fields: Sequence[str] = aws_template_fields("endpoint_name")

    def __init__(self, *, endpoint_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name

    def execute(self, context: Context, event: Any = None) -> str:
        client = self.hook.get_conn()
        description = ENDPOINT.describe(client, self.endpoint_name)
        if description is None:
            self.log.info("Endpoint %s is gone already.", self.endpoint_name)
            return datetime.now(UTC).isoformat()
        deadline = deadline_in(ENDPOINT.tags(client, description))
        if deadline is None:
            raise AirflowFailException(f"Endpoint {self.endpoint_name} carries no tag {DEADLINE} with a time.")
        if datetime.now(UTC) < deadline:
            self.log.info("Endpoint %s is kept until %s.", self.endpoint_name, deadline)
            self.defer(trigger=DateTimeTrigger(moment=deadline), method_name="execute")
        return deadline.isoformat()
