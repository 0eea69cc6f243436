import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.evaluation import metrics
from include.evaluation.metrics import Evaluation
from include.evaluation.outcomes import Outcomes
from include.predictions import Prediction

LABELS = ["technical", "marketing"]


def predictions(labels: list[str]) -> list[Prediction]:
    return [Prediction({label: 0.9}) for label in labels]


def evaluate(truth: list[str], answers: list[Prediction], known: list[str]) -> Evaluation:
    return metrics.evaluate(Outcomes.of(truth, answers), known)


def evaluation(right: int, wrong: int) -> Evaluation:
    """Of as many technical as marketing tweets, or nearly."""
    truth = [LABELS[number % 2] for number in range(right + wrong)]
    guesses = [label if number < right else LABELS[1 - number % 2] for number, label in enumerate(truth)]
    return evaluate(truth, predictions(guesses), LABELS)


def test_figures_of_a_small_example_worked_out_by_hand():
    truth = ["technical", "technical", "technical", "marketing"]
    found = evaluate(truth, predictions(["technical", "technical", "marketing", "marketing"]), LABELS)

    assert found.accuracy == 0.75
    assert found.majority_label == "technical"
    assert found.majority_accuracy == 0.75
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    technical = found.labels["technical"]
    assert [technical[name] for name in ("precision", "recall", "f1", "tweets")] == pytest.approx([1, 2 / 3, 0.8, 3])
    assert technical["recall_interval"] == pytest.approx((0.2077, 0.9385), abs=1e-4)
    assert found.confusion == {
        "technical": {"technical": 2, "marketing": 1},
        "marketing": {"technical": 0, "marketing": 1},
    }
    # Wilson's interval for 3 of 4, from the formula: centre (p + z²/2n) / (1 + z²/n).
    assert found.accuracy_interval == pytest.approx((0.3006, 0.9544), abs=1e-4)


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=30), st.randoms())
def test_always_answering_one_label_is_never_better_than_the_majority(truth, chance):
    guess = chance.choice(LABELS)

    found = evaluate(truth, predictions([guess] * len(truth)), LABELS)

    assert found.accuracy <= found.majority_accuracy
    assert not found.significantly_beats_majority


def test_the_log_loss_and_macro_f1_are_scikit_learns():
    from sklearn.metrics import f1_score, log_loss

    truth = ["technical", "technical", "marketing", "marketing", "technical"]
    shares = [0.9, 0.6, 0.2, 0.7, 0.45]
    found = evaluate(
        truth,
        [
            Prediction({"technical": p, "marketing": 1 - p})
            if p > 0.5
            else Prediction({"marketing": 1 - p, "technical": p})
            for p in shares
        ],
        LABELS,
    )

    matrix = [[1 - share, share] for share in shares]
    assert found.log_loss == pytest.approx(log_loss(truth, matrix, labels=["marketing", "technical"]))
    guesses = ["technical" if share > 0.5 else "marketing" for share in shares]
    assert found.macro_f1 == pytest.approx(f1_score(truth, guesses, average="macro"))


def test_a_label_that_the_model_does_not_know_is_a_large_loss_not_an_infinite_one():
    found = evaluate(["technical", "marketing"], [Prediction({"technical": 1.0}), Prediction({})], LABELS)

    assert 10 < found.log_loss < 20
    assert found.accuracy == 0.5


def test_intervals_hold_their_figures_and_narrow_with_more_tweets():
    few, many = evaluation(32, 8), evaluation(3200, 800)
    for found in (few, many):
        assert found.macro_f1_interval[0] < found.macro_f1 < found.macro_f1_interval[1]
        assert found.log_loss_interval[0] < found.log_loss < found.log_loss_interval[1]
    assert many.macro_f1_interval[1] - many.macro_f1_interval[0] < few.macro_f1_interval[1] - few.macro_f1_interval[0]
    assert evaluation(32, 8) == few


