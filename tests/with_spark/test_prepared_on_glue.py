"""Runs whose tweets a Glue job prepares: `make test-spark`, with a real PySpark."""

import pytest
import requests

from tests.dags.runs import *  # noqa: F403 - fixtures
from tests.dags.runs import tweets


@pytest.fixture
def requests_to(local_aws):
    """How often an operation has been called since the test began."""

    def count(operation: str) -> int:
        return len(requests.get(f"{local_aws.url}/_local/requests?operation={operation}", timeout=5).text.splitlines())

    before = count("StartJobRun")
    return lambda operation: count(operation) - before


def test_a_run_that_is_prepared_on_glue_goes_all_the_way_and_the_next_uses_its_data(
    on_glue, run_dag, upload, requests_to
):
    upload(tweets(), "2026-01-07")

    runs = [run_dag("2026-01-07") for _ in range(2)]

    assert [(run.state, run.left) for run in runs] == [("success", [])] * 2
    assert {task for task, state in runs[0].tasks.items() if state != "success"} == {"tune_model"}
    assert runs[0].report["data"]["rows"]["used"] == 400
    assert requests_to("StartJobRun") == 1


def test_bad_data_fail_a_run_that_is_prepared_on_glue(on_glue, run_dag, upload):
    upload([("0", f"tweet {number}") for number in range(50)], "2026-01-07")

    run = run_dag("2026-01-07")

    assert (run.state, run.tasks["prepare_dataset"], run.tasks["train_model"]) == (
        "failed",
        "failed",
        "upstream_failed",
    )
    message = run.report["failures"]["prepare_dataset"]
    assert message.startswith("All 50 usable rows have the label technical.")
    assert message.endswith(f"/runs/{run.name}/rejected.csv)")
