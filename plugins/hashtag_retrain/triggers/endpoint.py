"""Wait for an endpoint: until it is in service, until its deadline, or until it is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRuntimeError
from airflow.sdk.execution_time import hitl
from airflow.triggers.base import TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError

from hashtag_retrain.triggers.polling import Done, PollingTrigger
from include.aws.clock import time_now, time_of
from include.aws.resources import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    IN_ORDER_OF_CREATION,
    IN_ORDER_OF_DELETION,
    IN_PROGRESS,
    MODEL,
    Kind,
    bill_of,
)
from include.config.ownership import DEADLINE, DEPLOYMENT, OWNER, deadline_in, tag_values
from include.results import CURRENT_DEADLINE, Deleted, Deployed

MAX_DELETIONS = 3
"""How often an endpoint is deleted if it exists again, as Failed, after its deletion."""
KEEP, DELETE = "Keep it for this many minutes from now on", "Delete it now"
"""The options of the question about a held endpoint."""
SECONDS_TO_NOTE_A_DEFERRAL = 5
"""Longer than the scheduler needs to notice that a task's process has ended, unless the scheduler is suspended."""


class DeploymentTrigger(PollingTrigger):
    """
    Create model, endpoint configuration and endpoint, if they do not exist, and wait until the endpoint is in service.

    :param config: the three requests, under Model, EndpointConfig and Endpoint
    :param tags: the tags of each resource, in the form of AWS's answers
    :param until: ISO 8601; it is an error if the endpoint is still in transition then
    :param replaces_failed: if an endpoint of an earlier attempt has Failed, delete it and create it again
    :param creates: no poll has found the endpoint yet. If a poll has found it, and it does not exist any more, somebody
        has deleted it, perhaps the run's delete_endpoint. Then it is not created again.
    """

    def __init__(
        self,
        config: dict[str, Any],
        tags: list[dict[str, str]],
        until: str,
        poll_seconds: float,
        hook_arguments: dict[str, Any],
        replaces_failed: bool = True,
        creates: bool = True,
    ) -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.config = config
        self.tags = tags
        self.until = until
        self.replaces_failed = replaces_failed
        self.creates = creates

    @property
    def name(self) -> str:
        """The endpoint's name."""
        name: str = self.config["Endpoint"]["EndpointName"]
        return name

    def poll(self) -> Done | None:
        endpoint = self._existing()
        if endpoint is None:
            self._check_creates()
        if endpoint is None:
            for kind in IN_ORDER_OF_DELETION:
                kind.require_removable(self.client, self.name)
        if endpoint is None or endpoint["EndpointStatus"] != "Deleting":
            for kind in IN_ORDER_OF_CREATION:
                self._make(kind, is_new_endpoint=endpoint is None)
            self.creates = self.replaces_failed = False
            endpoint = ENDPOINT.describe(self.client, self.name) or {"EndpointStatus": "gone"}
        if endpoint["EndpointStatus"] in IN_PROGRESS:
            self._check_time(endpoint)
            return None
        if endpoint["EndpointStatus"] != "InService":
            reason = endpoint.get("FailureReason", "AWS gives no reason")
            raise AirflowException(f"Endpoint {self.name} is {endpoint['EndpointStatus']}: {reason}")
        return Done(self._result(endpoint).to_xcom())

    def _existing(self) -> dict[str, Any] | None:
        """The endpoint, if it exists. A failed one of an earlier attempt is deleted first."""
        endpoint = self._owned(ENDPOINT)
        if endpoint is not None and endpoint["EndpointStatus"] == "Failed" and self.replaces_failed:
            self.log.info("Deleting the failed endpoint %s of an earlier attempt.", self.name)
            ENDPOINT.delete(self.client, self.name)
            endpoint = self._owned(ENDPOINT)
        return endpoint

    def _check_creates(self) -> None:
        if not self.creates:
            raise AirflowException(f"Endpoint {self.name} does not exist any more: somebody has deleted it.")
        if time_now(self.client) > datetime.fromisoformat(self.until):
            raise AirflowException(f"It is after {self.until}, so endpoint {self.name} is not created any more.")

    def _check_time(self, endpoint: dict[str, Any]) -> None:
        self.log_state(f"Endpoint {self.name}", endpoint["EndpointStatus"])
        if time_of(endpoint) > datetime.fromisoformat(self.until):
            raise AirflowException(f"Endpoint {self.name} is still {endpoint['EndpointStatus']} at {self.until}.")

    def _result(self, endpoint: dict[str, Any]) -> Deployed:
        deadline = deadline_in(tag_values(ENDPOINT.tags(self.client, endpoint)))
        self.log.info("Endpoint %s is in service. Its deadline is %s.", self.name, deadline)
        return Deployed(
            endpoint_name=self.name,
            created_at=endpoint["CreationTime"].astimezone(UTC).isoformat(timespec="seconds"),
            deadline=deadline.isoformat() if deadline else None,
        )

    def _make(self, kind: Kind, is_new_endpoint: bool) -> None:
        """Create a resource, unless it exists. If it does and the endpoint is new, it gets the endpoint's deadline."""
        request = self.config[kind.request_name]
        name = request[f"{kind.request_name}Name"]
        found = self._owned(kind)
        if found is None:
            self.log.info("Creating %s %s", kind.noun, name)
            try:
                kind.call(self.client, "create", name, **request, Tags=self.tags)
            except ClientError:
                # If the answer was lost, botocore has sent the request again, and the resource exists.
                if self._owned(kind) is None:
                    raise
        elif is_new_endpoint and kind is not ENDPOINT:
            self.log.info("The %s %s exists from an earlier attempt.", kind.noun, name)
            self.client.add_tags(ResourceArn=found[f"{kind.request_name}Arn"], Tags=self.tags)

    def _owned(self, kind: Kind) -> dict[str, Any] | None:
        """
        The resource that an earlier attempt or poll has created; None if there is none with this name.

        :raises AirflowFailException: it belongs to somebody else, or differs from the request
        """
        request = self.config[kind.request_name]
        name = request[f"{kind.request_name}Name"]
        if (found := kind.find(self.client, name)) is None:
            return None
        description, theirs = found
        ours = tag_values(self.tags)
        if any(theirs.get(key) != ours[key] for key in (OWNER, DEPLOYMENT)):
            raise AirflowFailException(
                f"The {kind.noun} {name} exists and belongs to {theirs.get(OWNER) or 'an unknown owner'}."
            )
        if description.get("EndpointStatus") in {"Failed", "Deleting"}:
            return description
        if differences := kind.differences(description, request):
            raise AirflowFailException(
                f"The {kind.noun} {name} exists with other content: {'; '.join(differences)}. "
                "First clear only delete_endpoint, and then this task."
            )
        return description


