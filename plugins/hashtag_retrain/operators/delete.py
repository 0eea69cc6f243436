"""Delete an endpoint, its endpoint configuration and its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.operators.deploy import TRANSITION_TIMEOUT
from hashtag_retrain.triggers.endpoint import DeletionTrigger
from hashtag_retrain.triggers.polling import ended, wait_for
from include.aws.clock import time_now
from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG, MODEL

if TYPE_CHECKING:
    from airflow.sdk import Context


class SageMakerDeleteEndpointOperator(AwsBaseOperator[SageMakerHook]):
    """
    Delete an endpoint, its endpoint configuration and its model, if they exist.

    The task looks at what exists in AWS, not at the results of earlier tasks. AWS does not delete an endpoint that is
    being created or updated, so the task waits for that. It also waits for the deletion itself: first in its own
    process, which usually is enough, and then deferred. A resource without a required tag belongs to somebody else and
    is not deleted. If a deletion fails, the error names the resource, with its instance type and age.

    :param endpoint_name: the endpoint (templated)
    :param endpoint_config_name: its configuration; default: the endpoint's name (templated)
    :param model_name: its model; default: the endpoint's name (templated)
    :param required_tags: tags, values by key, that a resource must have to be deleted (templated)
    :param check_interval: seconds between two polls
    :param seconds_before_deferral: how long the task waits in its own process
    :return: what was deleted, what was not deleted because it belongs to somebody else, and when
    """

    aws_hook_class = SageMakerHook
    template_fields: Sequence[str] = aws_template_fields(
        "endpoint_name", "endpoint_config_name", "model_name", "required_tags"
    )

    def __init__(
        self,
        *,
        endpoint_name: str,
        endpoint_config_name: str | None = None,
        model_name: str | None = None,
        required_tags: dict[str, str] | None = None,
        check_interval: float = 30,
        seconds_before_deferral: float = 90,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.endpoint_config_name = endpoint_config_name
        self.model_name = model_name
        self.required_tags = required_tags
        self.check_interval = check_interval
        self.seconds_before_deferral = seconds_before_deferral

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        names = {
            ENDPOINT.noun: self.endpoint_name,
            ENDPOINT_CONFIG.noun: self.endpoint_config_name or self.endpoint_name,
            MODEL.noun: self.model_name or self.endpoint_name,
        }
        until = (time_now(self.hook.get_conn()) + TRANSITION_TIMEOUT).isoformat()
        trigger = DeletionTrigger(names, self.required_tags or {}, until, self.check_interval, hook_arguments(self))
        return wait_for(trigger, self, context, self.seconds_before_deferral)
