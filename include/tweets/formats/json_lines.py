"""
Labelled rows from JSON lines: objects with a label and a text, or a SageMaker Ground Truth output manifest.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.tweets.formats import ground_truth
from include.tweets.formats.columns import ColumnNames
from include.tweets.formats.confidence import check_confidence
from include.tweets.labels import Labels
from include.tweets.rows import (
    MAX_ROW_BYTES,
    MAX_TEXT_CHARACTERS,
    BadRow,
    Block,
    Lines,
    Rejection,
    Row,
    read_blocks,
    whole_lines,
)

ANSWER = "answer"
REFUSALS = ("reject", "ignore")
"""Prodigy's answers where the label is not right: https://prodi.gy/docs/api-interfaces"""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """
    The format of a file (an `include.tweets.rows.Format`). Each line is a JSON object; blank lines are not rows.

    :param label_attribute: the labelling job's attribute in a manifest; empty for the newest one of each line
    """

    file: str = field(compare=False)
    labels: Labels
    names: ColumnNames = field(default_factory=ColumnNames)
    min_confidence: float = 0.0
    label_attribute: str = ""

    def plain_row(self, line: bytes) -> None:
        """Every line must be parsed."""

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        line = lines.read()
        assert line is not None
        if not line.content.strip():
            return ()
        try:
            entry = _entry(line.content)
            text = self._text(entry)
            spelling = self._spelling(entry)
            label = self.labels.read(spelling)
            _check_text(text)
        except BadRow as bad:
            return (line.rejection(self.file, bad),)
        return (Row(self.file, line.number, label, text, "" if self.labels.is_exact(spelling) else spelling),)

    def blocks(self, stream: io.BufferedIOBase) -> Iterator[Block]:
        """The file in blocks. They contain all of its lines in order, usable or not."""
        for first, content in read_blocks(stream, whole_lines):
            yield Block(first, content, self)

    def _text(self, entry: Mapping[str, Any]) -> str:
        names = (ground_truth.TEXT,) if self._is_manifest(entry) else self.names.texts
        # Of a long tweet, Twitter's streams have the beginning as text and the whole below.
        extended = entry.get("extended_tweet")
        text = _value({**entry, **extended} if isinstance(extended, dict) else entry, names)
        if isinstance(text, dict | list):
            raise BadRow("missing_column", f"the text is {str(text)[:50]}; expected one label and one text a line")
        if not isinstance(text, str):
            hint = " (source-ref, a text in a file of its own, is not supported)" if "source-ref" in entry else ""
            raise BadRow("missing_column", f"no key {' or '.join(names)} with a text; keys: {_keys(entry)}{hint}")
        return text

    def _is_manifest(self, entry: Mapping[str, Any]) -> bool:
        return bool(self.label_attribute or ground_truth.attributes(entry) or "source-ref" in entry)

    def _spelling(self, entry: Mapping[str, Any]) -> str:
        if entry.get(ANSWER) in REFUSALS:
            raise BadRow("not_labelled", f"the annotator's answer is {entry[ANSWER]}")
        if self._is_manifest(entry):
            return ground_truth.label(entry, self.label_attribute, self.min_confidence)
        value = _value(entry, self.names.labels)
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        if isinstance(value, list | dict):
            raise BadRow("several_labels", f"label {str(value)[:50]} is not one label; expected one label a row")
        if value is None:
            raise BadRow(
                "missing_column", f"no key {' or '.join(self.names.labels)} with a label; keys: {_keys(entry)}"
            )
        if self.names.confidence:
            check_confidence(_value(entry, (self.names.confidence,)), self.min_confidence)
        return str(value).strip()


def has_objects(start: bytes) -> bool:
    """Whether some line of a file's start is a JSON object."""
    return any(map(_is_object, start.split(b"\n")))


def _is_object(line: bytes) -> bool:
    try:
        _entry(line)
    except BadRow:
        return False
    return True


def _value(entry: Mapping[str, Any], names: Sequence[str]) -> Any:
    """
    The value of the first of these keys, empty for null; None without such a key. Capitals make no difference.

    :raises BadRow: there are several such keys
    """
    keys = [key.strip().casefold() for key in entry]
    name = next((name.casefold() for name in names if name.casefold() in keys), None)
    if name is None:
        return None
    if keys.count(name) > 1:
        raise BadRow("malformed", f"several keys are called {name} (capitals make no difference)")
    value = list(entry.values())[keys.index(name)]
    return "" if value is None else value


def _keys(entry: Mapping[str, Any]) -> str:
    return ", ".join(entry)[:200] or "none"


def _entry(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_ROW_BYTES:
        raise BadRow("text_too_long", f"the line is longer than {MAX_ROW_BYTES:,} bytes")
    try:
        entry = json.loads(line, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise BadRow("not_utf8", f"not UTF-8 at byte {error.start + 1} of the line") from None
    except (ValueError, RecursionError) as error:
        raise BadRow("malformed", f"not a JSON object: {error}") from None
    if not isinstance(entry, dict):
        raise BadRow("malformed", "not a JSON object")
    return entry


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """:raises BadRow: a key is there twice: readers differ in which value counts"""
    entry = dict(pairs)
    if len(entry) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise BadRow("malformed", f"the key {repeated[:50]} is there twice")
    return entry


def _check_text(text: str) -> None:
    if not text.strip():
        raise BadRow("empty_text", "the text is empty")
    if "\0" in text:
        raise BadRow("nul_byte", f"NUL character at position {text.index(chr(0)) + 1} of the text")
    if surrogate := _SURROGATE.search(text):
        raise BadRow("not_utf8", f"half a surrogate pair at position {surrogate.start() + 1} of the text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BadRow("text_too_long", f"{len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,} are allowed")
