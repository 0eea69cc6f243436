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
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import upsert_hitl_detail
from botocore.exceptions import ClientError

from hashtag_retrain.clock import time_of
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.resources import ENDPOINT
from hashtag_retrain.retries import is_refused
from hashtag_retrain.triggers.endpoint import EndpointDeadlineTrigger
from include.ownership import DEADLINE, deadline_in

if TYPE_CHECKING:
    from airflow.sdk import Context

KEEP, DELETE = "Keep it from now on for so many minutes", "Delete it now"
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
    :param check_interval: seconds between two looks at the endpoint
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
        client = self.hook.get_conn()
        description = ENDPOINT.describe(client, self.endpoint_name)
        if description is None or description["EndpointStatus"] == "Deleting":
            self.log.info("Endpoint %s is gone already.", self.endpoint_name)
            return None
        now, store = time_of(description), context["task_state_store"]
        created = description["CreationTime"].astimezone(UTC).isoformat()
        # Airflow keeps a question and its answer from try to try: also if another endpoint has the name by now.
        is_asked = store.get(ASKED_ABOUT) == created
        if is_asked and event and "chosen_options" in event:
            self._obey(client, description["EndpointArn"], now, event)
            store.delete(ASKED_ABOUT)
            is_asked = False
        deadline = deadline_in(ENDPOINT.tags(client, description))
        if deadline is None:
            raise AirflowFailException(f"Endpoint {self.endpoint_name} carries no tag {DEADLINE} with a time.")
        if now < deadline:
            self.log.info("Endpoint %s is kept until %s.", self.endpoint_name, deadline)
            if not is_asked:  # to ask again would remove an answer that has been given meanwhile
                self._ask(context, deadline)
                store.set(ASKED_ABOUT, created)
            self._wait(context)
        self.log.info("The deadline of endpoint %s, %s, has passed.", self.endpoint_name, deadline)
        return deadline.isoformat()

    def _obey(self, client: Any, arn: str, now: datetime, answer: dict[str, Any]) -> None:
        """Move the deadline first: whatever fails after that, the person's word stands."""
        minutes = _minutes_in(answer) if KEEP in answer["chosen_options"] else 0.0
        if not 0 <= minutes <= self.max_minutes:
            self.log.warning("The answer %s gives no minutes up to %s: the deadline stays.", answer, self.max_minutes)
            return
        deadline = now + timedelta(minutes=minutes)
        self.log.info("%s, says %s: the deadline is %s.", answer["chosen_options"], _name_in(answer), deadline)
        try:
            client.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline.isoformat()}])
        except ClientError as error:
            if DELETE in answer["chosen_options"] or not is_refused(error):
                raise
            # To fail would have the endpoint deleted at once, which is the opposite of the person's word.
            self.log.error("AWS refuses to move the deadline, so it stays: %s", error)

    def _ask(self, context: Context, deadline: datetime) -> None:
        minutes = Param(
            60, type="number", minimum=0, maximum=self.max_minutes, title="Minutes from now on",
            description="Counts with 'Keep it …' only. The endpoint is billed until it is deleted.",
        )  # fmt: skip
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            subject=f"Endpoint {self.endpoint_name} is in service, and billed",
            body=f"It is deleted at {deadline:%Y-%m-%d %H:%M:%S} UTC, unless its deadline has been moved since.",
            options=[KEEP, DELETE],
            params={MINUTES: minutes.serialize()},
        )

    def _wait(self, context: Context) -> None:
        # A person's answer resumes a deferred task, as the trigger's event does.
        self.defer(
            trigger=EndpointDeadlineTrigger(
                self.endpoint_name, self.check_interval, hook_arguments(self), asked=str(context["ti"].id)
            ),
            method_name="execute",
        )  # fmt: skip


def _minutes_in(answer: dict[str, Any]) -> float:
    try:
        return float(answer["params_input"][MINUTES])
    except (KeyError, TypeError, ValueError):
        return math.nan


def _name_in(answer: dict[str, Any]) -> str:
    return str((answer.get("responded_by_user") or {}).get("name", "somebody"))
