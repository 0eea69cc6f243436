"""Create an endpoint whose tags name its owner and its deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.links import EndpointLink
from hashtag_retrain.triggers.endpoint import DeploymentTrigger
from hashtag_retrain.triggers.polling import ended, wait_for
from include.aws.clock import time_now
from include.aws.console import PAGE, Console
from include.config.company import CompanyRules
from include.config.ownership import as_tags, ownership_tags
from include.results import ENDED

if TYPE_CHECKING:
    from airflow.sdk import Context

TRANSITION_TIMEOUT = timedelta(hours=1)


class SageMakerOwnedEndpointOperator(SageMakerEndpointOperator):
    """
    Create model, endpoint configuration and endpoint, and wait until the endpoint is in service. The calls that create
    them also tag them with owner and deadline.

    The task can be retried at any point. It uses resources that exist, have the owner's tags and match the request.
    Resources that belong to somebody else, or that differ from the request, are an error. If an endpoint of this owner
    has Failed, it is created again.

    :param config: the three requests, under Model, EndpointConfig and Endpoint (templated)
    :param owner_tag: value of the owner's tag (templated)
    :param deployment: value of the deployment's tag (templated)
    :param keep_minutes: the time from the start of this attempt to the deadline, when the endpoint is to be deleted, by
        SageMaker's clock (templated). An existing endpoint keeps its deadline.
    :param decision: ``{"deploy": bool, "reason": str}``; if `deploy` is false, the task is skipped (templated)
    :param purpose: value of the purpose's tag (templated)
    :param deleted_by: id of the task that deletes the endpoint. If it has already ended in this run, nothing would
        delete the endpoint, so this task fails and creates none.
    :return: the endpoint's name, the time of its creation, and its deadline
    """

    operator_extra_links = (EndpointLink(),)
    template_fields: Sequence[str] = (
        *SageMakerEndpointOperator.template_fields,
        "owner_tag",
        "deployment",
        "keep_minutes",
        "decision",
        "purpose",
    )

    def __init__(
        self,
        *,
        config: Any,
        owner_tag: str,
        deployment: str,
        keep_minutes: Any,
        decision: Any = None,
        purpose: str = "endpoint",
        deleted_by: str | None = None,
        check_interval: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(config=config, check_interval=check_interval, deferrable=True, **kwargs)
        self.owner_tag = owner_tag
        self.deployment = deployment
        self.keep_minutes = keep_minutes
        self.decision = decision
        self.purpose = purpose
        self.deleted_by = deleted_by

    def execute(self, context: Context, event: Any = None) -> Any:
        if event is not None:
            return ended(event, context)
        if self.decision is not None and not self.decision["deploy"]:
            self.log.info("%s", self.decision["reason"])  # Airflow does not log this exception's message
            raise AirflowSkipException(self.decision["reason"])
        self._check_that_it_will_be_deleted(context)
        client = self.hook.get_conn()
        page = Console.of(client).endpoint(self.config["Endpoint"]["EndpointName"])
        context["ti"].xcom_push(key=PAGE, value=page)
        now = time_now(client)
        deadline = now + timedelta(minutes=float(self.keep_minutes))
        tags = as_tags(
            {
                **ownership_tags(self.owner_tag, self.deployment, self.purpose, deadline),
                **CompanyRules.from_environment().tags,
            }
        )
        until = (now + TRANSITION_TIMEOUT).isoformat()
        trigger = DeploymentTrigger(self.config, tags, until, self.check_interval, hook_arguments(self))
        return wait_for(trigger, self, context)

    def _check_that_it_will_be_deleted(self, context: Context) -> None:
        """Somebody may have cleared this task alone, or "only failed tasks" after a deployment that failed."""
        if self.deleted_by is None:
            return
        ti = context["ti"]
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[self.deleted_by], run_ids=[ti.run_id])
        if (state := states.get(ti.run_id, {}).get(self.deleted_by)) in ENDED:
            raise AirflowFailException(
                f"{self.deleted_by} of this run has already ended ({state}), so nothing would delete the endpoint. "
                f"Clear {self.task_id} with its downstream tasks (and not only the failed ones)."
            )
