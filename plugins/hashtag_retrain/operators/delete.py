"""Delete an endpoint with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.hooks import hook_arguments
from hashtag_retrain.resources import ENDPOINT, ENDPOINT_CONFIG, MODEL, Kind
from hashtag_retrain.triggers.endpoint import GONE, IN_PROGRESS, EndpointSettledTrigger
from include.ownership import tag_values

if TYPE_CHECKING:
    from airflow.sdk import Context

TRANSITION_TIMEOUT = timedelta(hours=1)


class SageMakerDeleteEndpointOperator(AwsBaseOperator[SageMakerHook]):
    """
    Delete an endpoint, its endpoint configuration and its model, as far as they exist.

    Works from what exists, not from what earlier tasks say. An endpoint that is being created or updated cannot be
    deleted: that is waited for, deferred, as is the deletion itself. A resource that lacks a required tag is somebody
    else's and left alone. What could not be deleted is named in the error.

    :param endpoint_name: the endpoint (templated)
    :param endpoint_config_name: its configuration; default: the endpoint's name (templated)
    :param model_name: its model; default: the endpoint's name (templated)
    :param required_tags: values by key of the tags that each resource must carry to be deleted (templated)
    :param check_interval: seconds between two looks at an endpoint in transition
    :return: what was deleted, what was left alone, and when
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.endpoint_config_name = endpoint_config_name
        self.model_name = model_name
        self.required_tags = required_tags
        self.check_interval = check_interval

    def execute(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        client = self.hook.get_conn()
        deleted = [f"{ENDPOINT.noun} {self.endpoint_name}"] if event and event["status"] == GONE else []
        left: list[str] = []
        failures: list[str] = []
        for kind, name in self._resources():
            try:
                description = self._described(client, kind, name, left)
                if description is None:
                    continue
                if description.get("EndpointStatus") in IN_PROGRESS:
                    self._wait()
                self.log.info("Deleting %s %s", kind.noun, name)
                kind.delete(client, name)
                if kind is ENDPOINT:
                    self._wait()
                deleted.append(f"{kind.noun} {name}")
            except (ClientError, BotoCoreError) as error:
                failures.append(f"{kind.noun} {name} ({error})")
                if kind is ENDPOINT:
                    break  # an endpoint that may still run needs its configuration and its model
        if failures:
            raise AirflowException(f"Not deleted, and possibly billed: {'; '.join(failures)}")
        self.log.info("Deleted: %s", ", ".join(deleted) or "nothing, there was nothing of this run")
        return {
            "deleted": deleted,
            "left_alone": left,
            "deleted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _resources(self) -> list[tuple[Kind, str]]:
        return [
            (ENDPOINT, self.endpoint_name),
            (ENDPOINT_CONFIG, self.endpoint_config_name or self.endpoint_name),
            (MODEL, self.model_name or self.endpoint_name),
        ]

    def _described(self, client: Any, kind: Kind, name: str, left: list[str]) -> dict[str, Any] | None:
        """The resource's description where it exists and carries the required tags."""
        description = kind.describe(client, name)
        if description is None or not self.required_tags:
            return description
        tags = kind.tags(client, description)
        if self.required_tags.items() <= tag_values(tags).items():
            return description
        self.log.warning("The %s %s is left alone: its tags %s lack %s", kind.noun, name, tags, self.required_tags)
        left.append(f"{kind.noun} {name}")
        return None

    def _wait(self) -> None:
        self.defer(
            trigger=EndpointSettledTrigger(self.endpoint_name, self.check_interval, hook_arguments(self)),
            method_name="execute",
            timeout=TRANSITION_TIMEOUT,
        )
