"""Play rounds: some at a time, because whatever goes wrong in one goes wrong for its neighbours, too."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from chaos import audit
from chaos.audit import DELETED, Played
from chaos.clients import Clients
from chaos.plan import Mischief, Plan
from chaos.saboteur import MEDDLING, Saboteur
from chaos.stack import ChaosStack
from include.config.names import run_name
from local_stack.errors import StackError

SECONDS_FOR_A_ROUND = 480
NOT_BEGUN = (None, "scheduled", "queued")
TROUBLE = (StackError, BotoCoreError, ClientError, RequestException)
"""What those who look on may run into while everything is being killed."""


@dataclass(slots=True)
class Round:
    """A plan, what was done of it, how its runs ended, and what is wrong after it."""

    plan: Plan
    runs: list[Played] = field(default_factory=list)
    done: list[Mischief] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    meddled: bool = False
    answered: datetime | None = None
    """When a person began to answer the first run's question."""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    @property
    def is_recoverable(self) -> bool:
        """Whether all that went wrong in it is such that its runs should succeed all the same."""
        return all(mischief.is_recoverable for mischief in self.done)

    @property
    def bystander(self) -> str:
        return f"retrain-{self.plan.hashtag}-bystander-{self.plan.seed}"


def play(stack: ChaosStack, plans: list[Plan]) -> list[Round]:
    """Play rounds at the same time, let everything that was killed come back, sweep once, and look at what is left."""
    rounds = [Round(plan) for plan in plans]
    over = threading.Event()
    nurse = threading.Thread(target=_revive, args=[stack, over], daemon=True)
    players = [threading.Thread(target=_play, args=[stack, one], daemon=True) for one in rounds]
    nurse.start()
    try:
        for player in players:
            player.start()
        for player in players:
            player.join()
        _heal(stack)
        _inspect(stack, rounds)
    finally:
        over.set()
        nurse.join()
    return rounds


def _play(stack: ChaosStack, one: Round) -> None:
    started = time.monotonic()
    try:
        _Player(stack, one).play()
    except Exception as error:
        one.violations.append(f"the round itself failed: {error!r}")
    one.seconds = time.monotonic() - started


class _Player:
    """Triggers a round's runs, watches them, and makes go wrong what is planned."""

    def __init__(self, stack: ChaosStack, one: Round):
        self._round, self._plan = one, one.plan
        self._clients = Clients.of(stack)
        self._clients.plant_bystander(one.bystander)
        for _ in range(2 if one.plan.twin else 1):
            one.runs.append(Played(self._clients.airflow.trigger(self._plan.dag_id, self._plan.parameters), "queued"))
        self._saboteur = Saboteur(stack, self._clients, self._plan, one.runs[0].run_id)
        self._due: dict[Mischief, float] = {}

    def play(self) -> None:
        pending = list(self._plan.mischief)
        limit = time.monotonic() + SECONDS_FOR_A_ROUND
        while time.monotonic() < limit:
            for run in self._round.runs:
                self._look(run)
            for mischief in [mischief for mischief in pending if self._is_due(mischief)]:
                pending.remove(mischief)
                self._act(mischief)
            if not self._waits_for_something(pending):
                return
            time.sleep(1)

    def _waits_for_something(self, pending: list[Mischief]) -> bool:
        if any(run.state not in {"success", "failed", DELETED} for run in self._round.runs):
            return True
        return any(mischief in self._due for mischief in pending)  # a finished run can be cleared

    def _look(self, run: Played) -> None:
        if run.state == DELETED:
            return
        try:
            run.tasks = self._clients.airflow.tasks(self._plan.dag_id, run.run_id)
            run.state = self._clients.airflow.run_state(self._plan.dag_id, run.run_id)
        except TROUBLE:
            return  # the next look will tell

    def _is_due(self, mischief: Mischief) -> bool:
        task = self._round.runs[0].tasks.get(mischief.task, {})
        if mischief not in self._due and task.get("state") not in NOT_BEGUN:
            self._due[mischief] = time.monotonic() + mischief.delay_seconds
        return mischief in self._due and time.monotonic() >= self._due[mischief]

    def _act(self, mischief: Mischief) -> None:
        began = datetime.now(UTC)
        try:
            self._saboteur.act(mischief)
        except TROUBLE as error:
            self._round.refused.append(f"{mischief} ({str(error)[:150]})")
            return
        self._round.done.append(mischief)
        if mischief.kind == "answer":
            self._round.answered = began
        self._round.meddled = self._round.meddled or mischief.kind in MEDDLING
        if self._saboteur.deleted:
            self._round.runs[0].state = DELETED
        elif mischief.kind in MEDDLING:
            self._round.runs[0].state = "running"  # until the next look


def _revive(stack: ChaosStack, over: threading.Event) -> None:
    while not over.wait(0.5):
        with stack.lock:
            stack.revive()


def _heal(stack: ChaosStack) -> None:
    with stack.lock:
        stack.revive()
    for attempt in range(5):
        try:
            stack.wait_until_ready()
            return
        except StackError:  # one that has died is being revived
            if attempt == 4:
                raise
            time.sleep(2)


def _inspect(stack: ChaosStack, rounds: list[Round]) -> None:
    clients = Clients.of(stack)
    clients.withdraw_faults()
    for one in rounds:
        for run in one.runs:
            one.violations += audit.untold(one.plan, run, one.meddled, clients)
        one.violations += audit.mismatched(one.runs, clients.airflow)
        if [mischief.kind for mischief in one.done if mischief.kind in MEDDLING] == ["mark_run"]:
            one.violations += audit.kept(one.plan, one.runs[0], clients)
        if one.answered and not one.meddled:
            one.violations += audit.disobeyed(one.plan, one.runs[0], one.answered, clients)
    names = [run_name(clients.deployment, one.plan.dag_id, run.run_id) for one in rounds for run in one.runs]
    audit.wait_for_deadlines(names, clients)
    swept = list(audit.sweep(clients.airflow))
    time.sleep(1)
    audit.wait_for_deadlines(names, clients)  # deletions take a moment
    for one in rounds:
        one.violations += swept
        one.violations += audit.leaks(one.plan, one.runs, clients)
        one.violations += audit.trained_twice(one.plan, clients)
        one.violations += audit.touched(one.bystander, clients)
        clients.delete(one.bystander)
