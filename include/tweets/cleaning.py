"""
From a cell of the collector's file to the text that is tokenised, and to the keys that tell the same tweet again.

The collector writes a nested CSV row into the cell, often with the hashtag in front, and the tweet as the repr of its
UTF-8 bytes::

    aws,Ruiz, Data Engineer,2019-01-04 17:33:00,b'RT @x: caf\\xc3\\xa9 &amp; cloud\\xe2\\x80\\xa6'

Cells that hold a plain text are taken as they are.
"""

import ast
import html
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

Recipe = Literal["clean", "original"]
RECIPES: tuple[Recipe, ...] = get_args(Recipe)

_TIME = re.compile(r",\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,")
_BYTES_REPR = re.compile(r"b(['\"]).*\1", re.DOTALL)
_RETWEET = re.compile(r"^\W*RT\b[^\w]*(?:@?\w+:|@\w+)", re.IGNORECASE)
_LINK_OR_MENTION = re.compile(r"https?://\S+|@\w+:?")
_CUT_WORD = re.compile(r"\S*(?:…|\.\.\.)\s*$")
_MAY_END_IN_HASHTAG = re.compile(r"#\w*\W*$")
_LAST_HASHTAGS = re.compile(r"(?:\s*#\w+)+\W*$")
_NOT_A_WORD = re.compile(r"[\W_]+")
_ASCII_WORDS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(256))

GROUP_CHARACTERS = 60
"""
So much of a tweet, without what retweets change, decides its split. Retweets are cut at 140 characters with an
ellipsis, so the whole text would put a tweet and its cut copy into different splits.
"""


class UndecodableCell(ValueError):
    """The cell looks like the collector's nested row, but its bytes' repr is broken."""


@dataclass(frozen=True, slots=True)
class Tweet:
    """
    One tweet.

    `text` is what is tokenised. `body` is the canonical text of the tweet itself: cells with the same body are the
    same tweet, whoever posted it and when. Tweets with the same `group` are near copies of each other (retweets, cut
    copies, other links) and stay in one split.
    """

    text: str
    body: str
    group: str


def clean(cell: str, recipe: Recipe) -> Tweet:
    """
    Read a cell by a recipe: `clean` keeps the decoded tweet alone, `original` keeps the whole cell as it stands, as the
    pipeline did that this one replaces. The keys are the same under both.

    :raises UndecodableCell: the bytes' repr in the cell is broken
    """
    decoded = plain_text(cell)
    body = _body(decoded)
    return Tweet(text=cell if recipe == "original" else decoded, body=body, group=_group(body))


def plain_text(cell: str) -> str:
    """
    The tweet as people read it: ``clean(cell, "clean").text``, without the keys.

    :raises UndecodableCell: the bytes' repr in the cell is broken
    """
    return html.unescape(_decode(cell))


def canonical_body(cell: str) -> str:
    """
    ``clean(cell, recipe).body`` alone, in a tenth of the time.

    :raises UndecodableCell: the bytes' repr in the cell is broken
    """
    return _body(plain_text(cell))


def _body(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _decode(cell: str) -> str:
    """The tweet inside the collector's nested row, or the cell itself."""
    time = _TIME.search(cell)
    if time is None:
        return cell
    nested = cell[time.end() :]
    if len(nested) >= 2 and nested.startswith('"') and nested.endswith('"'):
        nested = nested[1:-1].replace('""', '"')
    if not nested.startswith(("b'", 'b"')):
        return cell
    try:
        if _BYTES_REPR.fullmatch(nested) is None:
            raise ValueError("the closing quote is missing")
        value = ast.literal_eval(nested.replace("\r", "\\r").replace("\n", "\\n"))
        if not isinstance(value, bytes):
            raise ValueError("not one bytes literal")
    except (ValueError, SyntaxError) as error:
        raise UndecodableCell(f"the repr of the tweet's bytes is broken: {error}") from None
    # A tweet that was cut inside a character is still a tweet: the cut shows as U+FFFD.
    return value.decode("utf-8", "replace")


def _group(body: str) -> str:
    text = body
    while (shorter := _RETWEET.sub("", text)) != text:  # retweets of retweets
        text = shorter
    text = _LINK_OR_MENTION.sub("", text)
    # Most texts end in neither a cut word nor a hashtag, and the patterns would try every place before they say so.
    if text.rstrip().endswith(("…", "...")):
        text = _CUT_WORD.sub("", text)
    shorter = text
    if _MAY_END_IN_HASHTAG.match(text, max(text.rfind("#"), 0)):
        shorter = _LAST_HASHTAGS.sub("", text)
    return _words(shorter) or _words(text) or _words(body) or body


def _words(text: str) -> str:
    folded = text.casefold()
    if folded.isascii():
        return b" ".join(folded.encode().translate(_ASCII_WORDS).split())[:GROUP_CHARACTERS].decode()
    return _NOT_A_WORD.sub(" ", folded).strip()[:GROUP_CHARACTERS]
