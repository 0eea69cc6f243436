from collections import Counter

from chaos.injector import Injector
from chaos.plan import DOZEN, KINDS, PARTS, TASKS, USER_ACTIONS, plan
from hashtag_retrain.parameters import run_parameters
from include.config.hashtags import load_hashtags


def test_a_seed_gives_the_same_plan_every_time():
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_each_kind_of_disruption_comes_up_and_is_one_that_the_injector_has():
    plans = [plan(seed) for seed in range(300)]
    disruptions = [disruption for one in plans for disruption in one.disruptions]

    kinds = Counter(disruption.kind for disruption in disruptions)
    assert {disruption.detail for disruption in disruptions if disruption.kind == "kill"} == set(PARTS)
    assert {disruption.task for disruption in disruptions} == set(TASKS)
    assert set(USER_ACTIONS) < set(kinds)
    for kind in kinds:
        assert callable(getattr(Injector, kind))
    assert 0 < sum(one.has_second_run for one in plans) < len(plans)


def test_each_round_has_a_fingerprint_of_its_own_and_parameters_that_the_dag_takes():
    plans = [plan(seed) for seed in range(300)]
    parameters = run_parameters(load_hashtags().usable[0])

    assert len({one.parameters["buckets"] for one in plans}) == len(plans)
    for one in plans:
        for name, value in one.parameters.items():
            parameters[name].resolve(value)


def test_the_dozen_has_every_kind_of_disruption_the_kill_of_every_part_tuning_and_second_runs():
    plans = [plan(seed) for seed in DOZEN]
    disruptions = [disruption for one in plans for disruption in one.disruptions]

    assert {one.kind for one in disruptions} == KINDS
    assert {one.detail for one in disruptions if one.kind == "kill"} == set(PARTS)
    assert any(one.parameters.get("tune") for one in plans)
    assert any(one.has_second_run for one in plans)
