"""Delete or stop what runs have left behind, whoever was to do it."""

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

from hashtag_retrain.clock import time_now
from hashtag_retrain.resources import (
    ENDPOINT,
    IN_ORDER_OF_DELETION,
    IN_PROGRESS,
    JOBS,
    NOT_FOUND,
    TRAINING_JOB,
    TUNING_JOB,
    Kind,
    instances_of,
)
from include.aws.notify import notify
from include.config.ownership import DEADLINE, DEPLOYMENT, OWNER, PURPOSE, deadline_in, run_of, tag_values

if TYPE_CHECKING:
    from airflow.sdk import Context

RUNNING, ENDED, UNKNOWN = "running", "ended", "unknown"


class UnreadableDeadline(ValueError):
    """A resource of this product carries a deadline that is no time."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A resource that is to be deleted, or a job that is to be stopped."""

    kind: str
    name: str
    owner: str
    """DAG and run."""
    purpose: str
    why: str
    run: str
    """Whether the run is running, has ended (or is gone), or is not known: another deployment's."""
    deadline: str | None
    overdue_minutes: float | None
    age_hours: float
    instance_type: str | None
    """Of what is billed by the hour; None for configurations and models, which cost nothing."""
    instances: int

    def __str__(self) -> str:
        hours = f"{self.age_hours * self.instances:.2f}"
        cost = f"{hours} hours of {self.instance_type} to pay" if self.instance_type else "costs nothing"
        return f"{self.kind} {self.name} ({self.purpose}): {self.why}. {self.age_hours:.2f} h old, {cost}."


