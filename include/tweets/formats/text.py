"""
The text of a file in UTF-8, with newlines at the ends of its lines, whatever encoding and line ends it has.

A file is first surveyed as a whole: one byte at its end can show that it is not UTF-8.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from charset_normalizer import from_bytes

MAX_SAMPLES = 200
"""So many lines with characters beyond ASCII, or with a carriage return inside, are looked at."""
MAX_SAMPLE_BYTES = 2_000
MIN_ZEROS = 0.05
"""Of the characters of a text in Japanese, at least so many are its label, separators, digits and newlines."""

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UTF_8 = "utf-8"
CP1252 = "cp1252"

_LONE_CARRIAGE_RETURN = re.compile(rb"\r(?!\n)")
_TYPOGRAPHIC = frozenset("€‚„…‘’“”•–—™\u00a0")
"""Characters that have the same byte in all of Windows' Western code pages."""
_WESTERN = _TYPOGRAPHIC | frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒßàáâãäåæçèéêëìíîïñòóôõöøùúûüœÿ¡¿«»£¥§©®°±²³´µ·ºª¼½¾×")
_NEVER_TOGETHER = [frozenset(letters) for letters in ("õû", "øì", "øè", "øù", "øò")]
"""What letters of Hungarian and Czech in their own encoding look like. No Western language has both of a pair."""
_CAPITAL_IN_WORD = re.compile("[a-zà-ÿ][À-Ý][a-zà-ÿ]")
"""Of another encoding, too, for example a quotation mark of the Macintosh's."""
_MARK_IN_WORD = re.compile(r"[^\W\d_][¡¿«»£¥§©®°±²³´µ·ºª¼½¾×€‚„…“”•™][^\W\d_]")
"""Such a character between two letters shows that the text is decoded wrongly."""


def encoding_by_start(head: bytes) -> str:
    """
    UTF-16 or UTF-32, by a byte order mark, or UTF-16 by the zero bytes of ASCII characters, which every labelled file
    has; else UTF-8, to begin with.
    """
    for mark, name in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[offset::2].count(0), head[1 - offset :: 2].count(0)
        if pairs >= 2 and zeros > MIN_ZEROS * pairs and zeros > 2 * others:
            return name
    return UTF_8


def transcoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """
    The pieces in UTF-8. Bytes that mean nothing in an 8-bit encoding stay as they are, so that their rows are rejected.
    """
    errors = "replace" if encoding.startswith("utf") else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", True).encode("utf-8", "surrogateescape")


def with_newlines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces with a newline instead of each carriage return that is not followed by one."""
    held = b""
    for piece in pieces:
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        yield _LONE_CARRIAGE_RETURN.sub(b"\n", piece[: len(piece) - len(held)])
    yield held.replace(b"\r", b"\n")


@dataclass(slots=True)
class Survey:
    """What the lines of a whole file show."""

    has_utf8: bool = False
    """Whether lines beyond ASCII are UTF-8."""
    not_utf8: list[bytes] = field(default_factory=list)
    """The first lines that are not."""
    with_carriage_returns: list[bytes] = field(default_factory=list)
    """The first lines with a carriage return inside."""
    escapes: bytes = b""
    """The lines from the first one with a backslash before a quote, as many as were read with it."""

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> "Survey":
        survey = cls()
        for lines in _whole_lines(pieces):
            survey.escapes = survey.escapes or lines[_start_of_escapes(lines) :]
            if lines.count(b"\r") != lines.count(b"\r\n") or _error_in_utf8(lines):
                for line in lines.split(b"\n"):
                    survey._add(line[:MAX_SAMPLE_BYTES].rstrip(b"\r"))
            else:  # what nearly all files are, and the quick way
                survey.has_utf8 = survey.has_utf8 or not lines.isascii()
        return survey

    def _add(self, line: bytes) -> None:
        if b"\r" in line and len(self.with_carriage_returns) < MAX_SAMPLES:
            self.with_carriage_returns.append(line)
        if line.isascii():
            return
        error = _error_in_utf8(line)
        if error is None:
            self.has_utf8 = True
        elif error.end < MAX_SAMPLE_BYTES and len(self.not_utf8) < MAX_SAMPLES:  # not where the sample was cut
            self.not_utf8.append(line)

    def encoding(self, said: str = "") -> str | None:
        """
        The encoding of a file whose rows are not all UTF-8; None if it cannot be told.

        :param said: the encoding by the settings, for a file that is not UTF-8
        """
        if not self.not_utf8 or self.has_utf8:
            return UTF_8
        return said or (CP1252 if is_cp1252(b"\n".join(self.not_utf8)) else None)


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, cut between lines. Of a line that is longer than one only the start is there."""
    held = b""
    for piece in pieces:
        piece = held + piece
        cut = piece.rfind(b"\n") + 1
        whole, held = piece[:cut], piece[cut:][:MAX_SAMPLE_BYTES]
        yield whole
    yield held


def _start_of_escapes(lines: bytes) -> int:
    """Where the first line with a backslash before a quote begins; at the end if there is no such line."""
    found = lines.find(b'\\"')
    return len(lines) if found < 0 else lines.rfind(b"\n", 0, found) + 1


def _error_in_utf8(content: bytes) -> UnicodeDecodeError | None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error
    return None


def is_cp1252(sample: bytes) -> bool:
    """
    Whether a text that is not UTF-8 is certainly Windows' Western encoding.

    Windows' other encodings share its quotation marks and dashes, so a text that has no other character beyond ASCII is
    read rightly. Where there are letters, all of them must be Western ones at sensible places, and charset-normalizer
    must come to the same text. (Alone it often takes short Western texts for something else.)
    """
    try:
        text = sample.decode(CP1252)
    except UnicodeDecodeError:
        return False
    beyond_ascii = {character for character in text if not character.isascii()}
    if not _looks_western(text, beyond_ascii):
        return False
    return beyond_ascii <= _TYPOGRAPHIC or any(str(match) == text for match in from_bytes(sample))


def _looks_western(text: str, beyond_ascii: set[str]) -> bool:
    if not beyond_ascii <= _WESTERN or any(beyond_ascii >= letters for letters in _NEVER_TOGETHER):
        return False
    return not (_MARK_IN_WORD.search(text) or _CAPITAL_IN_WORD.search(text))
