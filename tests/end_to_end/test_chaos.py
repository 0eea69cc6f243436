"""A dozen of `make chaos`'s rounds, always the same ones."""

import tempfile
from pathlib import Path

import pytest

from chaos.__main__ import PACE, recovered
from chaos.clients import Clients
from chaos.plan import KINDS, PARTS, plan
from chaos.rounds import play
from chaos.stack import ChaosSettings, ChaosStack, Programs
from include.local_stack import StackError

SEEDS = (30, 12, 2196, 14, 19, 22, 29, 139, 658, 440, 24, 40)
"""Together they bring up every kind of mischief, and the kill of every part."""
AT_ONCE = 6


def programs_are_there() -> bool:
    try:
        Programs.find()
    except StackError:
        return False
    return True


@pytest.mark.timeout(900)
@pytest.mark.skipif(not programs_are_there(), reason="needs PostgreSQL's and Redis's programs (README, Chaos)")
def test_a_dozen_rounds_leak_nothing_train_nothing_twice_and_tell_the_truth():
    with (
        tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as home,
        ChaosStack(ChaosSettings.on_free_ports(Path(home), PACE)) as stack,
    ):
        Clients.of(stack).prepare()
        rounds = [
            one
            for first in range(0, len(SEEDS), AT_ONCE)
            for one in play(stack, [plan(seed) for seed in SEEDS[first : first + AT_ONCE]])
        ]

    for one in rounds:
        print(one.plan.seed, [run.state for run in one.runs], [str(mischief) for mischief in one.done], one.refused)
    assert {one.plan.seed: one.violations for one in rounds if one.violations} == {}
    assert sum(len(one.done) for one in rounds) >= len(SEEDS)
    recoverable = [one for one in rounds if one.is_recoverable]
    assert recovered(rounds) >= 0.8 * len(recoverable) > 0


def test_the_dozen_brings_up_every_kind_of_mischief_and_the_kill_of_every_part():
    mischief = [mischief for seed in SEEDS for mischief in plan(seed).mischief]

    assert {one.kind for one in mischief} == KINDS
    assert {one.what for one in mischief if one.kind == "kill"} == set(PARTS)
