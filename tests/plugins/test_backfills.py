from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from hashtag_retrain import backfills
from hashtag_retrain.backfills import skip_empty_date_of_backfill
from include.config.errors import NoRows


def prepare(rows: int) -> int:
    if not rows:
        raise NoRows("no row in the files of 2026-01-07")
    return rows


@pytest.fixture
def run_of(monkeypatch):
    def run(run_type: str) -> None:
        context = {"dag_run": SimpleNamespace(run_type=run_type)}
        monkeypatch.setattr(backfills, "get_current_context", lambda: context)

    return run


def test_an_empty_date_skips_the_task_of_a_backfill_and_fails_that_of_other_runs(run_of, capsys):
    run_of("backfill")
    with pytest.raises(AirflowSkipException):
        skip_empty_date_of_backfill(prepare)(0)
    assert "no row in the files of 2026-01-07" in capsys.readouterr().out

    run_of("scheduled")
    with pytest.raises(NoRows):
        skip_empty_date_of_backfill(prepare)(0)


def test_a_date_with_rows_is_prepared():
    assert skip_empty_date_of_backfill(prepare)(rows=5) == 5
