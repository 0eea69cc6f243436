"""nltk's tokens, with its English punkt_tab data. A copy of them is in nltk_data beside this file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NLTK_DATA = Path(__file__).with_name("nltk_data")


@cache
def word_tokenize() -> Callable[[str], list[str]]:
    """nltk's function, with this copy before any other on the machine: other data would give other tokens."""
    import nltk  # only here, because it imports scipy and scikit-learn

    nltk.data.path.insert(0, str(NLTK_DATA))
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
    path = NLTK_DATA / "tokenizers" / "punkt_tab" / "english" / name
    yield from path.read_text(encoding="utf-8").rstrip("\n").split("\n")