class DeadlineTrigger(PollingTrigger):
    """
    Wait until the deadline in an endpoint's tag has passed by SageMaker's clock, or until the endpoint does not exist
    any more. Each poll reads the tag, so a new deadline has an effect at once. It is also stored in an XCom, for the
    page in Airflow's UI.

    The result is the deadline; None if the endpoint did not exist any more.

    :param asked: the id of the task instance whose question people may answer; empty if there is no question. Airflow
        resumes the task at an answer, but not at one that was given before the deferral or to an earlier attempt. So
        the trigger first looks for an answer. When the deadline has passed, it closes the question, so that Airflow
        does not accept an answer for an endpoint that is being deleted.
    """

    def __init__(self, name: str, poll_seconds: float, hook_arguments: dict[str, Any], asked: str = "") -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.name = name
        self.asked = asked
        self._stored_deadline: datetime | None = None

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.asked and (answer := await asyncio.to_thread(_answer_to, UUID(self.asked))):
            await asyncio.sleep(SECONDS_TO_NOTE_A_DEFERRAL)
            yield TriggerEvent(answer)
            return
        async for event in super().run():
            yield event

    def poll(self) -> Done | None:
        found = ENDPOINT.find(self.client, self.name)
        if found is None or found[0]["EndpointStatus"] == "Deleting":
            self.log.info("Endpoint %s does not exist any more.", self.name)
            return Done()
        endpoint, tags = found
        deadline = deadline_in(tags)
        if deadline is None:
            raise AirflowFailException(f"Endpoint {self.name} has no tag {DEADLINE} with a time.")
        self._store(deadline)
        if time_of(endpoint) < deadline:
            self.log_state(f"Endpoint {self.name} is kept until", f"{deadline:%Y-%m-%d %H:%M:%S} UTC")
            return None
        self.log.info("The deadline of endpoint %s, %s, has passed.", self.name, deadline)
        return Done(deadline.isoformat())

    def _store(self, deadline: datetime) -> None:
        if deadline == self._stored_deadline:
            return
        try:
            self.store(CURRENT_DEADLINE, deadline.isoformat())
        except Exception as error:  # a failure would delete the endpoint; the next poll tries again
            self.log.warning("The deadline cannot be stored for the page in Airflow's UI: %r", error)
        else:
            self._stored_deadline = deadline

    def close(self, done: Done) -> Any:
        if self.asked:
            # An earlier answer has already resumed the task. Airflow refuses a later one.
            with suppress(AirflowRuntimeError):
                hitl.update_hitl_detail_response(UUID(self.asked), [DELETE], {})
        return done.result


