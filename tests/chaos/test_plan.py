from collections import Counter

from chaos.plan import DOZEN, KINDS, PARTS, STORY, plan
from chaos.saboteur import MEDDLING, Saboteur
from hashtag_retrain.parameters import run_parameters
from include.config.hashtags import load_hashtags


def test_a_seed_gives_the_same_plan_every_time():
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_each_kind_of_mischief_comes_up_and_is_one_that_the_saboteur_can_do():
    plans = [plan(seed) for seed in range(300)]
    mischief = [mischief for one in plans for mischief in one.mischief]

    kinds = Counter(mischief.kind for mischief in mischief)
    assert {mischief.what for mischief in mischief if mischief.kind == "kill"} == set(PARTS)
    assert {mischief.task for mischief in mischief} == set(STORY)
    assert set(MEDDLING) < set(kinds)
    for kind in kinds:
        assert callable(getattr(Saboteur, kind))
    assert 0 < sum(one.twin for one in plans) < len(plans)


def test_each_round_has_a_fingerprint_of_its_own_and_parameters_that_the_dag_takes():
    plans = [plan(seed) for seed in range(300)]
    parameters = run_parameters(load_hashtags().usable[0])

    assert len({one.parameters["buckets"] for one in plans}) == len(plans)
    for one in plans:
        for name, value in one.parameters.items():
            parameters[name].resolve(value)


def test_the_dozen_brings_up_every_kind_of_mischief_the_kill_of_every_part_tuning_and_twins():
    plans = [plan(seed) for seed in DOZEN]
    mischief = [mischief for one in plans for mischief in one.mischief]

    assert {one.kind for one in mischief} == KINDS
    assert {one.what for one in mischief if one.kind == "kill"} == set(PARTS)
    assert any(one.parameters.get("tune") for one in plans)
    assert any(one.twin for one in plans)
