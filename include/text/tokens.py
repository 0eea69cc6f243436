"""Tokens for BlazingText: the one function that training, evaluation and everyone who asks an endpoint must share."""

from functools import cache

from nltk.tokenize import word_tokenize

from include.errors import TokenizerDataError
from include.text.cleaning import Recipe, clean

LABEL_PREFIX = "__label__"


def tokenize(text: str) -> list[str]:
    """
    Lower-cased ``nltk.word_tokenize`` tokens of `text`.

    A word that begins like a BlazingText label loses its underscores, so that no tweet can label itself. A NUL, which
    nltk takes for a letter and fastText for a blank, is a blank.

    :raises TokenizerDataError: nltk's punkt_tab data is not installed
    """
    _require_punkt()
    tokens = word_tokenize(text.lower().replace("\0", " "))
    return [token.lstrip("_") if token.startswith(LABEL_PREFIX) else token for token in tokens]


def instance(cell: str, recipe: Recipe) -> str:
    """What an endpoint is asked for a cell or a plain tweet: its tokens, separated by blanks."""
    return " ".join(tokenize(clean(cell, recipe).text))


@cache
def _require_punkt() -> None:
    try:
        word_tokenize("Is the data there?")
    except LookupError:
        raise TokenizerDataError(
            "nltk's English punkt_tab data is not installed. Run `python -m include.text.punkt`, or set NLTK_DATA "
            "to a folder that holds tokenizers/punkt_tab/english."
        ) from None
