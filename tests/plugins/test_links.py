from types import SimpleNamespace

import pytest

from hashtag_retrain import links
from hashtag_retrain.parameters import enter_task


@pytest.mark.parametrize(
    ("xcom", "link"), [("http://somewhere/report.html", "http://somewhere/report.html"), (None, "")]
)
def test_the_report_is_linked_as_soon_as_it_is_there(monkeypatch, xcom, link):
    monkeypatch.setattr(links.XCom, "get_value", lambda **_: xcom)

    assert links.ReportLink().get_link(None, ti_key=None) == link


def test_each_task_that_makes_something_on_aws_links_to_it(dag_of_aws):
    found = {task.task_id: [link.name for link in task.operator_extra_links] for task in dag_of_aws.tasks}

    assert {task_id: names for task_id, names in found.items() if names} == {
        "wait_for_tweets": ["Labelled tweets"],
        "prepare_dataset": ["Prepared dataset"],
        "tune_model": ["Tuning job"],
        "train_model": ["Training job", "Log of the training job"],
        "evaluate_model": ["Report"],
        "register_model": ["Model registry"],
        "deploy_endpoint": ["Endpoint"],
        "record_outcome": ["Report"],
    }


@pytest.fixture
def dag_of_aws():
    from airflow.dag_processing.dagbag import DagBag

    from tests.conftest import REPOSITORY

    return DagBag(str(REPOSITORY / "dags" / "retrain_hashtag.py")).dags["retrain_aws"]


def test_a_task_stores_its_links_alone(dag_of_aws):
    """Airflow would store each once more when the task ends, and read it for that."""
    task = dag_of_aws.task_dict["train_model"]

    enter_task({"dag": dag_of_aws, "params": {}, "dag_run": SimpleNamespace(run_type="manual", conf={}), "task": task})

    assert list(task.operator_extra_links) == []
