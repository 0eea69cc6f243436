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


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_the_interval_holds_the_mean_and_stays_between_0_and_1(counts):
    low, high = interval_of_mean(counts)

    assert -1e-9 <= low <= sum(right / tweets for right, tweets in counts) / len(counts) <= high <= 1 + 1e-9


def test_a_rare_label_of_which_all_are_right_leaves_the_interval_wide():
    low, _ = interval_of_mean([(980, 1000), (3, 3)])

    assert low < 0.85  # three of three may be a label whose recall is 44 %


def test_it_covers_the_true_mean_about_95_times_of_100():
    import numpy as np

    generator = np.random.default_rng(0)
    recalls, sizes = np.array([0.95, 0.7]), np.array([190, 10])
    drawn = generator.binomial(sizes, recalls, (1000, 2))
    intervals = [interval_of_mean(list(zip(map(int, counts), map(int, sizes), strict=True))) for counts in drawn[:300]]

    assert 0.92 <= np.mean([low <= recalls.mean() <= high for low, high in intervals]) <= 0.99


@pytest.mark.parametrize(
    ("sizes", "guessed"),
    [
        ([10] * 10, [0.1] * 10),
        ([3] * 33, [1 / 33] * 33),
        ([1] * 100, [0.01] * 100),
        ([57, 3], [0.95, 0.05]),
        ([28, 2], [0.93, 0.07]),
        ([190, 10], [0.95, 0.05]),
        ([100, 100], [0.5, 0.5]),
    ],
    ids=str,
)
def test_a_model_that_does_not_look_at_the_tweets_hardly_ever_beats_chance(sizes, guessed):
    import numpy as np

    drawn = np.random.default_rng(0).binomial(sizes, guessed, (2000, len(sizes))).tolist()

    passes = [interval_of_mean(list(zip(right, sizes, strict=True)))[0] > 1 / len(sizes) for right in drawn]

    assert np.mean(passes) < 0.04
