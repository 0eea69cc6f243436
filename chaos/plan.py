"""What goes wrong in a round. The plan depends on the round's seed alone."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from dags.retrain_hashtag import retrain
from include.config.hashtags import load_hashtags
from include.samples import DATES

HASHTAGS_FILE = Path(__file__).with_name("hashtags.yaml")
_LIVE = load_hashtags(HASHTAGS_FILE).usable[0]
TASKS = tuple(task_id for task_id in retrain(_LIVE).task_ids if task_id != "tune_model")
"""Of the DAG, in its order; but tune_model does not begin in most rounds."""
PARTS = (
    "worker-1",
    "worker-2",
    "scheduler",
    "triggerer",
    "triggerer-2",
    "api-server",
    "local-aws",
    "dag-processor",
)
ERRORS = ("ThrottlingException", "InternalServerError", "ConnectionReset")
TRANSIENT_FAILURE = "InternalServerError: We encountered an internal error. Please try again."
PERMANENT_FAILURE = "AlgorithmError: the plan of this round lets the training fail"
RECOVERABLE = ("kill", "database_gone", "freeze", "throttle", "fail_endpoint", "answer", "write_slowly", "slow_model")
USER_ACTIONS = ("mark_task", "clear_task", "mark_run", "delete_run")
"""A user sets the state of a task or of the run, so the run's state is what the user says."""


@dataclass(frozen=True, slots=True)
class Disruption:
    """One thing that goes wrong."""

    kind: str
    """The name of a method of Injector."""
    task: str
    """The disruption happens after this task of the run has begun."""
    delay_seconds: float
    """The time between the start of the task and the disruption."""
    detail: str = ""
    """Depends on the kind: the part to kill, the error, the state to set, or the answer."""
    seconds: float = 0.0
    """How long it lasts."""

    @property
    def is_recoverable(self) -> bool:
        """Whether a run should succeed in spite of it."""
        return self.kind in RECOVERABLE or self.detail == TRANSIENT_FAILURE

    def __str__(self) -> str:
        duration = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.kind} {self.detail}{duration} @{self.task}+{self.delay_seconds:.1f}".replace("  ", " ")


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a round's run, and its disruptions."""

    seed: int
    hashtag: str
    parameters: dict[str, Any]
    has_second_run: bool
    """A second run has the same parameters and starts at the same time."""
    disruptions: tuple[Disruption, ...]

    @property
    def dag_id(self) -> str:
        return f"retrain_{self.hashtag}"


def plan(seed: int) -> Plan:
    """The plan for a seed, with one to three disruptions."""
    chance = random.Random(seed)
    parameters = {
        "date": chance.choice(DATES),
        "epochs": 5,
        "deploy": "always",
        "keep_endpoint_minutes": round(chance.uniform(0.05, 0.4), 2),
        "buckets": 1000 + seed,  # gives each round a fingerprint of its own; tuning does not change it
    }
    weights = [weight for weight, _ in _MAKERS.values()]
    kinds = chance.choices(list(_MAKERS), weights, k=chance.choice([1, 1, 2, 2, 3]))
    disruptions = tuple(_MAKERS[kind][1](kind, chance) for kind in kinds)
    if {"answer", "mark_run"} & set(kinds):
        parameters["keep_endpoint_minutes"] = 2  # so that the answer, or the mark, ends the endpoint, not its deadline
    if "write_slowly" in kinds:  # a date that has no tweets yet
        parameters |= {"date": (date(2010, 1, 1) + timedelta(days=seed % 5000)).isoformat(), "window_days": 1}
    if chance.random() < 0.12:
        parameters |= {"tune": True, "tuning_jobs": 3}
    return Plan(seed, chance.choice(["aws", "azure"]), parameters, chance.random() < 0.15, disruptions)


def _kill(kind: str, chance: random.Random) -> Disruption:
    return _at_any_task(kind, chance, detail=chance.choice(PARTS), seconds=chance.uniform(0, 3))


def _throttle(kind: str, chance: random.Random) -> Disruption:
    detail = f"{chance.choice(['sagemaker', 's3'])} {chance.choice(ERRORS)}"
    return Disruption(kind, chance.choice(TASKS), 0, detail, seconds=chance.uniform(5, 20))


def _fail_training(kind: str, chance: random.Random) -> Disruption:
    return Disruption(kind, TASKS[0], 0, chance.choice([TRANSIENT_FAILURE, TRANSIENT_FAILURE, PERMANENT_FAILURE]))


def _at_first_task(kind: str, chance: random.Random) -> Disruption:
    return Disruption(kind, TASKS[0], 0)


def _damage(kind: str, chance: random.Random) -> Disruption:
    return Disruption(kind, chance.choice(["evaluate_model", "register_model"]), 0)


def _slow_model(kind: str, chance: random.Random) -> Disruption:
    return Disruption(kind, "smoke_test", 0, seconds=chance.uniform(10, 30))


def _mark_task(kind: str, chance: random.Random) -> Disruption:
    return _at_any_task(kind, chance, detail=chance.choice(["failed", "failed", "success", "skipped"]))


def _mark_run(kind: str, chance: random.Random) -> Disruption:
    return _at_any_task(kind, chance, detail=chance.choice(["failed", "success"]))


def _answer(kind: str, chance: random.Random) -> Disruption:
    return Disruption(kind, "hold_endpoint", chance.uniform(0, 3), detail=chance.choice(["keep", "delete"]))


def _database_gone(kind: str, chance: random.Random) -> Disruption:
    return _at_any_task(kind, chance, seconds=chance.uniform(1, 6))


def _freeze(kind: str, chance: random.Random) -> Disruption:
    part = chance.choice(["scheduler", "scheduler", "worker-1"])
    return _at_any_task(kind, chance, detail=part, seconds=chance.uniform(3, 12))


def _at_any_task(kind: str, chance: random.Random, detail: str = "", seconds: float = 0.0) -> Disruption:
    return Disruption(kind, chance.choice(TASKS), chance.uniform(0, 3), detail, seconds)


_MAKERS: dict[str, tuple[int, Callable[[str, random.Random], Disruption]]] = {
    "kill": (10, _kill),
    "database_gone": (3, _database_gone),
    "freeze": (4, _freeze),
    "write_slowly": (2, _at_first_task),
    "throttle": (4, _throttle),
    "fail_training": (3, _fail_training),
    "fail_endpoint": (3, _at_first_task),
    "damage_artifact": (2, _damage),
    "slow_model": (2, _slow_model),
    "mark_task": (4, _mark_task),
    "clear_task": (4, _at_any_task),
    "mark_run": (2, _mark_run),
    "delete_run": (1, _at_any_task),
    "answer": (2, _answer),
}
"""The weight of each kind of disruption, and the function that makes one."""
KINDS = frozenset(_MAKERS)
DOZEN = (2963, 68, 1043, 639, 22, 12, 256, 1033, 3387, 207, 218, 105)
"""
Seeds of twelve rounds that have every kind of disruption, the kill of every part, tuning and second runs. In the first
four, which are played at once, models are promoted, and no user ends a promotion.
"""
