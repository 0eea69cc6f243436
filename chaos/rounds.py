"""Play rounds. Several are played at once, because a disruption of one also hits the others on the same stack."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from chaos import audit, live
from chaos.audit import DELETED, Run
from chaos.clients import Clients
from chaos.injector import Injector
from chaos.plan import USER_ACTIONS, Disruption, Plan
from chaos.stack import ChaosStack
from include.config.names import run_name
from local_stack.airflow_api import FINAL_RUN_STATES
from local_stack.errors import StackError

SECONDS_FOR_ROUND = 480
ATTEMPTS_TO_RECOVER = 5
NOT_BEGUN = (None, "scheduled", "queued")
ERRORS_OF_CLIENTS = (StackError, BotoCoreError, ClientError, RequestException)
"""The clients may fail with these while parts are killed."""


@dataclass(slots=True)
class Round:
    """A plan, the disruptions that were injected, how the runs ended, and what is wrong afterwards."""

    plan: Plan
    runs: list[Run] = field(default_factory=list)
    done: list[Disruption] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Disruptions that could not be injected, with the reason."""
    answered: datetime | None = None
    """When a user began to answer the question of the first run."""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    @property
    def is_recoverable(self) -> bool:
        """Whether the runs should succeed in spite of the disruptions."""
        return all(disruption.is_recoverable for disruption in self.done)

    @property
    def user_actions(self) -> list[str]:
        """What users have done to the first run and its tasks."""
        return [disruption.kind for disruption in self.done if disruption.kind in USER_ACTIONS]

    @property
    def has_interrupted_promotion(self) -> bool:
        """Whether a promotion may have ended for good before its end."""
        ended = [run.tasks.get("promote_model", {}).get("state") for run in self.runs]
        return bool(self.user_actions) or not {*ended} <= {"success", "skipped", "upstream_failed", None}

    @property
    def foreign_endpoint(self) -> str:
        """An endpoint of another team, which the product must not change."""
        return f"retrain-{self.plan.hashtag}-foreign-{self.plan.seed}"


def play(stack: ChaosStack, plans: list[Plan]) -> list[Round]:
    """Play rounds at the same time, wait until all parts are running again, and look for violations."""
    rounds = [Round(plan) for plan in plans]
    over = threading.Event()
    supervisor = threading.Thread(target=_supervise, args=[stack, over], daemon=True)
    players = [threading.Thread(target=_play, args=[stack, one], daemon=True) for one in rounds]
    supervisor.start()
    try:
        with live.load(stack.settings.local_aws_url) as load:
            for player in players:
                player.start()
            for player in players:
                player.join()
            _wait_for_recovery(stack)
            _inspect(Clients.of(stack), rounds)
        rounds[0].violations += live.failed_requests(load.answers)
        rounds[0].violations += audit.open_to_others(part.process.pid for part in stack.parts.values())
    finally:
        over.set()
        supervisor.join()
    return rounds


def _play(stack: ChaosStack, one: Round) -> None:
    started = time.monotonic()
    try:
        _Player(stack, one).play()
    except Exception as error:
        one.violations.append(f"the round itself failed: {error!r}")
    one.seconds = time.monotonic() - started


