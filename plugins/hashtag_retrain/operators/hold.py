"""Keep an endpoint until the deadline that it carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Param
from airflow.sdk.execution_time.hitl import upsert_hitl_detail
from botocore.exceptions import ClientError

from hashtag_retrain.clock import time_of
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.operators.once import is_first_try
from hashtag_retrain.resources import ENDPOINT
from hashtag_retrain.retries import is_refused
from hashtag_retrain.triggers.endpoint import DELETE, KEEP, DeadlineTrigger
from hashtag_retrain.triggers.polling import ended
from include.aws.notify import notify
from include.config.ownership import DEADLINE

if TYPE_CHECKING:
    from airflow.sdk import Context

MINUTES = "keep_endpoint_minutes"
ASKED_ABOUT = "asked_about"
"""In Airflow's store of the task's state: when the endpoint was created that people are asked about."""


class SageMakerHoldEndpointOperator(AwsBaseOperator[SageMakerHook]):
    """
    Wait, deferred, until an endpoint's deadline has passed by SageMaker's clock.

    The deadline is an absolute time in a tag of the endpoint, so that waiting survives restarts, an early resumption,
    a cleared task and a wrong clock, and can be changed meanwhile: in the tag, or by a person's answer under *Required
    Actions* in Airflow's UI, which moves the tag before anything else happens. A retry obeys an answer that no try has
    obeyed yet. An endpoint that is gone already ends the wait.

    :param endpoint_name: the endpoint (templated)
    :param max_minutes: how long a person can keep the endpoint from now on
    :param check_interval: seconds between two polls
    :return: the deadline that has passed; None where the endpoint was gone
    """

    aws_hook_class = SageMakerHook
    template_fields: Sequence[str] = aws_template_fields("endpoint_name")

    def __init__(self, *, endpoint_name: str, max_minutes: float, check_interval: float = 30, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.max_minutes = max_minutes
        self.check_interval = check_interval

    def execute(self, context: Context, event: Any = None) -> str | None:
        if event is not None and "chosen_options" not in event:
            result: str | None = ended(event, context)
            return result
        client, store = self.hook.get_conn(), context["task_state_store"]
        trigger = DeadlineTrigger(
            self.endpoint_name, self.check_interval, hook_arguments(self), asked=str(context["ti"].id)
        )
        trigger.client = client
        if (endpoint := ENDPOINT.describe(client, self.endpoint_name)) is None:
            return None
        # Airflow keeps a question and its answer from try to try: also if another endpoint has the name by now.
        created = endpoint["CreationTime"].astimezone(UTC).isoformat()
        is_asked = store.get(ASKED_ABOUT) == created
        if is_asked and event:
            self._obey(client, endpoint["EndpointArn"], time_of(endpoint), event)
            store.delete(ASKED_ABOUT)  # so that no retry obeys it again
            is_asked = False
        if (done := trigger.poll()) is not None:
            store.delete(ASKED_ABOUT)
            return trigger.close(done)  # type: ignore[no-any-return]
        if not is_asked or is_first_try(context["ti"], self):
            # A retry does not ask again: that would remove an answer that has been given meanwhile.
            self._ask(context)
            store.set(ASKED_ABOUT, created)
        self.defer(trigger=trigger, method_name="execute")
        return None  # defer raises

    def _obey(self, client: Any, arn: str, now: datetime, answer: dict[str, Any]) -> None:
        """Move the deadline first: whatever fails after that, the person's word stands."""
        minutes = _minutes_in(answer) if KEEP in answer["chosen_options"] else 0.0
        if not 0 <= minutes <= self.max_minutes:
            self._refuse(
                f"{_name_in(answer)} asked to keep the endpoint {self.endpoint_name} for "
                f"{(answer.get('params_input') or {}).get(MINUTES)!r} minutes; it can be kept for 0 to "
                f"{self.max_minutes:g} minutes from now on. Its deadline stays."
            )
            return
        deadline = now + timedelta(minutes=minutes)
        self.log.info("%s, says %s: the deadline is %s.", answer["chosen_options"], _name_in(answer), deadline)
        try:
            client.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline.isoformat()}])
        except ClientError as error:
            if DELETE in answer["chosen_options"] or not is_refused(error):
                raise
            # To fail would have the endpoint deleted at once, which is the opposite of the person's word.
            self._refuse(f"AWS refuses to move the deadline of endpoint {self.endpoint_name}, so it stays: {error}")

    def _refuse(self, words: str) -> None:
        """Airflow has taken the answer already, so whoever gave it must be told another way."""
        self.log.error(words)
        notify(f"Endpoint {self.endpoint_name}: an answer was not obeyed.", words)

    def _ask(self, context: Context) -> None:
        minutes = Param(
            60,
            type="number",
            minimum=0,
            maximum=self.max_minutes,
            title="Minutes from now on",
            description="Counts with 'Keep it …' only. The endpoint is billed until it is deleted.",
        )
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            subject=f"Endpoint {self.endpoint_name} is in service, and billed",
            # No time: Airflow keeps a question's text when it is asked again, and the deadline may have moved.
            body=f"It is deleted at its deadline: see this task's log, or the endpoint's tag {DEADLINE}.",
            options=[KEEP, DELETE],
            params={MINUTES: minutes.serialize()},
        )


def _minutes_in(answer: dict[str, Any]) -> float:
    try:
        return float(answer["params_input"][MINUTES])
    except (KeyError, TypeError, ValueError):
        return math.nan


def _name_in(answer: dict[str, Any]) -> str:
    return str((answer.get("responded_by_user") or {}).get("name", "somebody"))
