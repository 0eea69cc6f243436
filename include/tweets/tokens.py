"""Tokens for BlazingText. Training, evaluation and the callers of an endpoint must all use these functions."""

from collections.abc import Sequence

from include.config.preparation import Recipe
from include.tweets.batch_tokens import spaced_tokens
from include.tweets.cleaning import clean
from include.tweets.supervised import LABEL_PREFIX

TOKENS_RULE = 2
"""
Increase this with every change that gives a text other tokens, for example an update of nltk. Models from before the
change may not know the words of later ones, so they are not compared.
"""


def tokenize(text: str) -> list[str]:
    """
    Tokenise a text with ``nltk.word_tokenize``, in lower case.

    A word that begins like a BlazingText label loses its underscores: otherwise fastText would read it as another label
    of the tweet. A NUL becomes a space, because nltk takes it as a letter, but fastText as a space.
    """
    return instances([text])[0].split()


def instances(texts: Sequence[str]) -> list[str]:
    """``[" ".join(tokenize(text)) for text in texts]``, with no nltk for nearly all texts, and many times as fast."""
    lowered = [_lower(text) for text in texts]
    return [
        " ".join(_without_labels(tokens.split())) if LABEL_PREFIX in tokens else tokens
        for tokens in spaced_tokens(lowered)
    ]


def instance(cell: str, recipe: Recipe) -> str:
    """An instance of a request to the endpoint: the tokens of a cell or of a plain tweet, separated by spaces."""
    return " ".join(tokenize(clean(cell, recipe)))


def _lower(text: str) -> str:
    return text.lower().replace("\0", " ")


def _without_labels(tokens: list[str]) -> list[str]:
    return [token.lstrip("_") if token.startswith(LABEL_PREFIX) else token for token in tokens]