def _answer_to(task_instance: UUID) -> dict[str, Any] | None:
    """The answer, as Airflow passes it to a task that it resumes; None if there is no question or no answer yet."""
    try:
        question = hitl.get_hitl_detail_content_detail(task_instance)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return None
        raise
    if question is None or not question.response_received:  # None in dag.test(), where nobody can answer
        return None
    if (user := question.responded_by_user) is None:  # closed by this trigger
        return None
    return {
        "chosen_options": list(question.chosen_options or []),
        "params_input": question.params_input or {},
        "responded_by_user": {"id": user.id, "name": user.name},
    }


class DeletionTrigger(PollingTrigger):
    """
    Delete an endpoint, its endpoint configuration and its model, if they exist and have the required tags, and wait for
    the deletion.

    The result is a `Deleted`.

    :param names: the names of endpoint, endpoint config and model, by the kind's noun
    :param required_tags: values by key
    :param until: ISO 8601; it is an error if the endpoint is still in transition then
    :param deleted: what was deleted so far
    :param deletions: how often the endpoint's deletion was requested so far
    """

    def __init__(
        self,
        names: dict[str, str],
        required_tags: dict[str, str],
        until: str,
        poll_seconds: float,
        hook_arguments: dict[str, Any],
        deleted: list[str] | None = None,
        deletions: int = 0,
    ) -> None:
        super().__init__(poll_seconds, hook_arguments)
        self.names = names
        self.required_tags = required_tags
        self.until = until
        self.deleted = deleted or []
        self.deletions = deletions

    def poll(self) -> Done | None:
        left: list[str] = []
        if not self._endpoint_is_gone(left):
            return None
        failures = []
        for kind in (ENDPOINT_CONFIG, MODEL):
            try:
                if self._described(kind, left) is not None:
                    self._delete(kind)
                    self.deleted.append(self._words(kind))
            except (ClientError, BotoCoreError) as error:
                failures.append(f"{self._words(kind)} ({error})")
        if failures:
            raise AirflowException(f"Not deleted: {'; '.join(failures)}. AWS does not bill them.")
        if not left and self._described(ENDPOINT, []) is not None:
            return None  # it was created meanwhile; without its configuration, no other one can be created now
        self.log.info("Deleted: %s", ", ".join(self.deleted) or "nothing, because no resource of this run exists")
        now = time_now(self.client).astimezone(UTC).isoformat(timespec="seconds")
        return Done(Deleted(self.deleted, left, now).to_xcom())

    def _endpoint_is_gone(self, left: list[str]) -> bool:
        """Whether the endpoint does not exist, or belongs to somebody else. Else delete it as soon as AWS allows it."""
        endpoint: dict[str, Any] | None = None
        try:
            endpoint = self._described(ENDPOINT, left)
            if endpoint is None:
                if self.deletions and not left:
                    self.deleted.append(self._words(ENDPOINT))
                    self.deletions = 0
                return True
            status = endpoint["EndpointStatus"]
            if status in IN_PROGRESS:
                self.log_state(f"Endpoint {self.names[ENDPOINT.noun]}", status)
                if time_of(endpoint) > datetime.fromisoformat(self.until):
                    raise AirflowException(f"it is still {status}")
            elif self.deletions == MAX_DELETIONS:
                raise AirflowException(f"it is {status} after {MAX_DELETIONS} deletions")
            else:
                self._delete(ENDPOINT)
                self.deletions += 1
        except (ClientError, BotoCoreError, AirflowException) as error:
            # The endpoint may still be running, so its configuration and its model are kept.
            bill = bill_of(self.client, ENDPOINT, endpoint) if endpoint else "its type and age cannot be read"
            raise AirflowException(f"Not deleted, and billed: {self._words(ENDPOINT)}, {bill} ({error})") from error
        return False

    def _delete(self, kind: Kind) -> None:
        self.log.info("Deleting %s", self._words(kind))
        kind.delete(self.client, self.names[kind.noun])

    def _described(self, kind: Kind, left: list[str]) -> dict[str, Any] | None:
        """The resource's description, if it exists and has the required tags."""
        if (found := kind.find(self.client, self.names[kind.noun])) is None:
            return None
        description, tags = found
        if self.required_tags.items() <= tags.items():
            return description
        self.log.warning("The %s is not deleted: its tags %s lack %s", self._words(kind), tags, self.required_tags)
        left.append(self._words(kind))
        return None

    def _words(self, kind: Kind) -> str:
        return f"{kind.noun} {self.names[kind.noun]}"
