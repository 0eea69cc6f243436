"""
nltk's tokens of many lower-case texts: the same as those of ``nltk.word_tokenize``, but some twenty times as fast.

nltk runs some forty substitutions over each text. Here each substitution runs once over a batch of texts, which are
joined by control characters. The rules are those of nltk 3.10, which is pinned because they change
(https://www.nltk.org/api/nltk.tokenize.destructive.html). These are the differences:

- The start and the end of a text (``^`` and ``$``) are look-arounds for the control characters.
- Negated character classes like ``[^\\d]`` also exclude the control characters, so that no match spans two texts.
- Rules for a single character are ``str.replace``.

The few texts with characters that `re`, `regex` and `str.split` treat differently are tokenised by nltk itself. The
tests compare all tokens with nltk's.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product

import regex

from include.tweets.punkt import word_tokenize
from include.tweets.sentences import SENTENCE, TEXT, mark_sentences

TEXTS_AT_ONCE = 2000

_LATER_SPACE = "\x02"
"""A control character for a space that the next rules must not see. It becomes a space after them."""

_NEEDS_NLTK = re.compile("[\x00-\x08\x0e-\x1f\x7f\u0130\u0131\u017f\u212a\ud800-\udfff]")
"""
Texts with one of these characters are left to nltk: the control characters above; control characters that are white
space for only one of `str.split` and ``\\s``; letters that match ASCII letters if case is ignored.
"""

_OTHER_SPACES = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c != " " and not "\x1c" <= c <= "\x1f")


def word_tokenize_all(texts: Sequence[str]) -> list[list[str]]:
    """
    ``[nltk.word_tokenize(text) for text in texts]``.

    :param texts: lower-case
    """
    return [tokens.split() for tokens in spaced_tokens(texts)]


def spaced_tokens(texts: Sequence[str]) -> list[str]:
    """
    ``[" ".join(nltk.word_tokenize(text)) for text in texts]``. (No token contains white space.)

    :param texts: lower-case
    """
    # One character beyond ASCII makes a joined string of one byte a character into one of two or four, which is slower.
    in_ascii, others = [text for text in texts if text.isascii()], [text for text in texts if not text.isascii()]
    tokens = {True: _tokenize_chunks(in_ascii), False: _tokenize_chunks(others)}
    return [next(tokens[text.isascii()]) for text in texts]


def _tokenize_chunks(texts: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield from _tokenize_chunk(texts[start : start + TEXTS_AT_ONCE])


def _tokenize_chunk(texts: Sequence[str]) -> list[str]:
    for_nltk = {}
    if _NEEDS_NLTK.search("".join(texts)):
        for_nltk = {index: text for index, text in enumerate(texts) if _NEEDS_NLTK.search(text)}
    others = ["" if index in for_nltk else text.rstrip() for index, text in enumerate(texts)]
    joined = mark_sentences(TEXT.join(["", *others, ""]))
    separated = _separate(joined).replace(SENTENCE, " ").split(TEXT)[1:-1]
    tokens = [" ".join(text.split()) for text in separated]
    for index, text in for_nltk.items():
        tokens[index] = " ".join(word_tokenize()(text))
    return tokens


def _separate(joined: str) -> str:
    """Put spaces between the tokens: the rules of nltk's NLTKWordTokenizer, in its order."""
    for step in (_opening_quotes, _punctuation, _brackets_and_dashes, _closing_quotes, _contractions):
        joined = step(joined)
    return joined


def _spaced(text: str, characters: str) -> str:
    for character in characters:
        if character in text:
            text = text.replace(character, f" {character} ")
    return text


_BACKTICKS = re.compile("`+")
_DOUBLE_QUOTE_THAT_OPENS = re.compile('"(?<=[ (\\[{<]")')
_TWO_QUOTES_THAT_OPEN = re.compile("''(?<=[ (\\[{<]'')")
# With the regex module, as in nltk: its \w includes combining marks.
_QUOTE_BEFORE_WORD = regex.compile(r"'(?<!\w')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)")


