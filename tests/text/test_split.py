import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ConfigurationError
from include.text.split import SPLITS, Fractions, assign


def test_splits_have_about_the_sizes_asked_for():
    counts = dict.fromkeys(SPLITS, 0)
    for number in range(20_000):
        counts[assign(f"tweet {number}", 0, Fractions(0.7, 0.2, 0.1))] += 1

    assert counts["train"] == pytest.approx(14_000, rel=0.03)
    assert counts["validation"] == pytest.approx(4_000, rel=0.06)
    assert counts["test"] == pytest.approx(2_000, rel=0.08)


@given(st.text())
def test_the_split_depends_on_nothing_but_tweet_and_seed(text):
    assert assign(text, 7, Fractions()) == assign(text, 7, Fractions())


def test_another_seed_is_another_split():
    texts = [str(number) for number in range(200)]

    assert [assign(text, 1, Fractions()) for text in texts] != [assign(text, 2, Fractions()) for text in texts]


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1)])
def test_fractions_are_positive_and_add_up(shares):
    with pytest.raises(ConfigurationError, match="add up to 1"):
        Fractions(*shares)
