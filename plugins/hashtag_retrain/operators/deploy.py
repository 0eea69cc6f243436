"""Create an endpoint that says whose it is and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from botocore.exceptions import ClientError

from hashtag_retrain.clock import time_now
from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.resources import ENDPOINT, IN_ORDER_OF_CREATION, Kind
from hashtag_retrain.triggers.endpoint import EndpointSettledTrigger
from include.blazingtext.requests import as_tags
from include.ownership import DEPLOYMENT, OWNER, deadline_in, ownership_tags, tag_values

if TYPE_CHECKING:
    from airflow.sdk import Context

TRANSITION_TIMEOUT = timedelta(hours=1)


class SageMakerOwnedEndpointOperator(SageMakerEndpointOperator):
    """
    Create model, endpoint configuration and endpoint, each tagged with its owner and its deadline from the first call
    on, and wait, deferred, until the endpoint is in service.

    May be retried at any point: what exists, carries the owner's tags and is as the request asks is used; what belongs
    to somebody else, or is otherwise, is an error; and an endpoint of this owner that Failed is made again.

    :param config: the three requests, under Model, EndpointConfig and Endpoint (templated)
    :param owner_tag: value of the owner's tag (templated)
    :param deployment: value of the deployment's tag (templated)
    :param keep_minutes: the deadline, when the endpoint is to be deleted, is so long after this attempt's start, by
        SageMaker's clock (templated). An existing endpoint keeps the deadline that it carries.
    :param decision: ``{"deploy": bool, "reason": str}``; where `deploy` is false the task is skipped (templated)
    :param purpose: value of the purpose's tag (templated)
    :return: the endpoint's name, when it was created and the deadline that it carries
    """

    template_fields: Sequence[str] = (
        *SageMakerEndpointOperator.template_fields, "owner_tag", "deployment", "keep_minutes", "decision", "purpose",
    )  # fmt: skip

    def __init__(
        self,
        *,
        config: Any,
        owner_tag: str,
        deployment: str,
        keep_minutes: Any,
        decision: Any = None,
        purpose: str = "endpoint",
        check_interval: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(config=config, check_interval=check_interval, deferrable=True, **kwargs)
        self.owner_tag = owner_tag
        self.deployment = deployment
        self.keep_minutes = keep_minutes
        self.decision = decision
        self.purpose = purpose

    def execute(self, context: Context, event: dict[str, Any] | None = None) -> None:
        if self.decision is not None and not self.decision["deploy"]:
            raise AirflowSkipException(self.decision["reason"])
        self.preprocess_config()
        client = self.hook.get_conn()
        deadline = time_now(client) + timedelta(minutes=float(self.keep_minutes))
        tags = as_tags(ownership_tags(self.owner_tag, self.deployment, self.purpose, deadline))
        is_new = ENDPOINT.describe(client, self._endpoint_name) is None
        for kind in IN_ORDER_OF_CREATION:
            self._make(client, kind, tags, is_new)
        self._wait(then="execute_complete")

    def _make(self, client: Any, kind: Kind, tags: list[dict[str, str]], is_new: bool) -> None:
        """Create a resource, unless it is there; as part of a new endpoint it then gets that one's deadline."""
        request = self.config[kind.request_name]
        name = request[f"{kind.request_name}Name"]
        if not self._is_there(client, kind, request):
            self.log.info("Creating %s %s", kind.noun, name)
            try:
                getattr(client, f"create_{kind.method_name}")(**request, Tags=tags)
            except ClientError:
                # Perhaps the answer to the first try was lost, and botocore's second one has found the resource there.
                if not self._is_there(client, kind, request):
                    raise
            return
        self.log.info("The %s %s is there from an earlier attempt.", kind.noun, name)
        if is_new and kind is not ENDPOINT:
            description = kind.describe(client, name) or {}
            client.add_tags(ResourceArn=description[f"{kind.request_name}Arn"], Tags=tags)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        assert event is not None
        if event["status"] != "InService":
            raise AirflowException(f"Endpoint {self._endpoint_name} is {event['status']}: {event['reason']}")
        client = self.hook.get_conn()
        description = client.describe_endpoint(EndpointName=self._endpoint_name)
        deadline = deadline_in(ENDPOINT.tags(client, description))
        self.log.info("Endpoint %s is in service; it is to be deleted at %s.", self._endpoint_name, deadline)
        return {
            "endpoint_name": self._endpoint_name,
            "created_at": description["CreationTime"].astimezone(UTC).isoformat(timespec="seconds"),
            "deadline": deadline.isoformat() if deadline else None,
        }

    @property
    def _endpoint_name(self) -> str:
        name: str = self.config["Endpoint"]["EndpointName"]
        return name

    def _is_there(self, client: Any, kind: Kind, request: dict[str, Any]) -> bool:
        """Whether an earlier attempt has made this resource, and it can be used."""
        name = request[f"{kind.request_name}Name"]
        description = kind.describe(client, name)
        if description is None:
            return False
        tags = tag_values(kind.tags(client, description))
        owner = (tags.get(OWNER), tags.get(DEPLOYMENT))
        if owner != (self.owner_tag, self.deployment):
            raise AirflowFailException(f"The {kind.noun} {name} exists and belongs to {owner[0] or 'nobody known'}.")
        if description.get("EndpointStatus") == "Failed":
            self.log.info("Deleting the failed endpoint %s of an earlier attempt.", name)
            kind.delete(client, name)
            self._wait(then="execute")
        if description.get("EndpointStatus") == "Deleting":
            self._wait(then="execute")
        if differences := kind.differences(description, request):
            raise AirflowFailException(
                f"The {kind.noun} {name} exists with other content: {'; '.join(differences)}. "
                "Clear delete_endpoint by itself first, then this task."
            )
        return True

    def _wait(self, then: str) -> None:
        self.defer(
            trigger=EndpointSettledTrigger(self._endpoint_name, self.check_interval, hook_arguments(self)),
            method_name=then,
            timeout=TRANSITION_TIMEOUT,
        )