class SageMakerSweepEndpointsOperator(AwsBaseOperator[SageMakerHook]):
    """
    Delete endpoints, endpoint configurations and models whose deadline has passed, by SageMaker's clock; and, where the
    run that owns them has ended, configurations and models without an endpoint, and training and tuning jobs that still
    run, which are stopped.

    Only resources that carry an owner's tag are touched, and what a run's end decides only where the run is this
    deployment's. An endpoint in transition is left for the next sweep, and so are configuration and model while the
    endpoint of their name is there. What could not be deleted is named in the error, after everything else was tried.
    That a run is a little late, somebody is not told.

    :param name_contains: only endpoints, configurations and models whose name contains this are looked at
    :param deployment: value of the deployment's tag (templated)
    :param lateness: so long after the deadline a run that still runs is not called a leak
    :param dry_run_only: list, and delete nothing (templated)
    :return: what was found, as `LeftBehind` has it
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
        found: list[LeftBehind] = []
        failures: list[str] = []
        for kind, name in self._names(client, failures):
            # Whatever is wrong with one resource, the others are still looked at.
            try:
                left = self._look(client, kind, name, now, context)
                if left is None:
                    continue
                self.log.warning("%s %s", _verb(kind, dry_run), left)
                if not dry_run:
                    kind.remove(client, name)
                found.append(left)
            except (ClientError, BotoCoreError, UnreadableDeadline) as error:
                if NOT_FOUND.search(str(error)):  # gone meanwhile, which is as well
                    continue
                failures.append(f"{kind.noun} {name} ({error})")
        self._report(found, failures, dry_run, context)
        return [asdict(left) for left in found]

    def _names(self, client: Any, failures: list[str]) -> Iterator[tuple[Kind, str]]:
        looks: list[tuple[Kind, dict[str, str]]] = [
            *((kind, {"NameContains": self.name_contains}) for kind in IN_ORDER_OF_DELETION),
            # A tuning job first: it would start other training jobs.
            *((kind, {"StatusEquals": "InProgress"}) for kind in (TUNING_JOB, TRAINING_JOB)),
        ]
        for kind, filters in looks:
            try:
                names = kind.list_names(client, **filters)
            except (ClientError, BotoCoreError) as error:
                failures.append(f"the list of {kind.noun}s ({error})")
                continue
            yield from ((kind, name) for name in names)

    def _look(self, client: Any, kind: Kind, name: str, now: datetime, context: Context) -> LeftBehind | None:
        """What there is to say of a resource that is to go; None for all others."""
        description = kind.describe(client, name)
        if description is None or description.get("EndpointStatus") in IN_PROGRESS:
            return None
        values = tag_values(kind.tags(client, description))
        if OWNER not in values:
            return None
        deadline = deadline_in(values)
        if DEADLINE in values and deadline is None:
            raise UnreadableDeadline(f"its tag {DEADLINE} is no time: {values[DEADLINE]!r}")
        run = self._run_state(values, context)
        if kind not in (*JOBS, ENDPOINT) and self._is_used(client, name):
            return None
        why = _why(kind, run, deadline, now)
        if why is None:
            return None
        instance_type, instances = instances_of(client, kind, description)
        return LeftBehind(
            kind=kind.noun,
            name=name,
            owner=values[OWNER],
            purpose=values.get(PURPOSE, ""),
            why=why,
            run=run,
            deadline=deadline.isoformat() if deadline else None,
            overdue_minutes=_hours(now - deadline) * 60 if deadline else None,
            age_hours=_hours(now - description["CreationTime"]),
            instance_type=instance_type,
            instances=instances,
        )

    def _run_state(self, tags: dict[str, str], context: Context) -> str:
        run = run_of(tags[OWNER])
        if run is None or tags.get(DEPLOYMENT) != self.deployment:
            return UNKNOWN
        dag_id, run_id = run
        unfinished = context["ti"].get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"])
        return RUNNING if unfinished else ENDED

    def _is_used(self, client: Any, name: str) -> bool:
        """Whether the endpoint of the same name is there, and stays: its deadline may have been moved."""
        endpoint = ENDPOINT.describe(client, name)
        return endpoint is not None and endpoint["EndpointStatus"] != "Deleting"

    def _report(self, found: list[LeftBehind], failures: list[str], dry_run: bool, context: Context) -> None:
        late = self.lateness.total_seconds() / 60
        leaks = [str(left) for left in found if left.run != RUNNING or (left.overdue_minutes or 0) > late]
        where = f"\n\n{context['ti'].log_url}"
        if failures:
            subject = f"SageMaker: {len(failures)} not removed, and possibly billed"
            if not dry_run:
                notify(subject, "\n".join([*failures, *leaks]) + where)
            raise AirflowException(f"Not looked at or not removed, and possibly billed: {'; '.join(failures)}")
        if leaks and not dry_run:
            notify(f"SageMaker: {len(leaks)} left behind, and removed by the sweep", "\n".join(leaks) + where)
        self.log.info("%s resources and jobs were left behind%s", len(found), "; nothing was removed." * dry_run)


def _why(kind: Kind, run: str, deadline: datetime | None, now: datetime) -> str | None:
    """Why a resource is to go; None where it is to stay."""
    if kind in JOBS:
        return "its run has ended" if run == ENDED else None
    if deadline is not None and deadline <= now:
        return f"its deadline, {deadline:%Y-%m-%d %H:%M} UTC, has passed"
    if run == ENDED and kind is not ENDPOINT:
        return "its run has ended, and it has no endpoint"
    if deadline is None and run == ENDED:
        return f"its run has ended, and it has lost its tag {DEADLINE}"
    if deadline is None and kind is ENDPOINT and run == UNKNOWN:
        raise UnreadableDeadline(f"it has lost its tag {DEADLINE}, and its run is not known")
    return None


def _verb(kind: Kind, dry_run: bool) -> str:
    if dry_run:
        return "Would stop" if kind in JOBS else "Would delete"
    return "Stopping" if kind in JOBS else "Deleting"


def _hours(duration: timedelta) -> float:
    return round(max(duration.total_seconds(), 0) / 3600, 4)  # SageMaker's clock gives whole seconds
