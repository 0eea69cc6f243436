"""
nltk's sentences of many lower-case texts: the same as those of ``nltk.sent_tokenize``, but faster, and without nltk.

The algorithm is Punkt's (Kiss and Strunk 2006, https://aclanthology.org/J06-4003), as in nltk 3.10, with its data. Most
full stops can be decided by the word before. The tests compare all tokens with nltk's. Some docstrings name the methods
of nltk's PunktSentenceTokenizer.
"""

import re
import string
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise, starmap

import regex

from include.tweets.punkt import english

TEXT, SENTENCE = "\x00", "\x01"
"""Control characters: the end of a text, and the end of a sentence."""

CACHED_CONTEXTS = 100_000

_AFTER_WORD = "[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d\xab\xbb?!]"
_POSSIBLE_END = re.compile(rf"[.?!](?=({_AFTER_WORD}|\s+([^\s{TEXT}]+)))")
_CLOSING = re.compile(f"[\"')\\]}}\u2018\u2019\u201c\u201d\xab\xbb]+?(?:\\s+|(?=--|{TEXT}))")
"""Quotes and brackets that belong to the sentence before."""

_ELLIPSIS_AND_WORD = re.compile(r"[a-z0-9]*\.\.+\s+[#@]?[a-z0-9_]+")
"""Between these, no sentence ends."""
# With the regex module, as in nltk: it knows newer letters and digits than Python.
_MARKS = r"-{2,}|\.{2,}|(?:\.\s){2,}\."
_END_OF_WORD = rf"\s|$|{_AFTER_WORD}|{_MARKS}"
_WORDS = regex.compile(rf"{_MARKS}|[^\s(\"`{{\[:;&#*@)}}\]\-,]\S*?(?={_END_OF_WORD}|,(?={_END_OF_WORD}))|\S")
_NUMERIC = regex.compile(r"-?[.,]?\d[\d,.-]*")
_INITIAL = regex.compile(r"[^\W\d]\.")

_NUMBER = "##number##"
"""Stands for every number in Punkt's data."""
_UPPER, _INNER_UPPER, _LOWER, _FIRST_LOWER = 0b0001110, 0b0000100, 0b1110000, 0b0010000
"""Bits of `Punkt.contexts`: a word was seen with this case, anywhere, or inside or at the start of a sentence."""


def mark_sentences(texts: str) -> str:
    """
    Put SENTENCE between the sentences of each text, in place of the white space there.

    :param texts: in lower case, without white space at their ends, with TEXT before, between and after them
    """
    sentences, start = [], 0
    for end, following in _ends(texts):
        closing = _CLOSING.match(texts, following)
        if closing:
            end, following = following + len(closing[0].rstrip()), closing.end()
        sentences.append(texts[start:end])
        start = following
    return SENTENCE.join([*sentences, texts[start:]])


def _ends(texts: str) -> Iterator[tuple[int, int]]:
    """Where sentences end, except the last ones of their texts, and where the next sentences begin."""
    for mark, word_start in _last_marks(texts):
        end = mark.end()
        if mark[0] != "." or _full_stop_ends(texts[word_start : end - 1], texts[end - 1 : mark.end(1)]):
            yield end, (end if mark[2] is None else mark.start(2))


def _last_marks(texts: str) -> Iterator[tuple["re.Match[str]", int]]:
    """The last mark of each word that can end a sentence, and the word's start (``_match_potential_end_contexts``)."""
    spaced = texts
    for character in string.whitespace + TEXT:
        spaced = spaced.replace(character, " ")
    previous, previous_start = None, 0
    for mark in _POSSIBLE_END.finditer(texts):
        position = mark.start()
        start = spaced.rfind(" ", 0, position) + 1
        if texts[start - 2] == TEXT != texts[start - 1]:
            start -= 1  # Punkt takes a blank at the start of a text as part of the word.
        if previous is not None and previous.start() <= start:
            yield previous, previous_start
        previous, previous_start = mark, start
    if previous is not None:
        yield previous, previous_start


def _full_stop_ends(word: str, following: str) -> bool:
    """
    Whether a full stop ends a sentence.

    :param word: before it
    :param following: the full stop, and what comes after it, up to the end of the next word
    """
    if len(word) > 1 and word.isascii() and word.isalpha() and word not in _uncertain_words():
        return True
    context = word + following
    return not _ELLIPSIS_AND_WORD.fullmatch(context) and _contains_end(context)


@cache
def _uncertain_words() -> frozenset[str]:
    """Words behind which a full stop ends no sentence, or not always."""
    return english().abbreviations.union(first for first, _ in english().collocations)


@lru_cache(CACHED_CONTEXTS)
def _contains_end(context: str) -> bool:
    """``text_contains_sentbreak``: whether a word ends a sentence, and another one follows."""
    words = [word for line in context.split("\n") for word in _WORDS.findall(line)]
    return any(starmap(_ends_sentence, pairwise(words)))


def _ends_sentence(word: str, following: str) -> bool:
    """Whether a word ends a sentence (``_second_pass_annotation``)."""
    ends = _ends_by_itself(word)
    if not word.endswith("."):
        return ends
    kind, next_kind = _without_full_stop(_kind(word)), _kind_behind(following)
    if (kind, next_kind) in english().collocations:
        return False
    starts = _starts_sentence(following, next_kind)
    if _INITIAL.fullmatch(word):
        return ends and starts is not False and not _is_name(following, next_kind)
    if not ends:  # an abbreviation or an ellipsis
        return starts is True or (following[0].isupper() and next_kind in english().sentence_starters)
    return kind != _NUMBER or starts is not False


def _is_name(word: str, kind: str) -> bool:
    return word[0].isupper() and not _contexts(kind) & _LOWER


def _ends_by_itself(word: str) -> bool:
    """``_first_pass_annotation``"""
    if not word.endswith("."):
        return word in ("?", "!")
    bare = word[:-1].lower()
    abbreviations = english().abbreviations
    return not (bare.endswith(".") or bare in abbreviations or bare.split("-")[-1] in abbreviations)


def _starts_sentence(word: str, kind: str) -> bool | None:
    """``_ortho_heuristic``; None if it is not known"""
    if word in (";", ":", ",", ".", "!", "?"):
        return False
    contexts = _contexts(kind)
    if word[0].isupper() and contexts & _LOWER and not contexts & _INNER_UPPER:
        return True
    if word[0].islower() and (contexts & _UPPER or not contexts & _FIRST_LOWER):
        return False
    return None


def _contexts(kind: str) -> int:
    return english().contexts.get(kind, 0)


def _kind(word: str) -> str:
    """The word in Punkt's data."""
    return _NUMBER if _NUMERIC.fullmatch(word) else word.lower()


def _kind_behind(word: str) -> str:
    """The word in Punkt's data, as the second of a pair (``type_no_sentperiod``)."""
    kind = _kind(word)
    return _without_full_stop(kind) if _ends_by_itself(word) else kind


def _without_full_stop(kind: str) -> str:
    return kind[:1] + kind[1:].removesuffix(".")
