import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType, TaskDeferred
from airflow.sdk.execution_time import hitl
from airflow.sdk.execution_time.comms import ErrorResponse
from botocore.exceptions import ClientError

from hashtag_retrain.operators import hold
from hashtag_retrain.operators.hold import ASKED_ABOUT, SageMakerHoldEndpointOperator
from hashtag_retrain.triggers import endpoint
from hashtag_retrain.triggers.endpoint import DELETE, KEEP
from include.config.ownership import DEADLINE
from tests.plugins.attempts import TASK_INSTANCE, Attempt, event_of, finish
from tests.plugins.endpoints import arns_of, delete_operator, deploy_operator, tags_of


def hold_operator(name: str, **arguments: Any) -> SageMakerHoldEndpointOperator:
    return SageMakerHoldEndpointOperator(
        task_id="hold", endpoint_name=name, max_minutes=90, check_interval=0.05, **arguments
    )


@pytest.fixture
def asked(monkeypatch) -> list[dict[str, Any]]:
    """What hold_endpoint offers to people; without an Airflow to offer it, so that nobody has answered."""
    questions: list[dict[str, Any]] = []
    monkeypatch.setattr(hold, "upsert_hitl_detail", lambda **question: questions.append(question))
    monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", lambda task_instance: question())
    monkeypatch.setattr(hitl, "update_hitl_detail_response", lambda *answer: closed.append(answer))
    closed.clear()
    return questions


closed: list[Any] = []
"""Questions that the trigger has closed, when the wait was over."""


def question(**answered: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"response_received": bool(answered), "responded_by_user": None, **answered})


class StateStore(dict[str, Any]):
    """As Airflow gives it to a task: what is stored lasts from try to try."""

    set = dict.__setitem__

    def delete(self, key: str) -> None:
        self.pop(key, None)


def running_task(try_number: int = 1, store: StateStore | None = None) -> Any:
    store = StateStore() if store is None else store
    return {"ti": Attempt(try_number), "task_state_store": store}


def move_deadline(sagemaker: Any, name: str, seconds: float) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    tags = [{"Key": DEADLINE, "Value": deadline.isoformat()}]
    sagemaker.add_tags(ResourceArn=arns_of(sagemaker, name)[-1], Tags=tags)


def deadline_of(sagemaker: Any, name: str) -> datetime:
    return datetime.fromisoformat(tags_of(sagemaker, arns_of(sagemaker, name)[-1])[DEADLINE])


def test_holding_lasts_until_the_deadline_that_the_endpoint_carries(sagemaker, deployed, asked):
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(deployed).execute(running_task())
    (question,) = asked
    assert deployed in question["subject"]

    waiting = threading.Timer(0.5, move_deadline, [sagemaker, deployed, -1])
    waiting.start()
    assert asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 30))
    ((asked_of, options, _),) = closed  # nobody can answer a question about an endpoint that is being deleted
    assert (str(asked_of), options) == (TASK_INSTANCE, [DELETE])


def test_what_counts_is_sagemakers_clock_and_not_a_workers_or_a_triggerers(
    sagemaker, model_uri, new_name, asked, monkeypatch
):
    def nine_hours_ahead(self, timestamp=None):
        return formatdate(time.time() + 9 * 3600, usegmt=True)

    monkeypatch.setattr("local_aws.http_server.RequestHandler.date_time_string", nine_hours_ahead)
    name = new_name()
    finish(deploy_operator(name, model_uri, minutes=5))

    assert timedelta(hours=9) < deadline_of(sagemaker, name) - datetime.now(UTC) < timedelta(hours=9, minutes=6)
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(name).execute(running_task())
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 1))
    move_deadline(sagemaker, name, 8 * 3600)
    assert asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 10))
    assert hold_operator(name).execute(running_task())


def answer(option: str, **parameters: Any) -> dict[str, Any]:
    return {"chosen_options": [option], "params_input": parameters, "responded_by_user": {"id": "1", "name": "Ada"}}


def test_a_person_keeps_an_endpoint_longer(sagemaker, deployed, held):
    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))

    left = deadline_of(sagemaker, deployed) - datetime.now(UTC)
    assert timedelta(minutes=79) < left < timedelta(minutes=81)


@pytest.mark.parametrize("minutes", [91, -1, "x", None])
def test_a_person_cannot_keep_an_endpoint_for_ever(sagemaker, deployed, held, minutes):
    before = deadline_of(sagemaker, deployed)

    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=minutes))

    assert deadline_of(sagemaker, deployed) == before


