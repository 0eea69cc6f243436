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
from contextlib import suppress
from dataclasses import dataclass

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
_RETWEET = re.compile(r"^\W*RT\b[^\w]*(?:@?\w+:|@\w+)", re.IGNORECASE)
_LINK_OR_MENTION = re.compile(r"https?://\S+|@\w+:?")
_CUT_WORD = re.compile(r"\S*(?:…|\.\.\.)\s*$")
_MAY_END_IN_HASHTAG = re.compile(r"#\w*\W*$")
_LAST_HASHTAGS = re.compile(r"(?:\s*#\w+)+\W*$")
_NUMBERS = re.compile(r"\b\d+(?: \d+)*\b")
"""Of texts that are otherwise the same: "Last 31 tickets", "Last 1,036 tickets"."""
_NOT_A_WORD = re.compile(r"[\W_]+")
_LONG_REFERENCE = re.compile("&#[0-9]{4000,};?")
"""A reference to a character, by a number that no character has."""
_ASCII_WORDS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(256))

GROUP_CHARACTERS = 60
"""
A group is identified by so many characters of the tweet, without the parts that retweets change. Retweets are cut at
140 characters, so with the whole text a tweet and its cut copy would be in different groups, and in different splits.
"""


class UndecodableCell(ValueError):
    """The cell looks like the collector's nested row, but the repr of the tweet's bytes is broken."""


@dataclass(frozen=True, slots=True)
class Tweet:
    """
    One tweet.

    `text` is for the tokeniser. `body` is the normalised text: cells with the same body are the same tweet, even if
    author and time differ. Tweets with the same `group` are near copies of each other (retweets, cut copies, copies
    with other links or numbers), and are put into the same split.
    """

    text: str
    body: str
    group: str


def clean(cell: str, recipe: Recipe) -> Tweet:
    """
    Clean a cell. With the recipe `clean`, the text is the decoded tweet. With `original`, it is the whole cell, as in
    the old pipeline. Body and group are the same with both.

    :raises UndecodableCell: the repr of the tweet's bytes is broken
    """
    decoded = plain_text(cell)
    body = _body(decoded)
    return Tweet(text=cell if recipe == "original" else decoded, body=body, group=_group(body))


def plain_text(cell: str) -> str:
    """
    The decoded tweet in Unicode's NFC: only the text of ``clean(cell, "clean")``.

    :raises UndecodableCell: the repr of the tweet's bytes is broken
    """
    decoded = _decode(cell)
    try:
        text = html.unescape(decoded)
    except ValueError:  # Python reads no number of so many digits
        text = html.unescape(_LONG_REFERENCE.sub("\ufffd", decoded))
    return unicodedata.normalize("NFC", text)


def canonical_body(cell: str) -> str:
    """
    Only the body of ``clean(cell, recipe)``, in a tenth of the time.

    :raises UndecodableCell: the repr of the tweet's bytes is broken
    """
    return _body(plain_text(cell))


def _body(text: str) -> str:
    return " ".join(text.split())


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


def _group(body: str) -> str:
    text = body
    while (shorter := _RETWEET.sub("", text)) != text:  # in a loop because of retweets of retweets
        text = shorter
    text = _LINK_OR_MENTION.sub("", text)
    # Both conditions save time: most texts end in neither a cut word nor a hashtag, and the patterns are slow to fail.

    if text.rstrip().endswith(("…", "...")):
        text = _CUT_WORD.sub("", text)
    shorter = text
    if _MAY_END_IN_HASHTAG.match(text, max(text.rfind("#"), 0)):
        shorter = _LAST_HASHTAGS.sub("", text)
    return _words(shorter) or _words(text) or _words(body) or body


def _words(text: str) -> str:
    folded = text.casefold()
    if folded.isascii():
        words = b" ".join(folded.encode().translate(_ASCII_WORDS).split()).decode()
    else:
        words = _NOT_A_WORD.sub(" ", folded).strip()
    return _NUMBERS.sub("0", words)[:GROUP_CHARACTERS]
