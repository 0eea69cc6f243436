import re

import pytest

from include.evaluation.comparison import Comparison, compare
from include.evaluation.gate import Dates, Gate, decide
from include.evaluation.metrics import GATE_METRICS, Evaluation
from tests.evaluation.test_metrics import evaluate, evaluation, predictions

NEWEST = Dates("2026-01-07", "2026-01-07", "2026-01-06")
OLDER = Dates("2026-01-06", "2026-01-07", "2026-01-05")
BETTER_CHAMPION = Comparison(100, 80, 90, 2, 12, 0.013, -0.1, 0.013)
EQUAL_CHAMPION = Comparison(100, 80, 82, 5, 7, 0.77, -0.02, 0.77)


def decision(
    right=80, comparison=None, min_gain=0.0, deploy="auto", dates=NEWEST, manual_approval=None, min_test_tweets=1
):
    gate = Gate(min_gain, min_test_tweets)
    return decide(evaluation(right, 100 - right), comparison, gate, deploy, dates, manual_approval)


@pytest.mark.parametrize(
    ("case", "deployed", "reason", "approval"),
    [
        pytest.param({}, True, "To be deployed: accuracy 80", "Approved", id="good and newest"),
        pytest.param(
            {"right": 50}, False, "interval must exceed the majority", "Rejected", id="no better than the majority"
        ),
        pytest.param({"right": 55}, False, "lower end", "Rejected", id="better, but perhaps by chance"),
        pytest.param(
            {"min_gain": 0.4}, False, r"by more than 40\.0 percentage points", "Rejected", id="gain too small"
        ),
        pytest.param(
            {"min_test_tweets": 101},
            False,
            r"100 test tweets are too few to decide on \(min_test_tweets is 101\): the interval is 16 percent",
            "PendingManualApproval",
            id="too few test tweets",
        ),
        pytest.param(
            {"comparison": BETTER_CHAMPION},
            False,
            "it is significantly worse than the champion",
            "Rejected",
            id="significantly worse than the champion",
        ),
        pytest.param({"comparison": EQUAL_CHAMPION}, True, "To be deployed", "Approved", id="as good as the champion"),
        pytest.param({"dates": OLDER}, False, r"tweets of a newer date \(2026-01-07\)", "Approved", id="older date"),
        pytest.param(
            {"dates": Dates("2026-01-05", "2026-01-07", "2026-01-06")},
            False,
            "newer date",
            "PendingManualApproval",
            id="older than the champion",
        ),
        pytest.param({"deploy": "always", "right": 10}, True, "deploy=always", "Rejected", id="always"),
        pytest.param({"deploy": "always", "dates": OLDER}, True, "deploy=always", "Approved", id="always, older date"),
        pytest.param({"deploy": "never"}, False, "deploy=never", "Approved", id="never"),
        pytest.param(
            {"manual_approval": "Rejected"},
            False,
            "a person has set this model to Rejected",
            "Rejected",
            id="good, and rejected by a person",
        ),
        pytest.param(
            {"right": 50, "manual_approval": "Approved"},
            True,
            "a person has set this model to Approved",
            "Approved",
            id="not good, and approved by a person",
        ),
        pytest.param(
            {"manual_approval": "Approved", "dates": OLDER},
            False,
            "newer date",
            "Approved",
            id="approved by a person, older date",
        ),
        pytest.param(
            {"manual_approval": "PendingManualApproval"},
            False,
            "PendingManualApproval",
            "PendingManualApproval",
            id="withheld by a person",
        ),
    ],
)
def test_the_gate(case, deployed, reason, approval):
    found = decision(**case)

    assert found.deploy is deployed
    assert re.search(reason, found.reason)
    assert found.refused == (reason not in {"deploy=never"} and not deployed and "newer date" not in reason)
    assert found.approval == approval
    assert found.approval_reason


def imbalanced(rare_right: int = 30) -> Evaluation:
    """95 % of 1,000 tweets are technical; nearly all of these are told, and some of the rare ones."""
    truth = ["technical"] * 950 + ["marketing"] * 50
    guesses = ["technical"] * 925 + ["marketing"] * (25 + rare_right) + ["technical"] * (50 - rare_right)
    return evaluate(truth, predictions(guesses), ["technical", "marketing"])


def test_where_one_label_is_very_common_the_balanced_accuracy_can_pass():
    found = imbalanced()
    by_accuracy = decide(found, None, Gate(0.0), "auto", NEWEST)
    by_label = decide(found, None, Gate(0.0, metric="balanced_accuracy"), "auto", NEWEST)

    assert not by_accuracy.deploy
    assert "But the model does tell the labels apart: balanced accuracy 78.7%" in by_accuracy.reason
    assert by_accuracy.reason.endswith("set gate_metric to balanced_accuracy.")
    assert by_label.deploy
    assert by_label.reason.startswith("To be deployed: balanced accuracy 78.7% (")
    assert "majority 50.0%; accuracy 95.5%" in by_label.reason


def test_a_model_that_always_answers_the_common_label_passes_by_no_metric():
    found = evaluate(
        ["technical"] * 950 + ["marketing"] * 50, predictions(["technical"] * 1000), ["technical", "marketing"]
    )

    for metric in GATE_METRICS:
        decided = decide(found, None, Gate(0.0, metric=metric), "auto", NEWEST)
        assert not decided.deploy
        assert "gate_metric" not in decided.reason


def test_the_champion_is_compared_by_the_gates_metric():
    truth = ["technical"] * 950 + ["marketing"] * 50
    careful = ["technical"] * 900 + ["marketing"] * 50 + ["marketing"] * 45 + ["technical"] * 5
    careless = ["technical"] * 945 + ["marketing"] * 5 + ["marketing"] * 25 + ["technical"] * 25
    comparison = compare(truth, careful, careless)
    found = evaluate(truth, predictions(careful), ["technical", "marketing"])

    assert comparison.significantly_worse
    assert Gate(0.0, metric="balanced_accuracy").objection(found, comparison) is None
    worse = Gate(0.0, metric="balanced_accuracy").objection(found, compare(truth, careless, careful))
    assert "17.6 percentage points below the champion in balanced accuracy (p = 0.0001)" in worse
