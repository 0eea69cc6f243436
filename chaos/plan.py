"""What goes wrong in a round: a function of its seed alone."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from include.samples import DATES

STORY = (
    "wait_for_tweets",
    "prepare_dataset",
    "train_model",
    "evaluate_model",
    "register_model",
    "deploy_endpoint",
    "smoke_test",
    "hold_endpoint",
    "delete_endpoint",
    "record_outcome",
)
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
THROTTLING, SERVER_ERROR, LOST = "ThrottlingException", "InternalServerError", "ConnectionReset"
TRY_AGAIN = "InternalServerError: We encountered an internal error. Please try again."
RECOVERABLE = ("kill", "database_gone", "freeze", "throttle", "fail_endpoint", "answer", "write_slowly")
NO_USE = "AlgorithmError: the seed of this round would have it so"


@dataclass(frozen=True, slots=True)
class Mischief:
    """One thing that goes wrong."""

    kind: str
    """The name of a method of Saboteur's."""
    task: str
    """It happens after this task of the run has begun."""
    delay_seconds: float
    what: str = ""
    seconds: float = 0.0
    """How long it lasts."""

    @property
    def is_recoverable(self) -> bool:
        """Whether a run should succeed all the same."""
        return self.kind in RECOVERABLE or self.what == TRY_AGAIN

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.kind} {self.what}{lasting} @{self.task}+{self.delay_seconds:.1f}".replace("  ", " ")


@dataclass(frozen=True, slots=True)
class Plan:
    """A round: a run, perhaps with a twin of the same parameters, and what goes wrong."""

    seed: int
    hashtag: str
    parameters: dict[str, Any]
    twin: bool
    mischief: tuple[Mischief, ...]

    @property
    def dag_id(self) -> str:
        return f"retrain_{self.hashtag}"


def plan(seed: int) -> Plan:
    """The plan of a seed: one to three kinds of mischief."""
    chance = random.Random(seed)
    parameters = {
        "date": chance.choice(DATES),
        "epochs": 5,
        "deploy": "always",
        "keep_endpoint_minutes": round(chance.uniform(0.05, 0.4), 2),
        "buckets": 1000 + seed,  # a fingerprint of its own, which no tuning changes
    }
    kinds = chance.choices(list(_MAKERS), [weight for weight, _ in _MAKERS.values()], k=chance.choice([1, 1, 2, 2, 3]))
    mischief = tuple(_MAKERS[kind][1](kind, chance) for kind in kinds)
    if {"answer", "mark_run"} & set(kinds):
        parameters["keep_endpoint_minutes"] = 2  # so that nothing but the answer, or the mark, ends it early
    if "write_slowly" in kinds:  # a date of its own, whose tweets are not there yet
        parameters |= {"date": (date(2010, 1, 1) + timedelta(days=seed % 5000)).isoformat(), "window_days": 1}
    if chance.random() < 0.12:
        parameters |= {"tune": True, "tuning_jobs": 3}
    return Plan(seed, chance.choice(["aws", "azure"]), parameters, chance.random() < 0.15, mischief)


def _kill(kind: str, chance: random.Random) -> Mischief:
    return _at_random(kind, chance, what=chance.choice(PARTS), seconds=chance.uniform(0, 3))


def _throttle(kind: str, chance: random.Random) -> Mischief:
    what = f"{chance.choice(['sagemaker', 's3'])} {chance.choice([THROTTLING, SERVER_ERROR, LOST])}"
    return Mischief(kind, chance.choice(STORY), 0, what, seconds=chance.uniform(5, 20))


def _fail_training(kind: str, chance: random.Random) -> Mischief:
    return Mischief(kind, STORY[0], 0, chance.choice([TRY_AGAIN, TRY_AGAIN, NO_USE]))


def _first_task(kind: str, chance: random.Random) -> Mischief:
    return Mischief(kind, STORY[0], 0)


def _damage(kind: str, chance: random.Random) -> Mischief:
    return Mischief(kind, chance.choice(["evaluate_model", "register_model"]), 0)


def _mark(kind: str, chance: random.Random) -> Mischief:
    return _at_random(kind, chance, what=chance.choice(["failed", "failed", "success", "skipped"]))


def _whole_run(kind: str, chance: random.Random) -> Mischief:
    return _at_random(kind, chance, what=chance.choice(["failed", "success"]))


def _answer(kind: str, chance: random.Random) -> Mischief:
    return Mischief(kind, "hold_endpoint", chance.uniform(0, 3), what=chance.choice(["keep", "delete"]))


def _gone(kind: str, chance: random.Random) -> Mischief:
    return _at_random(kind, chance, seconds=chance.uniform(1, 6))


def _freeze(kind: str, chance: random.Random) -> Mischief:
    return _at_random(
        kind, chance, what=chance.choice(["scheduler", "scheduler", "worker-1"]), seconds=chance.uniform(3, 12)
    )


def _at_random(kind: str, chance: random.Random, what: str = "", seconds: float = 0.0) -> Mischief:
    return Mischief(kind, chance.choice(STORY), chance.uniform(0, 3), what, seconds)


_MAKERS: dict[str, tuple[int, Callable[[str, random.Random], Mischief]]] = {
    "kill": (10, _kill),
    "database_gone": (3, _gone),
    "freeze": (4, _freeze),
    "write_slowly": (2, _first_task),
    "throttle": (4, _throttle),
    "fail_training": (3, _fail_training),
    "fail_endpoint": (3, _first_task),
    "damage_artifact": (2, _damage),
    "mark_task": (4, _mark),
    "clear_task": (4, _at_random),
    "mark_run": (2, _whole_run),
    "delete_run": (1, _at_random),
    "answer": (2, _answer),
}
"""Weights, and what makes a mischief, by its kind."""
KINDS = frozenset(_MAKERS)
DOZEN = (22, 457, 2362, 1689, 1472, 2942, 1928, 1463, 2689, 70, 272, 56)
"""Seeds of rounds that together bring up every kind of mischief, the kill of every part, tuning and twins."""
