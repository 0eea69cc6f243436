from dataclasses import asdict
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain.operators.live import SageMakerPromoteOperator, SageMakerRetireOperator
from tests.live.promotions import *  # noqa: F403
from tests.live.promotions import left_of
from tests.plugins.attempts import Attempt, finish


def context(run_type="scheduled"):
    return {"ti": Attempt(), "dag_run": SimpleNamespace(run_type=run_type, start_date=None)}


@pytest.fixture
def operator(hashtag, live_settings):
    def operator(version, date):
        return SageMakerPromoteOperator(
            task_id="promote_model",
            hashtag=hashtag,
            version=str(version),
            date=date,
            live=asdict(live_settings),
            check_interval=0.05,
        )

    return operator


def test_a_run_promotes_its_version_in_worker_and_triggerer(operator, register, settings, clients, hashtag):
    version = register("2026-01-01")

    result = finish(operator(version.number, "2026-01-01"), context())

    assert (result["status"], result["serving_version"]) == ("created", 1)
    off = SageMakerRetireOperator(task_id="off", hashtag=hashtag, check_interval=0.05)
    assert len(finish(off, context())) == 6
    assert left_of(clients, hashtag) == []


def test_a_backfill_and_a_refused_version_touch_nothing(operator, register, settings, clients, hashtag):
    version = register("2026-01-01", "Rejected")

    with pytest.raises(AirflowSkipException, match="A backfill leaves the live endpoint alone"):
        finish(operator(version.number, "2026-01-01"), context("backfill"))
    with pytest.raises(AirflowSkipException, match="Version 1 is Rejected"):
        finish(operator(version.number, "2026-01-01"), context())

    assert left_of(clients, hashtag) == []
