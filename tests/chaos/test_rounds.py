"""How a round is played: when disruptions are injected, how long its runs are watched, and what is noted of it."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import botocore.waiter
import pytest

from chaos import live, rounds
from chaos.audit import DELETED, Run
from chaos.clients import Clients
from chaos.plan import PERMANENT_FAILURE, TRANSIENT_FAILURE, Disruption, Plan
from chaos.rounds import Round, play
from include.config.names import run_name
from local_stack.airflow_api import wait_until
from local_stack.errors import StackError
from tests.chaos.stand_ins import Airflow, Stack

RUNNING, SUCCESS, FAILED = ("running", {"t": "running"}), ("success", {"t": "success"}), ("failed", {"t": "failed"})


def disruption(kind="mark_task", detail="failed", delay=0.0, task="t"):
    return Disruption(kind, task, delay, detail)


def plan_of(*disruptions, second_run=False):
    return Plan(4713, "aws", {"date": "2011-07-03", "buckets": 5713}, second_run, disruptions)


@pytest.fixture
def clock(monkeypatch):
    """Seconds since the round began; they pass only while the round waits for the next poll."""
    clock = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(rounds, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    return clock


@pytest.fixture
def stack(settings, local_aws):
    return Stack(settings, local_aws.url)


@pytest.fixture
def play_one(stack, clock, monkeypatch):
    """Plays a round without looking for violations: by the second, what there is to see of its runs."""

    def play_one(plan: Plan, *looks, refusals=(), **looks_of_runs) -> tuple[Round, Airflow]:
        def look(run_id, now):
            seen = looks_of_runs.get(run_id.replace("-", "_"), looks)
            return seen[min(int(now), len(seen) - 1)]

        airflow = Airflow(look, now=lambda: clock.now)
        airflow.refusals += refusals
        monkeypatch.setattr(Clients, "airflow", airflow)
        monkeypatch.setattr(Clients, "create_foreign_endpoint", lambda self, name: None)  # it takes a second
        one = Round(plan)
        rounds._play(stack, one)
        return one, airflow

    return play_one


def test_a_disruption_comes_so_long_after_the_start_of_its_task_as_the_plan_says(play_one):
    later = disruption(delay=2.0)
    queued = ("running", {"t": "queued"})

    one, airflow = play_one(plan_of(later), ("running", {}), queued, queued, *[RUNNING] * 5, SUCCESS)

    assert airflow.done == [(5.0, "task_state", ("retrain_aws", "run-1", "t", "failed"))]
    assert (one.done, one.refused, one.violations) == ([later], [], [])
    assert one.seconds == 8.0
    assert one.runs == [Run("run-1", "success", {"t": {"state": "success", "try_number": 1}})]


def test_what_waits_for_a_task_that_never_begins_is_not_injected(play_one):
    one, airflow = play_one(plan_of(disruption(task="never")), RUNNING, FAILED)

    assert (one.done, airflow.done, one.seconds) == ([], [], 1.0)


def test_what_is_due_is_injected_after_the_runs_end_and_the_run_is_watched_again(play_one):
    clear = disruption("clear_task", "", delay=3.0)

    one, airflow = play_one(plan_of(clear), SUCCESS, SUCCESS, SUCCESS, SUCCESS, RUNNING, FAILED)

    assert airflow.done == [(3.0, "clear", ("retrain_aws", "run-1", ["t"]))]
    assert (one.runs[0].state, one.user_actions) == ("failed", ["clear_task"])


def test_a_disruption_that_is_refused_does_not_count_as_done(play_one):
    words = "Airflow refuses PATCH: " + "x" * 200

    one, _ = play_one(
        plan_of(disruption(), disruption("clear_task", "")), RUNNING, FAILED, refusals=[StackError(words)]
    )

    assert one.refused == [f"mark_task failed @t+0.0 ({words[:150]})"]
    assert [done.kind for done in one.done] == ["clear_task"]


def test_a_run_that_was_deleted_is_not_asked_for_any_more(play_one):
    plan = plan_of(disruption("delete_run", ""), second_run=True)

    one, airflow = play_one(plan, run_1=[SUCCESS, AssertionError("asked")], run_2=[RUNNING, RUNNING, SUCCESS])

    assert [call[1] for call in airflow.done] == ["mark_run", "delete_run"]
    assert ([run.state for run in one.runs], one.violations) == ([DELETED, "success"], [])


def test_when_a_user_begins_to_answer_is_noted_and_an_answer_changes_no_state(play_one):
    before = datetime.now(UTC)

    one, _ = play_one(plan_of(disruption("answer", "keep")), RUNNING, SUCCESS)

    assert timedelta(0) <= one.answered - before < timedelta(seconds=30)
    assert one.user_actions == []


def test_both_runs_have_the_same_parameters_and_are_watched_until_they_end(play_one):
    plan = plan_of(second_run=True)

    one, airflow = play_one(plan, run_1=[FAILED], run_2=[RUNNING, StackError("down"), RUNNING, SUCCESS])

    assert airflow.triggered == [("retrain_aws", plan.parameters)] * 2
    assert [run.state for run in one.runs] == ["failed", "success"]
    assert one.seconds == 3.0


def test_a_run_that_does_not_end_is_watched_for_the_time_of_a_round(play_one):
    one, _ = play_one(plan_of(), RUNNING)

    assert (one.seconds, one.runs[0].state) == (rounds.SECONDS_FOR_ROUND, "running")


def test_a_mistake_of_the_round_itself_is_a_violation(play_one):
    one, _ = play_one(plan_of(disruption("no_such_kind")), RUNNING)

    (violation,) = one.violations
    assert violation.startswith("the round itself failed: AttributeError")


@pytest.mark.parametrize(
    ("done", "recoverable", "users"),
    [
        ([], True, []),
        ([disruption("kill", "scheduler"), disruption("fail_training", TRANSIENT_FAILURE)], True, []),
        ([disruption("kill", "scheduler"), disruption("fail_training", PERMANENT_FAILURE)], False, []),
        ([disruption("mark_run"), disruption("answer", "keep")], False, ["mark_run"]),
    ],
)
def test_what_was_done_decides_whether_the_runs_should_succeed(done, recoverable, users):
    one = Round(plan_of(disruption("damage_artifact", "")), done=done)

    assert (one.is_recoverable, one.user_actions) == (recoverable, users)


@pytest.mark.parametrize(
    ("states", "interrupted"),
    [
        (["success", "skipped"], False),
        (["upstream_failed", None], False),
        (["success", "failed"], True),
        (["running"], True),
    ],
)
def test_a_promotion_that_has_begun_and_not_succeeded_is_interrupted(states, interrupted):
    tasks = [{"promote_model": {"state": state}} if state else {} for state in states]
    runs = [Run("run", "failed", one) for one in tasks]

    assert Round(plan_of(), runs).has_interrupted_promotion is interrupted
    assert Round(plan_of(), runs, done=[disruption("clear_task", "")]).has_interrupted_promotion


@pytest.mark.parametrize("failures", [rounds.ATTEMPTS_TO_RECOVER - 1, rounds.ATTEMPTS_TO_RECOVER])
def test_a_part_that_dies_while_the_stack_recovers_is_waited_for_again(clock, failures):
    left = [StackError("the scheduler has died")] * failures

    def wait_until_ready():
        if left:
            raise left.pop()

    stack = Stack(SimpleNamespace(bucket="b", role_arn="r"), "")
    stack.wait_until_ready = wait_until_ready

    if failures < rounds.ATTEMPTS_TO_RECOVER:
        rounds._wait_for_recovery(stack)
    else:
        with pytest.raises(StackError, match="has died"):
            rounds._wait_for_recovery(stack)
    assert stack.done == [("revive", (), {}, True)]


def test_after_a_round_all_is_looked_at_and_the_other_teams_endpoint_is_deleted(stack, clock, monkeypatch):
    """A run leaves its endpoint, whose deadline has passed, and deletes another team's model. Its sweep fails."""
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 20)))
    clients = Clients.of(stack)
    clients.prepare()
    plan = plan_of()
    left = run_name(clients.deployment, plan.dag_id, "run-1")
    clients.create_foreign_endpoint(left)
    foreign = Round(plan).foreign_endpoint

    def look(run_id, now):
        theirs = boto3.client("sagemaker", endpoint_url=stack.settings.local_aws_url)
        if run_id == "run-1" and "model" in clients.resources(foreign):
            theirs.delete_model(ModelName=foreign)
        return FAILED

    monkeypatch.setattr(Clients, "airflow", Airflow(look, time.monotonic))
    monkeypatch.setattr(live, "wrong", lambda *_, **__: [])  # see test_live.py: one live endpoint for all files

    (one,) = play(stack, [plan])

    assert {
        "endpoint of run run-1 is left: InService",
        "endpoint config of run run-1 is left: ",
        "model of run run-1 is left: ",
        f"deleted from the foreign endpoint {foreign}: model",
        "the sweep run-2 is failed",
    } <= set(one.violations)
    clients.delete(left)
    wait_until(lambda: not clients.resources(left) and not clients.resources(foreign), 20, "deletion", pause=0.05)
