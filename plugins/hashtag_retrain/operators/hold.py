"""Keep an endpoint until the deadline that it carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import upsert_hitl_detail

from hashtag_retrain.clock import time_of
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.resources import ENDPOINT
from hashtag_retrain.triggers.endpoint import UNASKED, EndpointDeadlineTrigger
from include.ownership import DEADLINE, deadline_in

if TYPE_CHECKING:
    from airflow.sdk import Context

KEEP, DELETE = "Keep it from now on for so many minutes", "Delete it now"
MINUTES = "keep_endpoint_minutes"
ANSWER = "answer"
"""Its key in Airflow's store of a task's state, which lasts from try to try."""


class SageMakerHoldEndpointOperator(AwsBaseOperator[SageMakerHook]):
    """
    Wait, deferred, until an endpoint's deadline has passed by SageMaker's clock.

    The deadline is an absolute time in a tag of the endpoint, so that waiting survives restarts, an early resumption,
    a cleared task and a wrong clock, and can be changed meanwhile: in the tag, or by a person's answer under *Required
    Actions* in Airflow's UI, which moves the tag before anything else happens. The answer is kept until the tag has
    been moved, so a retry obeys it, too. An endpoint that is gone already ends the wait.

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
        answer = self._answer(context, event)
        client = self.hook.get_conn()
        description = ENDPOINT.describe(client, self.endpoint_name)
        if description is None or description["EndpointStatus"] == "Deleting":
            self.log.info("Endpoint %s is gone already.", self.endpoint_name)
            context["task_state_store"].delete(ANSWER)
            return None
        now = time_of(description)
        if answer:
            self._obey(client, description["EndpointArn"], now, answer)
            context["task_state_store"].delete(ANSWER)
        deadline = deadline_in(ENDPOINT.tags(client, description))
        if deadline is None:
            raise AirflowFailException(f"Endpoint {self.endpoint_name} carries no tag {DEADLINE} with a time.")
        if now < deadline:
            self._wait(context, deadline, ask=bool(answer) or _is_unasked(context, event))
        self.log.info("The deadline of endpoint %s, %s, has passed.", self.endpoint_name, deadline)
        return deadline.isoformat()

    def _answer(self, context: Context, event: Any) -> dict[str, Any] | None:
        """What a person has answered and nobody has obeyed yet. A retry gets no event, so it is stored first."""
        store = context["task_state_store"]
        if event and "chosen_options" in event:
            store.set(ANSWER, {key: event.get(key) for key in ("chosen_options", "params_input", "responded_by_user")})
        answer: dict[str, Any] | None = store.get(ANSWER)
        return answer

    def _obey(self, client: Any, arn: str, now: datetime, answer: dict[str, Any]) -> None:
        """Move the deadline first: whatever fails after that, the person's word stands."""
        minutes = _minutes_in(answer) if KEEP in answer["chosen_options"] else 0.0
        if not 0 <= minutes <= self.max_minutes:
            self.log.warning("The answer %s gives no minutes up to %s: the deadline stays.", answer, self.max_minutes)
            return
        deadline = now + timedelta(minutes=minutes)
        self.log.info("%s, says %s: the deadline is %s.", answer["chosen_options"], _name_in(answer), deadline)
        client.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline.isoformat()}])

    def _wait(self, context: Context, deadline: datetime, ask: bool) -> None:
        self.log.info("Endpoint %s is kept until %s.", self.endpoint_name, deadline)
        if ask:
            self._ask(context, deadline)
        # A person's answer resumes a deferred task, as the trigger's event does.
        self.defer(
            trigger=EndpointDeadlineTrigger(
                self.endpoint_name, self.check_interval, hook_arguments(self), asked=str(context["ti"].id)
            ),
            method_name="execute",
        )  # fmt: skip

    def _ask(self, context: Context, deadline: datetime) -> None:
        """Put the question, or put it anew: that removes an answer to the old one."""
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


def _is_unasked(context: Context, event: Any) -> bool:
    """
    Whether nobody can have answered yet. Airflow may drop the event with an answer that comes while it is still busy
    with the deferral: it counts the task as failed and tries again. Tasks cannot read answers, but triggers can.
    """
    return (context["ti"].try_number == 1 and event is None) or (bool(event) and event["status"] == UNASKED)


def _minutes_in(answer: dict[str, Any]) -> float:
    try:
        return float(answer["params_input"][MINUTES])
    except (KeyError, TypeError, ValueError):
        return math.nan


def _name_in(answer: dict[str, Any]) -> str:
    return str((answer.get("responded_by_user") or {}).get("name", "somebody"))
