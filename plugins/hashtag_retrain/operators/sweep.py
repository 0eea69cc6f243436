"""Delete the resources and stop the jobs that runs have left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import BotoCoreError, ClientError

from include.aws.clock import time_now
from include.aws.notify import notify
from include.aws.resources import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    IN_ORDER_OF_DELETION,
    IN_PROGRESS,
    JOBS,
    MODEL,
    NOT_FOUND,
    TRAINING_JOB,
    TUNING_JOB,
    Kind,
    instances_of,
)
from include.config.names import live_endpoint_name
from include.config.ownership import DEADLINE, DEPLOYMENT, LIVE, OWNER, PURPOSE, deadline_in, run_of, tag_values
from include.config.permissions import advice

if TYPE_CHECKING:
    from airflow.sdk import Context

PROMOTION_TIME = timedelta(hours=1)
"""Between the creation of a live endpoint's configuration and the request that uses it, at most."""
RUNNING, ENDED, UNKNOWN = "running", "ended", "unknown"
"""
States of a run. ENDED includes runs that Airflow does not know any more. UNKNOWN are the runs of other deployments, and
those whose ids do not fit in a tag.
"""


class UnreadableDeadline(ValueError):
    """The sweep cannot tell when a resource of this product is to be deleted."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A resource to delete, or a job to stop."""

    kind: str
    name: str
    owner: str
    """DAG id and run id."""
    purpose: str
    why: str
    run: str
    """State of the owning run: running, ended or unknown."""
    deadline: str | None
    overdue_minutes: float | None
    age_hours: float
    instance_type: str | None
    """None for configurations and models, which cost nothing."""
    instances: int

    def __str__(self) -> str:
        hours = f"{self.age_hours * self.instances:.2f}"
        cost = f"AWS bills {hours} hours of {self.instance_type}" if self.instance_type else "AWS bills nothing"
        return f"{self.kind} {self.name} ({self.purpose}): {self.why}. It is {self.age_hours:.2f} hours old; {cost}."