def test_a_person_has_an_endpoint_deleted_at_once_and_a_retry_obeys_too(deployed, held):
    event = answer(DELETE, keep_endpoint_minutes=60)
    assert hold_operator(deployed).execute(running_task(store=held), event=event)

    assert hold_operator(deployed).execute(running_task(try_number=2, store=held))


@pytest.fixture
def held(deployed, asked) -> StateStore:
    """The state of a task whose question has been put."""
    store = StateStore()
    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=store))
    return store


def test_an_answer_that_could_not_be_obeyed_at_once_is_obeyed_by_the_retry(deployed, held, order_fault, answered):
    order_fault(operation="AddTags", error="ThrottlingException")
    impatient = hold_operator(deployed, botocore_config={"retries": {"total_max_attempts": 1}})
    with pytest.raises(ClientError):
        impatient.execute(running_task(store=held), event=answer(DELETE))

    answered(chosen_options=[DELETE], params_input={})
    assert retried(deployed, held)


def retried(name: str, store: StateStore) -> str | None:
    """What comes of the second try, where the trigger finds the answer."""
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(name).execute(running_task(try_number=2, store=store))
    event = asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 10))
    return hold_operator(name).execute(running_task(try_number=2, store=store), event=event)


@pytest.fixture
def answered(monkeypatch):
    """The question has been answered already when the trigger starts."""

    def answer_before(**members: Any) -> None:
        person = SimpleNamespace(id="1", name="Ada")
        questions = {UUID(TASK_INSTANCE): question(responded_by_user=person, **members)}
        monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", questions.__getitem__)
        monkeypatch.setattr(endpoint, "SECONDS_TO_NOTE_A_DEFERRAL", 0)

    return answer_before


def test_an_answer_whose_event_airflow_has_dropped_is_found_by_the_retry(deployed, held, asked, answered):
    """It drops it, and counts a try, where the answer comes while the scheduler has not yet seen the deferral."""
    answered(chosen_options=[DELETE], params_input={})

    assert retried(deployed, held)

    assert len(asked) == 1  # to ask again would have removed the answer


def test_an_answer_about_an_endpoint_is_none_about_the_next_one_of_its_name(
    sagemaker, deployed, model_uri, held, asked
):
    """Airflow keeps a question and its answer when a person clears the tasks."""
    finish(delete_operator(deployed))
    finish(deploy_operator(deployed, model_uri, minutes=5))
    before = deadline_of(sagemaker, deployed)

    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(try_number=2, store=held), event=answer(DELETE))

    assert deadline_of(sagemaker, deployed) == before
    assert len(asked) == 2  # which has removed the answer


def test_an_answer_that_was_obeyed_is_not_obeyed_again_where_the_task_fails_after_that(
    sagemaker, deployed, held, order_fault
):
    operator = hold_operator(deployed, botocore_config={"retries": {"total_max_attempts": 1}})
    operator.hook.get_conn().meta.events.register(
        "after-call.sagemaker.AddTags",
        lambda **_: order_fault(operation="DescribeEndpoint", error="ThrottlingException"),
    )
    with pytest.raises(ClientError):
        operator.execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))

    assert ASKED_ABOUT not in held  # a retry asks anew


def test_an_answer_is_obeyed_once(sagemaker, deployed, held, asked):
    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))
    assert len(asked) == 2

    move_deadline(sagemaker, deployed, -1)  # from outside, after the answer
    assert hold_operator(deployed).execute(running_task(try_number=2, store=held))


def test_where_aws_refuses_to_move_a_deadline_an_endpoint_that_is_to_be_kept_is_kept_until_then(
    sagemaker, deployed, held, asked, order_fault
):
    order_fault(operation="AddTags", error="AccessDeniedException")
    before = deadline_of(sagemaker, deployed)

    with pytest.raises(TaskDeferred):
        hold_operator(deployed).execute(running_task(store=held), event=answer(KEEP, keep_endpoint_minutes=80))

    assert deadline_of(sagemaker, deployed) == before
    assert len(asked) == 2


def test_a_trigger_waits_where_nobody_was_asked(deployed, held, monkeypatch):
    def not_found(task_instance: UUID) -> None:
        detail = {"status_code": 404}
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))

    monkeypatch.setattr(hitl, "get_hitl_detail_content_detail", not_found)
    with pytest.raises(TaskDeferred) as deferral:
        hold_operator(deployed).execute(running_task(try_number=2, store=held))

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(event_of(deferral.value.trigger), 0.5))


def test_there_is_nothing_to_hold_where_the_endpoint_is_gone(local_aws):
    assert hold_operator("no-such-endpoint").execute(running_task()) is None
