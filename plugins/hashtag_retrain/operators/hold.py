"""Keep an endpoint until its deadline."""

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

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.operators.once import is_first_try
from hashtag_retrain.retries import is_refused
from hashtag_retrain.triggers.endpoint import DELETE, KEEP, DeadlineTrigger
from hashtag_retrain.triggers.polling import defer, ended
from include.aws.clock import time_of
from include.aws.notify import notify
from include.aws.resources import ENDPOINT
from include.config.ownership import DEADLINE

if TYPE_CHECKING:
    from airflow.sdk import Context

MINUTES = "keep_endpoint_minutes"
ASKED_ABOUT = "asked_about"
"""Key in Airflow's store of the task's state: the creation time of the endpoint that the question is about."""


class SageMakerHoldEndpointOperator(AwsBaseOperator[SageMakerHook]):
    """
    Wait, deferred, until an endpoint's deadline has passed by SageMaker's clock.

    The deadline is an absolute time in a tag of the endpoint. So a restart, an early resumption, a cleared task or a
    wrong clock does not change it. A person can change it: in the tag, or with an answer under *Required Actions* in
    Airflow's UI. The task writes the answer to the tag before it does anything else. If an attempt ends before it has
    carried out an answer, the next one does. If the endpoint does not exist any more, the task ends.

    :param endpoint_name: the endpoint (templated)
    :param max_minutes: for how many minutes, from now on, a person can keep the endpoint
    :param check_interval: seconds between two polls
    :return: the deadline that has passed; None if the endpoint did not exist any more
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
        # Airflow keeps question and answer over retries, even if another endpoint has this name by now.
        created = endpoint["CreationTime"].astimezone(UTC).isoformat()
        is_asked = store.get(ASKED_ABOUT) == created
        if is_asked and event:
            self._obey(client, endpoint["EndpointArn"], time_of(endpoint), event)
            store.delete(ASKED_ABOUT)  # so that no retry carries it out again
            is_asked = False
        if (done := trigger.poll()) is not None:
            store.delete(ASKED_ABOUT)
            return trigger.close(done)  # type: ignore[no-any-return]
        if not is_asked or is_first_try(context["ti"], self):
            # A retry does not ask again, because that would remove an answer that was given meanwhile.
            self._ask(context)
            store.set(ASKED_ABOUT, created)
        return defer(trigger, self)  # type: ignore[no-any-return]

    def _obey(self, client: Any, arn: str, now: datetime, answer: dict[str, Any]) -> None:
        """Move the deadline as the answer says. This comes first, so a later failure does not lose the answer."""
        minutes = _minutes_in(answer) if KEEP in answer["chosen_options"] else 0.0
        if not 0 <= minutes <= self.max_minutes:
            self._refuse(
                f"{_name_in(answer)} asked to keep the endpoint {self.endpoint_name} for "
                f"{(answer.get('params_input') or {}).get(MINUTES)!r} minutes. Possible are 0 to "
                f"{self.max_minutes:g} minutes from now on. The deadline does not change."
            )
            return
        deadline = now + timedelta(minutes=minutes)
        self.log.info("Answer %s of %s: the deadline is now %s.", answer["chosen_options"], _name_in(answer), deadline)
        try:
            client.add_tags(ResourceArn=arn, Tags=[{"Key": DEADLINE, "Value": deadline.isoformat()}])
        except ClientError as error:
            if DELETE in answer["chosen_options"] or not is_refused(error):
                raise
            # If the task failed, the endpoint would be deleted at once, although the person wants to keep it.
            self._refuse(f"AWS refuses to move the deadline of endpoint {self.endpoint_name}: {error}")

    def _refuse(self, words: str) -> None:
        """Log the reason and send a notice. Airflow's UI does not show it, because Airflow has accepted the answer."""
        self.log.error(words)
        notify(f"Endpoint {self.endpoint_name}: an answer was not carried out.", words)

    def _ask(self, context: Context) -> None:
        minutes = Param(
            60,
            type="number",
            minimum=0,
            maximum=self.max_minutes,
            title="Minutes from now on",
            description="Only for 'Keep it …'. AWS bills the endpoint until it is deleted.",
        )
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            subject=f"Keep endpoint {self.endpoint_name} longer, or delete it now?",
            # Without the time: if a question is asked again, Airflow keeps its text, but the deadline may have moved.
            body="AWS bills it. Without an answer it is deleted at its deadline. This task's log and the endpoint's "
            f"tag {DEADLINE} contain the time.",
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
