"""
Cleaning of a cell: its text for the tokeniser, and keys that identify equal and similar tweets.

The collector writes a nested CSV row into the cell: often the hashtag, then author, time, and the tweet as Python's
repr of its UTF-8 bytes::

    aws,Ruiz, Data Engineer,2019-01-04 17:33:00,b'RT @x: caf\\xc3\\xa9 &amp; cloud\\xe2\\x80\\xa6'

The time is as tweepy or pandas writes it, and the tweet can also be plain text. Other cells contain only the repr, or
the text itself.
"""

import ast
import html
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress

from include.config.preparation import Recipe

_ZONE = r"\s?(?:Z|UTC|[+-]\d\d:?\d\d)?"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_TWITTERS_TIME = r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d [+-]\d{4} \d{4}"
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = re.compile(rf",(?:{_DATE}(?:[ T]{_CLOCK}{_ZONE})?(?=,\"?b['\"])|{_DATE}[ T]{_CLOCK}{_ZONE}|{_TWITTERS_TIME}),")
"""A time of its own between two commas. pandas writes only the date if all times of a column are midnight."""
_BYTES = ("b'", 'b"')
_NOT_A_REPR = (ValueError, SyntaxError, RecursionError, MemoryError)
_BYTES_REPR = re.compile(r"b(['\"])(?:\\.|(?!\1)[^\\])*\1", re.DOTALL)
"""One literal: after a second one's quote, Python would take a # for the beginning of a comment."""
_RETWEETS = re.compile(r"\n(?:[^\w\n]*RT\b[^\w\n]*(?:@?\w+:|@\w+))+", re.IGNORECASE)
_LINK_OR_MENTION = re.compile(r"https?://\S+|@\w+:?")
_CUT_WORD = re.compile(r"\S*(?:…|\.\.\.)\s*$")
_MAY_END_IN_HASHTAG = re.compile(r"#\w*\W*$")
_LAST_HASHTAGS = re.compile(r"(?:\s*#\w+)+\W*$")
_NUMBERS = re.compile(r"\d(?<!\w\d)\d*(?: \d+)*\b")
"""Of texts that are otherwise the same: "Last 31 tickets", "Last 1,036 tickets"."""
_NOT_A_WORD = re.compile(r"[^\w\n]|_")
_LONG_REFERENCE = re.compile("&#[0-9]{4000,};?")
"""A reference to a character, by a number that no character has."""
_ASCII_WORDS = bytes(code if chr(code).isalnum() or code == ord("\n") else ord(" ") for code in range(256))

GROUP_CHARACTERS = 60
"""
A group is identified by so many characters of the tweet, without the parts that retweets change. Retweets are cut at
140 characters, so with the whole text a tweet and its cut copy would be in different groups, and in different splits.
"""


class UndecodableCell(ValueError):
    """The cell looks like the collector's nested row, but the repr of the tweet's bytes is broken."""


def clean(cell: str, recipe: Recipe) -> str:
    """
    The text for the tokeniser: with the recipe `clean` the decoded tweet, with `original` the whole cell, as in the old
    pipeline.

    :raises UndecodableCell: the repr of the tweet's bytes is broken
    """
    return cell if recipe == "original" else plain_text(cell)


def plain_text(cell: str) -> str:
    """
    The decoded tweet in Unicode's NFC.

    :raises UndecodableCell: the repr of the tweet's bytes is broken
    """
    decoded = _decode(cell)
    try:
        text = html.unescape(decoded)
    except ValueError:  # Python reads no number of so many digits
        text = html.unescape(_LONG_REFERENCE.sub("\ufffd", decoded))
    return unicodedata.normalize("NFC", text)


def body_of(text: str) -> str:
    """
    The text with single blanks. Cells with the same body are the same tweet, even if author and time differ.

    :param text: as `plain_text` returns it
    """
    # No other white space is printable than a blank.
    return text.strip(" ") if "  " not in text and text.isprintable() else " ".join(text.split())


def _decode(cell: str) -> str:
    """The tweet in the collector's nested row; the cell itself if it is not such a row."""
    if cell.startswith(_BYTES):
        with suppress(*_NOT_A_REPR):  # then it is a tweet that begins like one: b'day greetings
            return _decode_repr(cell)
    time = _TIME.search(cell)
    if time is None:
        return cell
    nested = cell[time.end() :]
    if len(nested) >= 2 and nested.startswith('"') and nested.endswith('"'):
        nested = nested[1:-1].replace('""', '"')
    if not nested.startswith(_BYTES):
        return nested if nested.strip() else cell
    try:
        return _decode_repr(nested)
    except _NOT_A_REPR as error:
        raise UndecodableCell(f"the repr of the tweet's bytes is broken: {error}") from None


def _decode_repr(text: str) -> str:
    """
    The text whose bytes' repr this is. A tweet that was cut in the middle of a character ends with U+FFFD.

    :raises ValueError, SyntaxError: this is not the repr of bytes
    """
    if _BYTES_REPR.fullmatch(text) is None:
        raise ValueError("the closing quote is missing")
    value = ast.literal_eval(text.replace("\r", "\\r").replace("\n", "\\n"))
    if not isinstance(value, bytes):
        raise ValueError("not one bytes literal")
    return value.decode("utf-8", "replace")


def groups(bodies: Sequence[str]) -> list[str]:
    """
    The groups of tweets with these bodies. Tweets of one group are near copies of each other (retweets, cut copies,
    copies with other links or numbers), and are put into the same split. Most substitutions run once over all of them,
    which is faster than one by one.
    """
    texts = _own_texts(bodies)
    shorter = [
        _LAST_HASHTAGS.sub("", text) if "#" in text and _MAY_END_IN_HASHTAG.match(text, text.rfind("#")) else text
        for text in texts
    ]
    return [
        group or _words([text])[0] or _words([body])[0] or body
        for group, text, body in zip(_words(shorter), texts, bodies, strict=True)
    ]


def _own_texts(bodies: Sequence[str]) -> list[str]:
    """The bodies, in which there are no newlines, without what retweets and copies change."""
    joined = "".join([f"\n{body}" for body in bodies])
    texts = _LINK_OR_MENTION.sub("", _RETWEETS.sub("\n", joined)).split("\n")[1:]
    # The condition saves time: most texts do not end in a cut word, and the pattern is slow to fail.
    return [_CUT_WORD.sub("", text) if text.rstrip().endswith(("…", "...")) else text for text in texts]


def _words(texts: Sequence[str]) -> list[str]:
    in_ascii = iter(_joined_words([text for text in texts if text.isascii()]))
    return [next(in_ascii) if text.isascii() else _joined_words([text])[0] for text in texts]


def _joined_words(texts: Sequence[str]) -> list[str]:
    folded = "\n".join(texts).casefold()
    is_ascii = folded.isascii()
    spaced = folded.encode().translate(_ASCII_WORDS).decode() if is_ascii else _NOT_A_WORD.sub(" ", folded)
    words = _NUMBERS.sub("0", " ".join(spaced.replace("\n", " \0 ").split()))
    return [text.strip(" ")[:GROUP_CHARACTERS] for text in words.split("\0")]
