import pytest
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker

from hashtag_retrain.pools import ENDPOINT_POOL, SLOTS, TRAINING_POOL, make_pools, on_starting


@pytest.fixture
def pools(airflow_database):
    from airflow.models.pool import Pool

    return Pool


def test_the_pools_are_made_and_count_waiting_tasks(pools):
    make_pools()

    for name in (TRAINING_POOL, ENDPOINT_POOL):
        pool = pools.get_pool(name)
        assert pool.slots == SLOTS
        assert pool.include_deferred is True


def test_a_pool_that_somebody_has_changed_stays_so(pools):
    from airflow.jobs.job import Job

    make_pools()
    pools.create_or_update_pool(TRAINING_POOL, slots=20, description="ours", include_deferred=True)

    on_starting(component=Job())

    assert pools.get_pool(TRAINING_POOL).slots == 20
    pools.create_or_update_pool(TRAINING_POOL, slots=SLOTS, description="", include_deferred=True)


def test_a_task_that_starts_makes_none_for_it_has_no_database(monkeypatch):
    monkeypatch.setattr("hashtag_retrain.pools.make_pools", lambda: pytest.fail("called"))

    on_starting(component=TaskRunnerMarker())


def test_airflow_finds_the_listener_that_makes_them(airflow_database):
    from airflow.listeners.listener import get_listener_manager

    names = [getattr(plugin, "__name__", "") for plugin in get_listener_manager().pm.get_plugins()]

    assert "hashtag_retrain.pools" in names
