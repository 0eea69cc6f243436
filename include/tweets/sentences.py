"""
nltk's sentences: the same as those of ``nltk.sent_tokenize``, but faster.

The algorithm is Punkt's. Most full stops can be decided by the word before, without nltk's code. nltk's decisions on
the others are cached by their context. The docstrings name methods of nltk's PunktSentenceTokenizer (3.10).
"""

import itertools
import re
import string
from collections.abc import Iterator, Sequence
from typing import Any

from include.tweets.punkt import use_own_data

CACHED_CONTEXTS = 200_000

_MAY_END_A_SENTENCE = re.compile("[.?!](?=[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d\xab\xbb?!]|\\s)")


class SentenceSplitter:
    """Punkt for English, with a cache of its decisions."""

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
        """The sentences of a text, as ``PunktTokenizer.tokenize`` returns them."""
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
        Matches of possible ends of sentences, with the span of the word before. Of several matches in a word only the
        last one counts (``_match_potential_end_contexts``).
        """
        previous, word_start, word_end = None, 0, 0
        for match in self._contexts.finditer(text):
            space = _last_space(text[word_end : match.start()])
            start = word_end + space + 1 if space > 0 else word_start
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
            if len(self._decisions) >= CACHED_CONTEXTS:
                self._decisions.clear()
            decision = self._decisions[context] = bool(self._punkt.text_contains_sentbreak(context))
        return decision

    def _realigned(self, text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
        """Move closing quotes and brackets to the sentence before (``_realign_boundaries``)."""
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
    """The pattern itself. nltk wraps its patterns in a class that adds a time-out."""
    return getattr(pattern, "_rx", pattern)


def _last_space(text: str) -> int:
    return next((index for index in range(len(text) - 1, -1, -1) if text[index] in string.whitespace), -1)
