"""Texts of others (tweets, labels, file names, AWS's reasons) as a terminal, a log or a notice can show them."""

import re

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and newline, line and paragraph separators, what changes the direction of writing, and
halves of surrogate pairs, which cannot be encoded."""


def printable(text: str) -> str:
    """A text whose control characters are written out (``\\x1b``), so that they do nothing to whoever shows it."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)
