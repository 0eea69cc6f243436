import io
import json

import pytest
from botocore.exceptions import EndpointConnectionError

from include.live.probe import Probe

NEW = [{"instance": "hello", "expected": {"a": 0.9, "b": 0.1}}]
OLD = [{"instance": "hello", "expected": {"a": 0.4, "b": 0.6}}, {"instance": "bye", "expected": {"b": 1.0}}]


class Runtime:
    """Answers each instance as a model does whose probabilities are given."""

    def __init__(self, *answers):
        self.answers, self.asked = answers, []

    def invoke_endpoint(self, **request):
        body = json.loads(request["Body"])
        self.asked.append(body["instances"])
        if isinstance(self.answers[0], Exception):
            raise self.answers[0]
        found = [{"label": [f"__label__{name}" for name in one], "prob": list(one.values())} for one in self.answers]
        return {"Body": io.BytesIO(json.dumps(found).encode())}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (({"a": 0.9, "b": 0.1}, {"a": 0.8, "b": 0.2}, {"b": 1.0}), (2, 0, 0)),
        (({"a": 0.4, "b": 0.6}, {"a": 0.4, "b": 0.6}, {"b": 1.0}), (0, 2, 0)),
        (({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}, {"b": 1.0}), (0, 0, 2)),
        (({"a": 0.9, "b": 0.1},), (0, 0, 2)),
        ((EndpointConnectionError(endpoint_url="u"),), (0, 0, 2)),
    ],
    ids=["new", "old", "neither", "too few", "none"],
)
def test_it_tells_whose_answers_they_are(answers, expected):
    runtime = Runtime(*answers)

    found = Probe(runtime, "live", NEW, OLD).ask(2)

    assert (found.new, found.old, found.failed) == expected
    assert bool(found.words) == bool(found.failed)
    assert runtime.asked == [["hello", "hello", "bye"]] * 2


def test_without_smoke_tests_nothing_is_asked():
    runtime = Runtime()

    assert str(Probe(runtime, "live", [], OLD).ask(5)) == "0 answers of the new model, 0 of the old one"
    assert runtime.asked == []
