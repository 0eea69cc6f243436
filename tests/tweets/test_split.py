import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config.errors import ConfigurationError
from include.tweets.cleaning import body_of, groups, plain_text
from include.tweets.split import SPLIT_RULE, SPLITS, Fractions, assign
from include.tweets.tokens import TOKENS_RULE, tokenize


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


@pytest.mark.parametrize(
    ("cell", "split", "tokens"),
    [
        ("Cold starts halved after we trimmed the layer", "train", "cold starts halved after we trimmed the layer"),
        (
            "RT @ana: Cold starts halved after we trimmed the layer https://t.co/x",
            "train",
            "rt @ ana : cold starts halved after we trimmed the layer https : //t.co/x",
        ),
        ("Last call, 30% off every plan!!! #aws #sale", "train", "last call , 30 % off every plan ! ! ! # aws # sale"),
        ("It's 5 o'clock... can't've been U.S.A. based", "train", "it 's 5 o'clock ... can't 've been u.s.a. based"),
        ("café &amp; cloud…", "test", "café & cloud…"),
        ("@bo lambda::bucket 3.14 gonna", "train", "@ bo lambda : :bucket 3.14 gon na"),
        (
            "¡Última semana! Inscríbete aquí: https://t.co/Y4 #aws",
            "test",
            "¡última semana ! inscríbete aquí : https : //t.co/y4 # aws",
        ),
        (
            r"aws,Ruiz,2026-01-07 17:07:42,b'RT @x: caf\xc3\xa9 &amp; cloud\xe2\x80\xa6'",
            "test",
            "rt @ x : café & cloud…",
        ),
    ],
)
def test_splits_and_tokens_are_what_they_were(cell, split, tokens):
    """
    A champion of before has been trained by these. If this fails on purpose, count up SPLIT_RULE or TOKENS_RULE, or
    champions will be compared on tweets that they were trained on, or with words that they do not know.
    """
    text = plain_text(cell)

    assert (SPLIT_RULE, TOKENS_RULE) == (2, 2)
    assert assign(groups([body_of(text)])[0], 0, Fractions()) == split
    assert " ".join(tokenize(text)) == tokens


def test_another_seed_is_another_split():
    texts = [str(number) for number in range(200)]

    assert [assign(text, 1, Fractions()) for text in texts] != [assign(text, 2, Fractions()) for text in texts]


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1)])
def test_fractions_are_positive_and_add_up(shares):
    with pytest.raises(ConfigurationError, match="add up to 1"):
        Fractions(*shares)
