import pytest

from include.steps.reporting import REPORT_URL, write_report
from include.steps.workplace import Workplace
from tests.steps.conftest import TaskInstance


@pytest.fixture
def write(run):
    run.prepare()
    run.train()

    def write(known=None):
        place = Workplace.connect(run.keys.hashtag, run.keys.date)
        return write_report(place, run.name, run.params, TaskInstance(run, "record_outcome"), known)

    return write


def test_data_and_page_are_beside_each_other_and_the_task_links_the_page(run, write, storage):
    report = write()

    folder = run.keys.run(run.name)
    assert storage.exists(folder + "report.json") and storage.exists(folder + "report.html")
    assert run.xcoms["record_outcome", REPORT_URL] == report["url"] == storage.browser_url(folder + "report.html")


def test_what_an_earlier_attempt_has_left_counts_only_if_the_task_succeeded_again(run, write):
    assert write()["training"]["training_job_name"]

    run.states["train_model"] = "skipped"  # it was cleared, and its XCom is still there

    assert write()["training"] is None


def test_the_result_of_the_task_that_writes_counts_before_it_has_ended(run, write):
    evaluated = run.evaluate()
    run.states["evaluate_model"] = "running"
    assert write()["evaluation"] is None

    assert write({"evaluate_model": evaluated})["evaluation"]["accuracy"] > 0.8


def test_the_links_lead_to_what_there_is(run, write):
    report = write()

    links = report["links"]
    assert links["training_job"].endswith("/_local/#training")  # the local AWS has one page for all jobs
    assert (links["tuning_job"], links["registry"], links["endpoint"]) == (None, None, None)
    assert links["tasks"]["train_model"] == f"{links['run']}/tasks/train_model"
    assert report["files"]["train"] in {report["files"][name] for name in links["files"]}
    assert "evaluation" not in report["files"]
