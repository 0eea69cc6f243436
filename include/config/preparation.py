"""Settings of the preparation of tweets that hashtags and the command line share."""

from collections.abc import Mapping
from typing import Literal, get_args

from include.config.errors import ConfigurationError

Recipe = Literal["clean", "original"]
"""How a cell is cleaned (see `include.tweets.cleaning.clean`)."""
RECIPES: tuple[Recipe, ...] = get_args(Recipe)
MAX_LABELS = 100


def check_labels(labels: Mapping[str, str]) -> None:
    """
    Check the number and the names of labels.

    :param labels: label names by label id
    :raises ConfigurationError: they cannot be used
    """
    names = list(dict.fromkeys(labels.values()))
    if not 2 <= len(names) <= MAX_LABELS:
        raise ConfigurationError(f"expected 2 to {MAX_LABELS} labels with different names, not {names}"[:500])
    for name in names:
        if not name or any(character.isspace() for character in name) or not name.isprintable():
            raise ConfigurationError(
                f"label {name!r}: the name must have printable characters only, at least one, and no spaces"
            )


def check_encoding(encoding: str) -> None:
    """
    :param encoding: empty, or the name of a text encoding of Python
    :raises ConfigurationError: it is neither
    """
    try:
        known = not encoding or isinstance("".encode(encoding), bytes)
    except (LookupError, ValueError):
        known = False
    if not known:
        raise ConfigurationError(f"encoding {encoding!r} is not known; write for example cp1252, latin-1 or cp1251")
