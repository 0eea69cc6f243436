"""The DAG with which people go back to a version, or turn a live endpoint off."""

import json

import pytest

from hashtag_retrain.live import DAG_ID, OFF, SERVE, TELL
from tests.conftest import REPOSITORY
from tests.live.promotions import *  # noqa: F403
from tests.live.promotions import left_of


@pytest.fixture
def run_dag(airflow_database, hashtag, tmp_path, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    entry = {"labels": {"0": "a", "1": "b"}, "live": True, "live_baking_minutes": 1}
    (tmp_path / "hashtags.yaml").write_text(json.dumps({hashtag: entry}))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    dag = DagBag(str(REPOSITORY / "dags" / "live_endpoint.py")).dags[DAG_ID]

    def run(**conf):
        dag_run = dag.test(run_conf={"hashtag": hashtag, **conf})
        return str(dag_run.state), {one.task_id: str(one.state) for one in dag_run.get_task_instances()}

    return run


def test_people_go_back_to_a_version_and_turn_it_off(run_dag, register, promote, clients, hashtag):
    old = register("2026-01-01")
    promote(register("2026-01-02"))

    state, tasks = run_dag(action=SERVE, version=old.number)

    assert (state, {task for task, one in tasks.items() if one == "success"}) == (
        "success",
        {"choose_action", SERVE, TELL},
    )
    assert promote(old, by_person=True).status == "already live"

    state, tasks = run_dag(action=OFF)

    assert (state, {task for task, one in tasks.items() if one == "success"}) == (
        "success",
        {"choose_action", OFF, TELL},
    )
    assert left_of(clients, hashtag) == []
