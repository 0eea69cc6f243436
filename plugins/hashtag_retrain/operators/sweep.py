"""Delete what has outlived its deadline, whoever was to delete it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.resources import ENDPOINT, IN_ORDER_OF_DELETION, Kind
from hashtag_retrain.triggers.endpoint import IN_PROGRESS
from include.notify import notify
from include.ownership import DEADLINE, OWNER, deadline_in, tag_values

if TYPE_CHECKING:
    from airflow.sdk import Context


class UnreadableDeadline(ValueError):
    """A resource of this product carries a deadline that is no time."""


class SageMakerSweepEndpointsOperator(AwsBaseOperator[SageMakerHook]):
    """
    Delete endpoints, endpoint configurations and models whose deadline's tag has passed.

    Only resources that carry both an owner's and a deadline's tag are touched. An endpoint in transition is left for
    the next sweep, and so are configuration and model while the endpoint of their name is there. What could not
    be deleted is named in the error, after everything else was tried.

    :param name_contains: only resources whose name contains this are looked at
    :param grace: so long after the deadline the owner itself still has time to delete
    :param dry_run_only: list, and delete nothing (templated)
    :return: what was found overdue: kind, name, owner, deadline
    """

    aws_hook_class = SageMakerHook
    template_fields: Sequence[str] = aws_template_fields("dry_run_only")

    def __init__(
        self,
        *,
        name_contains: str,
        grace: timedelta = timedelta(minutes=10),
        dry_run_only: Any = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name_contains = name_contains
        self.grace = grace
        self.dry_run_only = dry_run_only

    def execute(self, context: Context) -> list[dict[str, str]]:
        client = self.hook.get_conn()
        dry_run = str(self.dry_run_only).lower() == "true"
        overdue: list[dict[str, str]] = []
        failures: list[str] = []
        for kind in IN_ORDER_OF_DELETION:
            # Whatever is wrong with one resource, the others are still looked at.
            try:
                names = kind.list_names(client, self.name_contains)
            except (ClientError, BotoCoreError) as error:
                failures.append(f"the list of {kind.noun}s ({error})")
                continue
            for name in names:
                try:
                    found = self._overdue(client, kind, name)
                    if found is None:
                        continue
                    overdue.append(found)
                    self.log.warning("%s %s", "Would delete" if dry_run else "Deleting", found)
                    if not dry_run:
                        kind.delete(client, name)
                except (ClientError, BotoCoreError, UnreadableDeadline) as error:
                    failures.append(f"{kind.noun} {name} ({error})")
        if overdue and not dry_run:
            self._notify(f"{len(overdue)} overdue, and deleted by the sweep", [str(found) for found in overdue])
        if failures:
            self._notify(f"{len(failures)} overdue or unknown, not deleted, and possibly billed", failures)
            raise AirflowException(f"Overdue or unknown, not deleted, and possibly billed: {'; '.join(failures)}")
        self.log.info("%s resources were overdue.", len(overdue))
        return overdue

    def _notify(self, what: str, resources: list[str]) -> None:
        notify(f"SageMaker resources: {what}", "\n".join(resources))

    def _overdue(self, client: Any, kind: Kind, name: str) -> dict[str, str] | None:
        description = kind.describe(client, name)
        if description is None or description.get("EndpointStatus") in IN_PROGRESS:
            return None
        tags = kind.tags(client, description)
        values = tag_values(tags)
        if OWNER not in values or DEADLINE not in values:
            return None
        deadline = deadline_in(tags)
        if deadline is None:
            raise UnreadableDeadline(f"its tag {DEADLINE} is no time: {values[DEADLINE]!r}")
        if datetime.now(UTC) < deadline + self.grace or (kind is not ENDPOINT and self._is_used(client, name)):
            return None
        return {"kind": kind.noun, "name": name, "owner": values[OWNER], "deadline": deadline.isoformat()}

    def _is_used(self, client: Any, name: str) -> bool:
        """Whether the endpoint of the same name is there, and stays: its deadline may have been moved."""
        endpoint = ENDPOINT.describe(client, name)
        return endpoint is not None and endpoint["EndpointStatus"] != "Deleting"
