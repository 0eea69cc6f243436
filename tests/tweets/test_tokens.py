import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.tokens import instance, tokenize


def test_tokens_are_nltks_lower_cased():
    assert tokenize("Don't PANIC. It's #AWS!") == ["do", "n't", "panic", ".", "it", "'s", "#", "aws", "!"]


@given(st.text(max_size=60))
def test_a_token_holds_nothing_that_separates_tokens_or_examples(text):
    assert all(token and not set(token) & set(" \n\r\t\v\f\0") for token in tokenize(text))


@pytest.mark.parametrize("text", ["__label__marketing", "x __LABEL__marketing", "__label__"])
def test_no_tweet_can_label_itself(text):
    assert not any(token.startswith("__label__") for token in tokenize(text))


def test_what_an_endpoint_is_asked_is_what_training_saw():
    cell = r"""aws,Ana,2019-01-04 17:33:00,b'Caf\xc3\xa9 &amp; Cloud'"""

    assert instance(cell, "clean") == "café & cloud"
    assert instance(cell, "original") == " ".join(tokenize(cell))
