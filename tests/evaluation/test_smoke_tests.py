import json

import pytest

from include.config.errors import EvaluationError
from include.evaluation.smoke_tests import check_smoke_test, smoke_tests
from include.predictions import Prediction


class Model:
    """Answers with the label that the instance names."""

    def predict(self, instances):
        return [Prediction({instance.split()[0]: 0.9, "other": 0.1}) for instance in instances]


def samples(labels: int, each: int) -> list[dict[str, str]]:
    return [
        {"label": f"label{label}", "cell": f"LABEL{label} tweet {number}", "text": f"LABEL{label} tweet {number}"}
        for label in range(labels)
        for number in range(each)
    ]


@pytest.mark.parametrize(("labels", "asked"), [(2, 6), (5, 10), (100, 100)])
def test_every_label_is_asked_about(labels, asked):
    tests = smoke_tests(Model(), samples(labels, 3), "clean")

    assert len(tests) == asked
    assert {test["label"] for test in tests} == {f"label{number}" for number in range(labels)}
    assert tests[0]["instance"] == "label0 tweet 0"


def test_the_endpoints_answers_stand_beside_the_labels():
    tests = smoke_tests(Model(), samples(2, 1), "clean")
    answer = [{"label": [f"__label__{name}" for name in test["expected"]], "prob": [0.9, 0.1]} for test in tests]

    checked = check_smoke_test(json.dumps(answer).encode(), tests)

    assert [(entry["label"], entry["predicted"]) for entry in checked] == [("label0", "label0"), ("label1", "label1")]
    answer[0]["prob"] = [0.6, 0.4]
    with pytest.raises(EvaluationError, match="The endpoint serves another model"):
        check_smoke_test(json.dumps(answer).encode(), tests)