@settings(max_examples=40)
@given(st.integers(0, 40), st.integers(1, 3), st.randoms(use_true_random=False))
def test_rare_labels_do_not_lift_the_intervals_above_their_figures(rare, each, chance):
    known = ["big0", "big1", *[f"rare{number}" for number in range(rare)]]
    truth = ["big0", "big1"] * 40 + known[2:] * each
    guesses = [label if chance.random() < 0.7 else chance.choice(known[:2]) for label in truth]

    found = evaluate(truth, predictions(guesses), known)

    for figure, interval in ((found.macro_f1, found.macro_f1_interval), (found.log_loss, found.log_loss_interval)):
        if interval is not None:
            assert interval[0] <= figure <= interval[1]


def test_many_labels_with_one_test_tweet_each_are_all_in_the_mean():
    known = ["big0", "big1", *[f"rare{number}" for number in range(20)]]
    truth = ["big0", "big1"] * 40 + known[2:]
    guesses = ["big0", "big1"] * 39 + ["big1", "big0"] + ["big0"] * 20

    found = evaluate(truth, predictions(guesses), known)

    # Two labels of 22 are told; a mean over those that a draw happens to hold would be several times that.
    assert found.macro_f1 < found.macro_f1_interval[1] < 0.1


def test_a_handful_of_test_tweets_gives_no_interval_by_drawing():
    found = evaluation(3, 0)

    assert (found.macro_f1, found.macro_f1_interval, found.log_loss_interval) == (1.0, None, None)
    assert found.accuracy_interval[0] < 0.5


def test_a_label_without_test_tweets_is_named():
    found = evaluate(["technical"] * 5, predictions(["technical"] * 5), LABELS)

    assert found.labels_without_test_tweets == ["marketing"]
    assert "Not tested, because no test tweet has the label: marketing." in found.verdict()


def test_reliability_compares_what_the_model_believes_with_what_is_so():
    truth = ["technical"] * 10
    sure = (
        [Prediction({"technical": 0.95})] * 3
        + [Prediction({"marketing": 0.95})]
        + [Prediction({"technical": 0.55})] * 6
    )

    unsure, confident = evaluate(truth, sure, LABELS).reliability

    assert (unsure["from"], unsure["tweets"], unsure["accuracy"]) == (0.5, 6, 1.0)
    assert (confident["tweets"], confident["accuracy"]) == (4, 0.75)
    assert confident["probability"] == pytest.approx(0.95)


def test_calibration_is_said_in_words():
    truth = ["technical"] * 71 + ["marketing"] * 29
    found = evaluate(truth, [Prediction({"technical": 0.95, "marketing": 0.05})] * 100, LABELS)

    assert found.calibration_error == pytest.approx(0.95 - 0.71)
    assert found.constant_log_loss == pytest.approx(0.6022, abs=1e-4)
    assert found.calibration_in_words() == (
        "Where the model says 90% or more (95% on average), it is right 71% of the time (61% to 79%; 100 test "
        "tweets). The expected calibration error is 0.240. The log loss is 0.905; always answering the labels' shares "
        "gives 0.602. So the probabilities say less than these shares: use the predicted label only."
    )


def test_a_label_that_is_never_right_and_a_model_worse_than_the_majority_are_named():
    truth = ["technical"] * 90 + ["marketing"] * 10
    found = evaluate(truth, predictions(["technical"] * 50 + ["marketing"] * 40 + ["technical"] * 10), LABELS)

    assert "significantly worse than the majority baseline" in found.verdict()
    assert found.verdict().endswith("Never right on tweets of: marketing.")


def test_the_verdict_says_whether_the_model_is_significantly_better_than_the_majority():
    assert ": significantly better than the majority" in evaluation(90, 10).verdict()
    assert ": not significantly better than the majority" in evaluation(11, 9).verdict()
    assert ": no better than the majority" in evaluation(9, 11).verdict()
    assert ": significantly worse than the majority" in evaluation(4, 16).verdict()


def test_a_tweet_of_which_the_model_knows_no_word_is_in_the_matrix_and_spoils_no_interval():
    truth = ["technical", "marketing"] * 50
    answers = [*predictions(truth[:-1]), Prediction({})]

    found = evaluate(truth, answers, LABELS)

    assert found.confusion["marketing"] == {"technical": 0, "marketing": 49, "": 1}
    assert found.macro_f1_interval[0] > 0.95
