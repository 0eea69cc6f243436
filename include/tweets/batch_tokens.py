"""
nltk's tokens for many lower-case texts at once: the same tokens as ``nltk.word_tokenize`` gives, an order of magnitude
faster.

nltk runs some forty substitutions over each text. Here each one runs over some thousand texts, joined by control
characters that no rule crosses: what begins or ends a text in nltk's rules (``^``, ``$``) is a look-around on these
characters, and what a rule may be anything but (``[^\\d]``) excludes them. Rules for a single character are plain
replacements. Sentences are found by Punkt's own algorithm; its decision is known beforehand for most full stops, and
remembered by its context for the rest. The few texts with characters on which the engines disagree go to nltk itself.

Of nltk, its names and its rules: https://www.nltk.org/api/nltk.tokenize.destructive.html (3.10; pinned, because its
rules change). The tests compare with nltk.
"""

import itertools
import re
import string
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import regex

from include.tweets.punkt import use_own_data

TEXTS_AT_ONCE = 2000
REMEMBERED_CONTEXTS = 200_000

_TEXT, _SENTENCE, _KEPT = "\x00", "\x01", "\x02"
"""The ends of a text and of a sentence, and a blank that is to be one only after the rules around it."""

_FOR_NLTK_ITSELF = re.compile("[\x00-\x08\x0e-\x1f\x7f\u0130\u0131\u017f\u212a\ud800-\udfff]")
"""Our own separators, control characters that `str.split` and ``\\s`` disagree on, letters that fold to ASCII ones."""

_OTHER_BLANKS = re.compile(
    "[" + "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c != " " and not "\x1c" <= c <= "\x1f") + "]"
)


def word_tokenize_all(texts: Sequence[str]) -> list[list[str]]:
    """
    ``[nltk.word_tokenize(text) for text in texts]``.

    :param texts: lower-case
    """
    tokens: list[list[str]] = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        tokens += _tokenize_chunk(texts[start : start + TEXTS_AT_ONCE])
    return tokens


def _tokenize_chunk(texts: Sequence[str]) -> list[list[str]]:
    from nltk.tokenize import word_tokenize

    use_own_data()
    odd = {index for index, text in enumerate(texts) if _FOR_NLTK_ITSELF.search(text)}
    split = _sentence_splitter().split
    sentences = (_SENTENCE.join(split("" if index in odd else text)) for index, text in enumerate(texts))
    joined = _TEXT + _TEXT.join(sentences) + _TEXT
    separated = _separate(joined).replace(_SENTENCE, " ").split(_TEXT)[1:-1]
    return [
        word_tokenize(text) if index in odd else tokens.split()
        for index, (text, tokens) in enumerate(zip(texts, separated, strict=True))
    ]


# Words: nltk's NLTKWordTokenizer, rule by rule ------------------------------------------------------------------------


def _separate(joined: str) -> str:
    """Put blanks between the tokens of sentences that begin and end with a separator."""
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
# Its \w is the regex module's, which nltk uses, and to which combining marks belong.
_QUOTE_BEFORE_WORD = regex.compile(r"'(?<!\w')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)")


def _opening_quotes(text: str) -> str:
    text = _spaced(text, "«“‘„")
    text = _BACKTICKS.sub(r" \g<0> ", text)
    text = text.replace(f'{_TEXT}"', f"{_TEXT}``").replace(f'{_SENTENCE}"', f"{_SENTENCE}``").replace("``", " `` ")
    # The blank behind it must not make the next quote one that opens, too.
    text = _DOUBLE_QUOTE_THAT_OPENS.sub(f" ``{_KEPT}", text)
    text = _TWO_QUOTES_THAT_OPEN.sub(" `` ", text).replace(_KEPT, " ")
    separated: str = _QUOTE_BEFORE_WORD.sub("' ", text)
    return separated


_LAST_FULL_STOP = re.compile("\\.(?<=[^.\x00\x01]\\.)([\\])}>\"'»”’ ]*)\\s*(?=[\x00\x01])")
_COLON_OR_COMMA = regex.compile("([:,])([^\\d\x00\x01])")
_COLON_OR_COMMA_AT_END = re.compile("[:,](?=\n?[\x00\x01])")
_DOTS = re.compile(r"\.\.+")
_DASHES = re.compile("[\u2012-\u2015]")
_QUOTE_BEFORE_BLANK = re.compile("'(?<=[^'\x00\x01]') ")


def _punctuation(text: str) -> str:
    text = _LAST_FULL_STOP.sub(r" . \1 ", text)
    text = _COLON_OR_COMMA.sub(r" \1 \2", text)
    text = _COLON_OR_COMMA_AT_END.sub(r" \g<0> ", text)
    text = _DOTS.sub(r" \g<0> ", text)
    text = _spaced(text, ";@#$%&")
    if not text.isascii():
        text = _DASHES.sub(r" \g<0> ", text)
    return _QUOTE_BEFORE_BLANK.sub(" ' ", _spaced(text, "?!"))


