"""Let the live endpoint of a hashtag serve a version of the model registry, or turn the live endpoint off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain.backfills import BACKFILL
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.links import EndpointLink
from hashtag_retrain.triggers.polling import ended, wait_for
from hashtag_retrain.triggers.promotion import PromotionTrigger, RetirementTrigger
from include.aws.clock import time_now
from include.aws.console import PAGE, Console
from include.config.company import CompanyRules
from include.config.names import live_endpoint_name
from include.config.settings import Settings
from include.live.requests import LiveSettings, live_settings_of

if TYPE_CHECKING:
    from airflow.sdk import Context

FOR_OTHER_PROMOTIONS = 2
"""A promotion waits for so many others, which are under way."""


class SageMakerPromoteOperator(AwsBaseOperator[SageMakerHook]):
    """
    Let the live endpoint of a hashtag serve a version, and wait until it does.

    The endpoint is created if it does not exist. Otherwise it is updated in place: a canary, alarms that roll the
    update back, and smoke tests before, during and after it. A rollback is a result, and no failure of the task: the
    version is then Rejected in the model registry. The task can be retried at any point.

    :param hashtag: whose live endpoint (templated)
    :param version: its number in the model registry (templated)
    :param date: of the tweets of the run whose version it is. Then the task is skipped if the version is not Approved,
        or if there are newer tweets. Empty if a person has chosen the version (templated)
    :param live: `HashtagSettings.live_endpoint`; by default that of the hashtag in the hashtags file
    :param check_interval: seconds between two polls
    :return: a `include.results.Promoted`
    """

    aws_hook_class = SageMakerHook
    operator_extra_links = (EndpointLink(),)
    template_fields: Sequence[str] = aws_template_fields("hashtag", "version", "date")

    def __init__(
        self,
        *,
        hashtag: str,
        version: Any,
        live: Mapping[str, Any] | None = None,
        date: str = "",
        check_interval: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hashtag = hashtag
        self.version = version
        self.live = live
        self.date = date
        self.check_interval = check_interval

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        if self.date and context["dag_run"].run_type == BACKFILL:
            reason = "A backfill leaves the live endpoint alone."
            self.log.info(reason)  # Airflow does not log this exception's message
            raise AirflowSkipException(reason)
        client, settings = (
            self.hook.get_conn(),
            LiveSettings(**self.live) if self.live else live_settings_of(self.hashtag),
        )
        link_endpoint(context, client, self.hashtag)
        now, seconds = time_now(client), (1 + FOR_OTHER_PROMOTIONS) * settings.execution_seconds
        trigger = PromotionTrigger(
            hashtag=self.hashtag,
            version=int(self.version),
            date=self.date,
            live=asdict(settings),
            deployment=asdict(Settings.from_environment()),
            started=(context["dag_run"].start_date or now).isoformat(),
            until=(now + timedelta(seconds=seconds)).isoformat(),
            poll_seconds=self.check_interval,
            hook_arguments=hook_arguments(self),
            rules=CompanyRules.from_environment().model_dump(exclude_defaults=True),
        )
        return wait_for(trigger, self, context)


class SageMakerRetireOperator(AwsBaseOperator[SageMakerHook]):
    """
    Turn the live endpoint of a hashtag off: delete it, its configurations, its models and its alarms.

    :param hashtag: whose live endpoint (templated)
    :param check_interval: seconds between two polls
    :return: what was deleted
    """

    aws_hook_class = SageMakerHook
    operator_extra_links = (EndpointLink(),)
    template_fields: Sequence[str] = aws_template_fields("hashtag")

    def __init__(self, *, hashtag: str, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hashtag = hashtag
        self.check_interval = check_interval

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        link_endpoint(context, self.hook.get_conn(), self.hashtag)
        deployment = asdict(Settings.from_environment())
        trigger = RetirementTrigger(self.hashtag, deployment, self.check_interval, hook_arguments(self))
        return wait_for(trigger, self, context)


def link_endpoint(context: Context, client: Any, hashtag: str) -> None:
    """Store the address of the live endpoint's page for the task's link."""
    context["ti"].xcom_push(key=PAGE, value=Console.of(client).endpoint(live_endpoint_name(hashtag)))
