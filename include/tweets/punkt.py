"""
nltk's tokens, with its English punkt_tab data. A copy of them is in nltk_data beside this file, or, if this package is
in a zip archive, at the archive's root (`include.spark.package`), because nltk reads an archive from there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

NLTK_DATA = Path(__file__).with_name("nltk_data")
_LOADER: Any = globals()["__loader__"]
_FOUND = Path(getattr(_LOADER, "archive", NLTK_DATA))


@cache
def word_tokenize() -> Callable[[str], list[str]]:
    """nltk's function, with this copy before any other on the machine: other data would give other tokens."""
    import nltk  # only here, because it imports scipy and scikit-learn

    nltk.data.path.insert(0, str(_FOUND))
    tokenize: Callable[[str], list[str]] = nltk.word_tokenize
    return tokenize


@dataclass(frozen=True, slots=True)
class Punkt:
    """What Punkt has learned of a language (nltk's PunktParameters)."""

    abbreviations: frozenset[str]
    """Without their last full stop."""
    collocations: frozenset[tuple[str, ...]]
    """Pairs of words between which a full stop ends no sentence."""
    sentence_starters: frozenset[str]
    contexts: dict[str, int]
    """In which positions a word was seen, and with which case, as bits."""


@cache
def english() -> Punkt:
    return Punkt(
        frozenset(_lines("abbrev_types.txt")),
        frozenset(tuple(line.split("\t")) for line in _lines("collocations.tab")),
        frozenset(_lines("sent_starters.txt")),
        {word: int(bits) for word, bits in (line.split("\t") for line in _lines("ortho_context.tab"))},
    )


def _lines(name: str) -> Iterator[str]:
    content: bytes = _LOADER.get_data(str(_FOUND / "tokenizers" / "punkt_tab" / "english" / name))
    yield from content.decode().rstrip("\n").split("\n")