def _brackets_and_dashes(text: str) -> str:
    return _spaced(text, "*][(){}<>").replace("--", " -- ")


_CLITIC = re.compile("'(?<=[^' ]')(?=[smd]? )")
_LONG_CLITIC = re.compile("'(?<=[^' ]')(?=(?:ll|re|ve) )")
_NOT = re.compile("n't(?<=[^' ]n't)(?= )")


def _closing_quotes(text: str) -> str:
    text = _spaced(text, _SENTENCE + _TEXT)  # nltk puts a blank at both ends before these rules
    text = _spaced(text, "»”’").replace("''", " '' ").replace('"', " '' ")
    text = _OTHER_BLANKS.sub(" ", text)
    text = _CLITIC.sub(" '", text)
    text = _LONG_CLITIC.sub(f"{_KEPT}'", text)
    return _NOT.sub(f"{_KEPT}n't", text).replace(_KEPT, " ")


_CONTRACTIONS = [
    # With the literal first, for which the engine searches quickly.
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


# Sentences: nltk's PunktSentenceTokenizer -----------------------------------------------------------------------------

_MAY_END_A_SENTENCE = re.compile("[.?!](?=[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d\xab\xbb?!]|\\s)")


@cache
def _sentence_splitter() -> "_SentenceSplitter":
    return _SentenceSplitter()


class _SentenceSplitter:
    """Punkt for English, with what it decides remembered."""

    def __init__(self) -> None:
        from nltk.tokenize import _get_punkt_tokenizer

        use_own_data()
        self._punkt = _get_punkt_tokenizer("english")
        variables, parameters = self._punkt._lang_vars, self._punkt._params
        self._contexts = _compiled(variables.period_context_re())
        self._realign = _compiled(variables.re_boundary_realignment).match
        self._needs_context = parameters.abbrev_types | {first for first, _ in parameters.collocations}
        self._decisions: dict[str, bool] = {}

    def split(self, text: str) -> Sequence[str]:
        """The sentences, as ``PunktTokenizer.tokenize`` gives them."""
        if _MAY_END_A_SENTENCE.search(text) is None:
            return (text.rstrip(),)
        spans = list(self._spans(text))
        if len(spans) == 1:
            start, end = spans[0]
            return (text[start:end],)
        return list(self._realigned(text, spans))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        last = 0
        for match, word_start, word_end in self._possible_ends(text):
            context = text[word_start:word_end] + match[0] + match["after_tok"]
            if self._ends_sentence(match[0], context, word_end - word_start):
                yield last, match.end()
                last = match.start("next_tok") if match["next_tok"] else match.end()
        yield last, len(text.rstrip())

    def _possible_ends(self, text: str) -> Iterator[tuple[Any, int, int]]:
        """
        Matches of what may end a sentence, with the span of the word before. Of matches within one word only the last
        counts (Punkt's ``_match_potential_end_contexts``).
        """
        previous, word_start, word_end = None, 0, 0
        for match in self._contexts.finditer(text):
            blank = _last_blank(text[word_end : match.start()])
            start = word_end + blank + 1 if blank > 0 else word_start
            if previous is not None and word_end <= start:
                yield previous, word_start, word_end
            previous, word_start, word_end = match, start, match.start()
        if previous is not None:
            yield previous, word_start, word_end

    def _ends_sentence(self, mark: str, context: str, word_length: int) -> bool:
        if mark != ".":
            return True
        word = context[:word_length]
        if len(word) > 1 and word.isascii() and word.isalpha() and word.lower() not in self._needs_context:
            return True
        decision = self._decisions.get(context)
        if decision is None:
            if len(self._decisions) >= REMEMBERED_CONTEXTS:
                self._decisions.clear()
            decision = self._decisions[context] = bool(self._punkt.text_contains_sentbreak(context))
        return decision

    def _realigned(self, text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
        """Quotes and brackets that close belong to the sentence before (Punkt's ``_realign_boundaries``)."""
        moved = 0
        for (start, end), (next_start, next_end) in itertools.pairwise(spans):
            closing = self._realign(text[next_start:next_end])
            if closing:
                yield text[start + moved : next_start + len(closing[0].rstrip())]
                moved = closing.end()
            else:
                if start + moved < end:
                    yield text[start + moved : end]
                moved = 0
        start, end = spans[-1]
        if start + moved < end:
            yield text[start + moved : end]


def _compiled(pattern: Any) -> Any:
    """nltk wraps its patterns to guard them with a time-out; what is inside is the same without."""
    return getattr(pattern, "_rx", pattern)


def _last_blank(text: str) -> int:
    return next((index for index in range(len(text) - 1, -1, -1) if text[index] in string.whitespace), -1)
