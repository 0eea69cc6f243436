import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.evaluation.comparison import compare

ANSWERS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab"), st.sampled_from("ab")), min_size=1)


def comparison(alone: int, other_alone: int, both: int = 10):
    labels = ["a"] * (alone + other_alone + both)
    return compare(
        labels, ["a"] * alone + ["b"] * other_alone + ["a"] * both, ["b"] * alone + ["a"] * (other_alone + both)
    )


@pytest.mark.parametrize(
    ("alone", "other_alone", "p_value"),
    [
        pytest.param(0, 0, 1.0, id="no disagreement"),
        pytest.param(5, 5, 1.0, id="even"),
        pytest.param(1, 9, 2 * (1 + 10) / 2**10, id="from the binomial distribution by hand"),
        pytest.param(0, 6, 2 / 2**6, id="one side"),
    ],
)
def test_mcnemars_exact_test(alone, other_alone, p_value):
    assert comparison(alone, other_alone).p_value == pytest.approx(p_value)


def test_for_many_disagreements_it_is_near_the_chi_square():
    from scipy.stats import chi2

    found = comparison(400, 460)

    with_continuity = chi2.sf((abs(400 - 460) - 1) ** 2 / 860, df=1)
    assert found.p_value == pytest.approx(with_continuity, rel=0.02)


def test_worse_is_said_only_where_it_is_significant():
    assert comparison(0, 6).significantly_worse
    assert not comparison(0, 5).significantly_worse
    assert comparison(6, 0).significantly_better
    assert comparison(0, 6).in_words("the champion").startswith("significantly worse than the champion (right where")
    assert comparison(2, 3).in_words().startswith("not significantly different from the other model (")


@given(ANSWERS)
def test_exchanging_the_models_exchanges_the_verdict(answers):
    labels, ours, theirs = zip(*answers, strict=True)

    one, other = compare(labels, ours, theirs), compare(labels, theirs, ours)

    assert one.p_value == pytest.approx(other.p_value)
    assert one.significantly_worse == other.significantly_better
    assert one.right - one.alone_right == other.right - other.alone_right


@pytest.mark.parametrize(
    ("ours", "theirs", "contradicts"),
    [
        ("a" * 90 + "b" * 10, "b" * 90 + "a" * 10, True),  # swapped labels
        ("a" * 90 + "b" * 10, "a" * 60 + "b" * 40, False),
        ("a" * 90 + "b" * 10, "b" * 70 + "a" * 30, False),
        ("a" * 19, "b" * 19, False),  # too few to tell
    ],
)
def test_models_that_are_right_on_different_tweets_contradict_each_other(ours, theirs, contradicts):
    assert compare("a" * len(ours), ours, theirs).contradicts is contradicts
    assert compare("a" * len(ours), theirs, ours).contradicts is contradicts


def test_the_balanced_accuracies_differ_where_a_rare_label_does():
    labels = ["a"] * 900 + ["b"] * 100
    ours, theirs = ["a"] * 900 + ["a"] * 100, ["a"] * 870 + ["b"] * 30 + ["b"] * 60 + ["a"] * 40

    found = compare(labels, ours, theirs)

    assert found.balanced_gain == pytest.approx((1.0 + 0.0) / 2 - (870 / 900 + 0.6) / 2)
    assert found.worse("balanced_accuracy")
    assert found.worse("accuracy")
    assert not compare(labels, theirs, ours).worse("balanced_accuracy")


@given(ANSWERS)
def test_exchanging_the_models_exchanges_the_balanced_comparison(answers):
    labels, ours, theirs = zip(*answers, strict=True)

    one, other = compare(labels, ours, theirs), compare(labels, theirs, ours)

    assert one.balanced_gain == pytest.approx(-other.balanced_gain)
    assert one.balanced_p_value == other.balanced_p_value
    assert one.worse("balanced_accuracy") is False or other.worse("balanced_accuracy") is False


def test_with_one_label_the_balanced_p_value_is_mcnemars():
    found = comparison(4, 14)

    assert found.balanced_p_value == pytest.approx(found.p_value, abs=0.01)
