"""
nltk's tokens, with its English punkt_tab data. A copy of them is in nltk_data beside this file, or, if this package is
in a zip archive, at the archive's root (`include.spark.package`), because nltk reads an archive from there.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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
    # nltk imports these for functions that are not used here, which takes two seconds. It can do without them; but in a
    # process of Airflow's, another team's code may use such a function.
    with nullcontext() if "airflow" in sys.modules else _hidden("scipy", "sklearn"):
        import nltk

    nltk.data.path.insert(0, str(_FOUND))
    tokenize: Callable[[str], list[str]] = nltk.word_tokenize
    return tokenize


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let modules that are not imported yet seem not to be installed."""
    names = tuple(name for name in names if name not in sys.modules)
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


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
