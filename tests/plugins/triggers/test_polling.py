import json

import pytest

from hashtag_retrain.triggers.endpoint import DeadlineTrigger, DeletionTrigger, DeploymentTrigger
from hashtag_retrain.triggers.job import TrainingJobTrigger, TuningJobTrigger
from hashtag_retrain.triggers.tweets import TweetsTrigger
from tests.plugins.attempts import TASK_INSTANCE

HOOK = {"aws_conn_id": "aws_default", "region_name": None}


@pytest.mark.parametrize(
    "trigger",
    [
        TrainingJobTrigger("name", {"a": "b"}, 60, 5, HOOK, [{"name": "x"}]),
        TuningJobTrigger("name", {}, 60, 5, HOOK),
        DeploymentTrigger({"Endpoint": {}}, [{"Key": "a", "Value": "b"}], "2026-01-07T00:00:00Z", 5, HOOK),
        DeadlineTrigger("name", 5, HOOK, asked=TASK_INSTANCE),
        DeletionTrigger({"endpoint": "name"}, {"a": "b"}, "2026-01-07T00:00:00Z", 5, HOOK, ["x"], 1),
        TweetsTrigger("bucket", "folder", True, "2026-01-07T00:00:00Z", 5, HOOK),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_triggers_survive_the_database(trigger):
    path, arguments = trigger.serialize()

    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    assert type(trigger)(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