def _opening_quotes(text: str) -> str:
    text = _spaced(text, "«“‘„")
    if "`" in text:
        text = _BACKTICKS.sub(r" \g<0> ", text)
    text = text.replace(f'{TEXT}"', f"{TEXT}``").replace(f'{SENTENCE}"', f"{SENTENCE}``").replace("``", " `` ")
    # After a space the next quote would be an opening one, too.
    text = _DOUBLE_QUOTE_THAT_OPENS.sub(f" ``{_LATER_SPACE}", text)
    text = _TWO_QUOTES_THAT_OPEN.sub(" `` ", text).replace(_LATER_SPACE, " ")
    separated: str = _QUOTE_BEFORE_WORD.sub("' ", text)
    return separated


_LAST_FULL_STOP = re.compile("\\.(?<=[^.\x00\x01]\\.)([\\])}>\"'»”’ ]*)\\s*(?=[\x00\x01])")
_COLON_OR_COMMA = regex.compile("([:,])([^\\d\x00\x01])")
_DOTS = re.compile(r"\.\.+")
_DASHES = re.compile("[\u2012-\u2015]")
_QUOTE_BEFORE_SPACE = re.compile("'(?<=[^'\x00\x01]') ")


def _punctuation(text: str) -> str:
    text = _LAST_FULL_STOP.sub(r" . \1 ", text)
    text = _COLON_OR_COMMA.sub(r" \1 \2", text)
    for mark, end in product(":,", TEXT + SENTENCE):
        text = text.replace(mark + end, f" {mark} {end}")
    text = _DOTS.sub(r" \g<0> ", text)
    text = _spaced(text, ";@#$%&")
    if not text.isascii():
        text = _DASHES.sub(r" \g<0> ", text)
    return _QUOTE_BEFORE_SPACE.sub(" ' ", _spaced(text, "?!"))


def _brackets_and_dashes(text: str) -> str:
    return _spaced(text, "*][(){}<>").replace("--", " -- ")


_CLITIC = re.compile("'(?<=[^' ]')(?=[smd]? )")
_LONG_CLITIC = re.compile("'(?<=[^' ]')(?=(?:ll|re|ve) )")
_NOT = re.compile("n't(?<=[^' ]n't)(?= )")


def _closing_quotes(text: str) -> str:
    text = _spaced(text, SENTENCE + TEXT)  # nltk adds a space at both ends before these rules
    text = _spaced(text, "»”’").replace("''", " '' ").replace('"', " '' ")
    for space in _OTHER_SPACES:
        text = text.replace(space, " ")
    text = _CLITIC.sub(" '", text)
    text = _LONG_CLITIC.sub(f"{_LATER_SPACE}'", text)
    return _NOT.sub(f"{_LATER_SPACE}n't", text).replace(_LATER_SPACE, " ")


_CONTRACTIONS = [
    # The literal comes before the look-behind, because the engine finds a literal quickly.
    (whole, re.compile(f"{re.escape(whole)}(?<=\\b{re.escape(whole)}){behind}"), f" {parts} ")
    for whole, parts, behind in (
        ("cannot", "can not", r"\b"),
        ("d'ye", "d 'ye", r"\b"),
        ("gimme", "gim me", r"\b"),
        ("gonna", "gon na", r"\b"),
        ("gotta", "got ta", r"\b"),
        ("lemme", "lem me", r"\b"),
        ("more'n", "more 'n", r"\b"),
        ("wanna", "wan na", r"(?=\s)"),
    )
] + [(whole, re.compile(f"{whole}\\b"), f" {parts} ") for whole, parts in ((" 'tis", "'t is"), (" 'twas", "'t was"))]


def _contractions(text: str) -> str:
    for whole, pattern, parts in _CONTRACTIONS:
        if whole in text:
            text = pattern.sub(parts, text)
    return text
