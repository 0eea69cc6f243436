import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.evaluation.intervals import interval_of_mean, wilson_interval

COUNTS = st.integers(1, 50).flatmap(lambda tweets: st.tuples(st.integers(0, tweets), st.just(tweets)))


@given(COUNTS)
def test_wilsons_interval_is_scipys(counts):
    from scipy.stats import binomtest

    expected = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert wilson_interval(*counts) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_of_a_single_share_it_is_wilsons():
    assert interval_of_mean([(3, 4)]) == pytest.approx(wilson_interval(3, 4))


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_the_interval_holds_the_mean_and_stays_between_0_and_1(counts):
    low, high = interval_of_mean(counts)

    assert -1e-9 <= low <= sum(right / tweets for right, tweets in counts) / len(counts) <= high <= 1 + 1e-9


def test_a_rare_label_of_which_all_are_right_leaves_the_interval_wide():
    low, _ = interval_of_mean([(980, 1000), (3, 3)])

    assert low < 0.75  # three of three may be a label whose recall is 44 %


def test_it_covers_the_true_mean_about_95_times_of_100():
    import numpy as np

    generator = np.random.default_rng(0)
    recalls, sizes = np.array([0.95, 0.7]), np.array([190, 10])
    drawn = generator.binomial(sizes, recalls, (1000, 2))
    intervals = [interval_of_mean(list(zip(map(int, counts), map(int, sizes), strict=True))) for counts in drawn[:300]]

    assert 0.92 <= np.mean([low <= recalls.mean() <= high for low, high in intervals]) <= 0.99