class _Player:
    """Triggers the runs of a round, watches them, and injects the disruptions."""

    def __init__(self, stack: ChaosStack, one: Round):
        self._round, self._plan = one, one.plan
        self._clients = Clients.of(stack)
        self._clients.create_foreign_endpoint(one.foreign_endpoint)
        for _ in range(2 if one.plan.has_second_run else 1):
            one.runs.append(Run(self._clients.airflow.trigger(self._plan.dag_id, self._plan.parameters), "queued"))
        self._injector = Injector(stack, self._clients, self._plan, one.runs[0].run_id)
        self._due: dict[Disruption, float] = {}
        """When to inject the disruptions whose task has begun."""

    def play(self) -> None:
        pending = list(self._plan.disruptions)
        limit = time.monotonic() + SECONDS_FOR_ROUND
        while time.monotonic() < limit:
            for run in self._round.runs:
                self._poll(run)
            for disruption in [disruption for disruption in pending if self._is_due(disruption)]:
                pending.remove(disruption)
                self._inject(disruption)
            if not self._is_running(pending):
                return
            time.sleep(1)

    def _is_running(self, pending: list[Disruption]) -> bool:
        if any(run.state not in {*FINAL_RUN_STATES, DELETED} for run in self._round.runs):
            return True
        return any(disruption in self._due for disruption in pending)  # for example, clear a task of an ended run

    def _poll(self, run: Run) -> None:
        if run.state == DELETED:
            return
        try:
            run.tasks = self._clients.airflow.tasks(self._plan.dag_id, run.run_id)
            run.state = self._clients.airflow.run_state(self._plan.dag_id, run.run_id)
        except ERRORS_OF_CLIENTS:
            return  # the next poll may succeed

    def _is_due(self, disruption: Disruption) -> bool:
        task = self._round.runs[0].tasks.get(disruption.task, {})
        if disruption not in self._due and task.get("state") not in NOT_BEGUN:
            self._due[disruption] = time.monotonic() + disruption.delay_seconds
        return disruption in self._due and time.monotonic() >= self._due[disruption]

    def _inject(self, disruption: Disruption) -> None:
        began = datetime.now(UTC)
        try:
            self._injector.inject(disruption)
        except ERRORS_OF_CLIENTS as error:
            self._round.refused.append(f"{disruption} ({str(error)[:150]})")
            return
        self._round.done.append(disruption)
        if disruption.kind == "answer":
            self._round.answered = began
        if self._injector.deleted:
            self._round.runs[0].state = DELETED
        elif disruption.kind in USER_ACTIONS:
            self._round.runs[0].state = "running"  # until the next poll


def _supervise(stack: ChaosStack, over: threading.Event) -> None:
    while not over.wait(0.5):
        with stack.lock:
            stack.revive()


def _wait_for_recovery(stack: ChaosStack) -> None:
    with stack.lock:
        stack.revive()
    for attempt in range(ATTEMPTS_TO_RECOVER):
        try:
            stack.wait_until_ready()
            return
        except StackError:  # a part has died again; the supervisor restarts it
            if attempt == ATTEMPTS_TO_RECOVER - 1:
                raise
            time.sleep(2)


def _inspect(clients: Clients, rounds: list[Round]) -> None:
    clients.withdraw_faults()
    for one in rounds:
        one.violations += _violations_before_sweep(one, clients)
    names = [run_name(clients.deployment, one.plan.dag_id, run.run_id) for one in rounds for run in one.runs]
    audit.wait_for_deadlines(names, clients)
    swept = list(audit.sweep(clients.airflow))
    time.sleep(1)
    audit.wait_for_deadlines(names, clients)  # deletions take a moment
    rounds[0].violations += live.wrong(clients, is_interrupted=any(one.has_interrupted_promotion for one in rounds))
    for one in rounds:
        one.violations += [*swept, *_violations_after_sweep(one, clients)]
        clients.delete(one.foreign_endpoint)


def _violations_before_sweep(one: Round, clients: Clients) -> Iterator[str]:
    for run in one.runs:
        yield from audit.wrong_state(one.plan, run, bool(one.user_actions), clients)
    yield from audit.state_mismatches(one.runs, clients.airflow)
    if one.user_actions == ["mark_run"]:
        yield from audit.not_deleted_after_mark(one.plan, one.runs[0], clients)
    if one.answered and not one.user_actions:
        yield from audit.ignored_answer(one.plan, one.runs[0], one.answered, clients)


def _violations_after_sweep(one: Round, clients: Clients) -> Iterator[str]:
    yield from audit.leaks(one.plan, one.runs, clients)
    yield from audit.trained_twice(one.plan, clients)
    yield from audit.foreign_changes(one.foreign_endpoint, clients)
