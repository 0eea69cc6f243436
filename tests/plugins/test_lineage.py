"""The last OpenLineage event of a task that a trigger ends. tests/dags has a whole run's events."""

import asyncio
import sys
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent

from hashtag_retrain import lineage
from hashtag_retrain.triggers.polling import Done, PollingTrigger

RUN_ID = "01a21998-1739-7086-ad7a-6846fcaf7e16"
CHANNEL = ["s3://bucket", "data/train", "", {}]
TRAINED = {"model_uri": "s3://bucket/models/job/output/model.tar.gz", "training_job_name": "job"}


class Ending(PollingTrigger):
    """Ends its task at once."""

    def __init__(self, end):
        super().__init__(0, {})
        self.end = end

    def poll(self):
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@pytest.fixture
def end_task(monkeypatch):
    """Let a trigger end train_model, which was deferred with these XComs; return its event."""

    def end(how, **xcoms):
        monkeypatch.setattr(XCom, "get_one", lambda *, key, **_: xcoms.get(key))
        monkeypatch.setattr(XCom, "set", lambda key, value, **_: xcoms.__setitem__(key, value))
        trigger = Ending(how)
        trigger._task_instance = SimpleNamespace(
            dag_id="retrain_aws", task_id="train_model", run_id="r", map_index=-1, try_number=1
        )
        return asyncio.run(anext(trigger.run()))

    return end


@pytest.fixture
def noted():
    return {lineage.LINEAGE: {"run_id": RUN_ID, "inputs": [CHANNEL]}}


@pytest.mark.parametrize(
    ("how", "event_class", "event_type", "outputs"),
    [
        (Done(TRAINED), TaskSuccessEvent, "COMPLETE", ["models/job/output/model.tar.gz"]),
        (Done(skip="not wanted"), TaskSkippedEvent, "COMPLETE", []),
        (ValueError("The job has failed"), TaskFailedEvent, "FAIL", []),
    ],
)
def test_a_trigger_emits_the_last_event_of_its_task(
    end_task, noted, openlineage, how, event_class, event_type, outputs
):
    assert type(end_task(how, **noted)) is event_class

    (event,) = openlineage()
    assert (event["eventType"], event["run"]["runId"]) == (event_type, RUN_ID)
    assert (event["job"]["namespace"], event["job"]["name"]) == ("default", "retrain_aws.train_model")
    assert [data["name"] for data in event["inputs"]] == ["data/train"]
    assert [data["name"] for data in event["outputs"]] == outputs
    message = event["run"]["facets"].get("errorMessage", {}).get("message", "")
    assert ("The job has failed" in message) == (event_type == "FAIL")


def test_lineage_never_fails_a_task(end_task, openlineage):
    assert type(end_task(Done(TRAINED), openlineage={"no": "run id"})) is TaskSuccessEvent
    assert openlineage() == []


def test_a_task_that_was_deferred_without_openlineage_has_no_event(end_task, openlineage):
    assert type(end_task(Done(TRAINED))) is TaskSuccessEvent
    assert openlineage() == []


@pytest.mark.parametrize("is_installed", [True, False], ids=["without a transport", "without the provider"])
def test_nothing_is_noted_where_openlineage_is_not_used(is_installed, monkeypatch):
    if not is_installed:
        monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", None)
    task = SimpleNamespace(dag_id="retrain_aws", task_id="train_model")  # with none of a task's arguments

    lineage.note_datasets({"task": task}, TRAINED)
    lineage.note_deferral(task)
    lineage.emit_end(task, None, TRAINED)

    assert vars(task) == {"dag_id": "retrain_aws", "task_id": "train_model"}