class SageMakerSweepEndpointsOperator(AwsBaseOperator[SageMakerHook]):
    """
    Delete the SageMaker resources that runs have left behind, and stop their jobs:

    - endpoints, endpoint configurations and models whose deadline has passed, by SageMaker's clock;
    - configurations and models without an endpoint whose run has ended;
    - training and tuning jobs in progress whose run has ended;
    - configurations and models of live endpoints that these do not use. The live endpoints themselves stay.

    Only resources with an owner's tag are touched. Whether a run has ended counts only for this deployment's resources.
    An endpoint in transition waits for the next sweep; so do a configuration and a model while the endpoint of their
    name exists. If something cannot be deleted, the sweep goes on and fails at the end, with an error that names it.

    A notice says what was removed. It leaves out what belongs to a run that is still running and is not much late.

    :param name_contains: sweep only endpoints, configurations and models whose name contains this
    :param deployment: value of the deployment's tag (templated)
    :param lateness: how late a running run may delete its endpoint before a notice mentions it
    :param dry_run_only: list what would be removed, and remove nothing (templated)
    :return: what was found, as dictionaries with the fields of `Leftover`
    """

    aws_hook_class = SageMakerHook
    template_fields: Sequence[str] = aws_template_fields("deployment", "dry_run_only")

    def __init__(
        self,
        *,
        name_contains: str,
        deployment: str,
        lateness: timedelta = timedelta(minutes=5),
        dry_run_only: Any = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name_contains = name_contains
        self.deployment = deployment
        self.lateness = lateness
        self.dry_run_only = dry_run_only

    def execute(self, context: Context) -> list[dict[str, Any]]:
        client = self.hook.get_conn()
        dry_run = str(self.dry_run_only).lower() == "true"
        now = time_now(client)
        found: list[Leftover] = []
        failures: list[str] = []
        for kind, name in self._names(client, failures):
            # An error with one resource must not keep the sweep from the others.
            try:
                leftover = self._inspect(client, kind, name, now, context)
                if leftover is None:
                    continue
                self.log.warning("%s %s", _verb(kind, dry_run), leftover)
                if not dry_run:
                    kind.remove(client, name)
                found.append(leftover)
            except (ClientError, BotoCoreError, UnreadableDeadline) as error:
                if NOT_FOUND.search(str(error)):  # deleted by somebody else since it was listed
                    continue
                failures.append(f"{kind.noun} {name} ({error})")
        self._report(found, failures, dry_run, context)
        return [asdict(leftover) for leftover in found]

    def _names(self, client: Any, failures: list[str]) -> Iterator[tuple[Kind, str]]:
        """The kind and the name of everything to inspect."""
        name_filter, status_filter = {"NameContains": self.name_contains}, {"StatusEquals": "InProgress"}
        lists = [(kind, name_filter) for kind in IN_ORDER_OF_DELETION]
        # Tuning jobs before training jobs: a tuning job replaces a training job that is stopped by another one.
        lists += [(kind, status_filter) for kind in (TUNING_JOB, TRAINING_JOB)]
        for kind, filters in lists:
            try:
                names = kind.list_names(client, **filters)
            except (ClientError, BotoCoreError) as error:
                failures.append(f"the list of {kind.noun}s ({error})")
                continue
            yield from ((kind, name) for name in names)

    def _inspect(self, client: Any, kind: Kind, name: str, now: datetime, context: Context) -> Leftover | None:
        """The resource as a leftover; None if it is to stay."""
        description = kind.describe(client, name)
        if description is None or description.get("EndpointStatus") in IN_PROGRESS:
            return None
        tags = tag_values(kind.tags(client, description))
        if LIVE in tags:
            return self._unused_of_live_endpoint(client, kind, description, tags, now)
        if OWNER not in tags:
            return None
        deadline = _deadline(tags)
        run = self._run_state(tags, context)
        if kind in {ENDPOINT_CONFIG, MODEL} and self._is_used(client, name):
            return None
        why = _why(kind, run, deadline, now)
        if why is None:
            return None
        instance_type, instances = instances_of(client, kind, description)
        return Leftover(
            kind=kind.noun,
            name=name,
            owner=tags[OWNER],
            purpose=tags.get(PURPOSE, ""),
            why=why,
            run=run,
            deadline=deadline.isoformat() if deadline else None,
            overdue_minutes=_hours(now - deadline) * 60 if deadline else None,
            age_hours=_hours(now - description["CreationTime"]),
            instance_type=instance_type,
            instances=instances,
        )

    def _unused_of_live_endpoint(
        self, client: Any, kind: Kind, description: dict[str, Any], tags: dict[str, str], now: datetime
    ) -> Leftover | None:
        """
        A configuration or model of a live endpoint that it does not use, because a promotion was interrupted. A new one
        may be of a promotion that is under way. An old one may be served again if the endpoint was modified of late.
        The endpoint itself is never a leftover.
        """
        age = now - description["CreationTime"]
        if kind not in {ENDPOINT_CONFIG, MODEL} or tags.get(DEPLOYMENT) != self.deployment or age < PROMOTION_TIME:
            return None
        endpoint = ENDPOINT.describe(client, live_endpoint_name(tags[LIVE])) or {}
        name = description[f"{kind.request_name}Name"]
        if _is_in_use(endpoint, name, now):
            return None
        return Leftover(
            kind=kind.noun,
            name=name,
            owner="",
            purpose=tags.get(PURPOSE, ""),
            why="its live endpoint does not use it",
            run=ENDED,
            deadline=None,
            overdue_minutes=None,
            age_hours=_hours(age),
            instance_type=None,
            instances=0,
        )

    def _run_state(self, tags: dict[str, str], context: Context) -> str:
        run = run_of(tags[OWNER])
        if run is None or tags.get(DEPLOYMENT) != self.deployment:
            return UNKNOWN
        dag_id, run_id = run
        unfinished = context["ti"].get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"])
        return RUNNING if unfinished else ENDED

    def _is_used(self, client: Any, name: str) -> bool:
        """Whether the endpoint of this name exists and stays. Its deadline may have been moved after its creation."""
        endpoint = ENDPOINT.describe(client, name)
        return endpoint is not None and endpoint["EndpointStatus"] != "Deleting"

    def _report(self, found: list[Leftover], failures: list[str], dry_run: bool, context: Context) -> None:
        late = self.lateness.total_seconds() / 60
        leaks = [str(left) for left in found if left.run != RUNNING or (left.overdue_minutes or 0) > late]
        link = f"\n\n{context['ti'].log_url}"
        if failures:
            if not dry_run:
                subject = f"SageMaker: {len(failures)} not removed, and possibly billed"
                missing = dict.fromkeys(filter(None, map(advice, failures)))
                notify(subject, "\n".join([*failures, *missing, *leaks]) + link)
            raise AirflowException(f"Not inspected or not removed, and possibly billed: {'; '.join(failures)}")
        if leaks and not dry_run:
            notify(f"SageMaker: {len(leaks)} left behind by runs, removed by the sweep", "\n".join(leaks) + link)
        self.log.info("%s resources and jobs were left behind%s", len(found), "; nothing was removed" * dry_run)


def _is_in_use(live_endpoint: dict[str, Any], config: str, now: datetime) -> bool:
    """Whether a live endpoint, which may not exist, serves a configuration, or may be about to serve it."""
    if live_endpoint.get("EndpointStatus") in IN_PROGRESS or live_endpoint.get("EndpointConfigName") == config:
        return True
    modified = live_endpoint.get("LastModifiedTime")
    return modified is not None and now - modified < PROMOTION_TIME


def _deadline(tags: dict[str, str]) -> datetime | None:
    """
    :raises UnreadableDeadline: the tag does not hold a time
    """
    deadline = deadline_in(tags)
    if deadline is None and DEADLINE in tags:
        raise UnreadableDeadline(f"its tag {DEADLINE} is not a time: {tags[DEADLINE]!r}")
    return deadline


def _why(kind: Kind, run: str, deadline: datetime | None, now: datetime) -> str | None:
    """The reason to remove a resource or job; None if it is to stay."""
    if kind in JOBS:
        return "its run has ended" if run == ENDED else None
    if deadline is not None and deadline <= now:
        return f"its deadline, {deadline:%Y-%m-%d %H:%M} UTC, has passed"
    if kind is ENDPOINT:
        return _why_without_deadline(run) if deadline is None else None
    return "its run has ended, and it has no endpoint" if run == ENDED else None


def _why_without_deadline(run: str) -> str | None:
    """The reason to delete an endpoint whose deadline's tag was removed; None if it is to stay."""
    if run == UNKNOWN:
        raise UnreadableDeadline(f"it has lost its tag {DEADLINE}, and its run is not known")
    return f"its run has ended, and it has lost its tag {DEADLINE}" if run == ENDED else None


def _verb(kind: Kind, dry_run: bool) -> str:
    if dry_run:
        return "Would stop" if kind in JOBS else "Would delete"
    return "Stopping" if kind in JOBS else "Deleting"


def _hours(duration: timedelta) -> float:
    """Not negative: SageMaker's clock gives whole seconds, so a new resource can seem to be created in the future."""
    return round(max(duration.total_seconds(), 0) / 3600, 4)
