"""Tokens for BlazingText: the one function that training, evaluation and everyone who asks an endpoint must share."""

from collections.abc import Callable, Sequence
from functools import cache

from include.config.preparation import Recipe
from include.tweets.cleaning import clean
from include.tweets.punkt import use_own_data

LABEL_PREFIX = "__label__"

TOKENS_RULE = 1
"""To be counted up with any change that gives a text other tokens, an update of nltk above all: models from before are
then not compared with later ones, whose words they may not know."""


def tokenize(text: str) -> list[str]:
    """
    Lower-cased ``nltk.word_tokenize`` tokens of `text`.

    A word that begins like a BlazingText label loses its underscores, so that no tweet can label itself. A NUL, which
    nltk takes for a letter and fastText for a blank, is a blank.
    """
    return _without_labels(_word_tokenize()(_lower(text)))


def tokenize_all(texts: Sequence[str]) -> list[list[str]]:
    """``[tokenize(text) for text in texts]``, an order of magnitude faster where there are many."""
    from include.tweets.batch_tokens import word_tokenize_all

    lowered = [_lower(text) for text in texts]
    return [
        _without_labels(tokens) if LABEL_PREFIX in text else tokens
        for text, tokens in zip(lowered, word_tokenize_all(lowered), strict=True)
    ]


def _lower(text: str) -> str:
    return text.lower().replace("\0", " ")


def _without_labels(tokens: list[str]) -> list[str]:
    return [token.lstrip("_") if token.startswith(LABEL_PREFIX) else token for token in tokens]


def instance(cell: str, recipe: Recipe) -> str:
    """What an endpoint is asked for a cell or a plain tweet: its tokens, separated by blanks."""
    return " ".join(tokenize(clean(cell, recipe).text))


@cache
def _word_tokenize() -> Callable[[str], list[str]]:
    """nltk's function; imported when it is needed, because nltk pulls in scipy and scikit-learn."""
    from nltk.tokenize import word_tokenize

    use_own_data()
    tokenize: Callable[[str], list[str]] = word_tokenize
    return tokenize
