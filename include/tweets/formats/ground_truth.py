"""
Labelled rows from a SageMaker Ground Truth output manifest.

Each line of a manifest is a JSON object. It contains the text as ``source``, the label under the name of the labelling
job's attribute, and the label's metadata as ``<attribute>-metadata``.

https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html#sms-output-class
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.tweets.formats.csv import MAX_TEXT_CHARACTERS
from include.tweets.rows import MAX_ROW_BYTES, BadRow, Block, Lines, Rejection, Row, read_blocks, whole_lines

METADATA = "-metadata"

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def read_manifest(
    file: str, stream: io.BufferedIOBase, labels: Mapping[str, str], min_confidence: float
) -> Iterator[Block]:
    """
    Read a manifest in blocks. They contain all of its lines in order, usable or not; blank lines are not rows.

    :param labels: label names by label id; the manifest's ``class-name`` may be either
    :param min_confidence: labels with less confidence are rejected
    """
    rows = ManifestRows(file, {**{name: name for name in labels.values()}, **labels}, min_confidence)
    for first, content in read_blocks(stream, whole_lines):
        yield Block(first, content, rows)


@dataclass(frozen=True, slots=True)
class ManifestRows:
    """The format of a manifest (an `include.tweets.rows.Format`)."""

    file: str = field(compare=False)
    label_names: Mapping[str, str]
    """By everything that ``class-name`` may contain: ids and names."""
    min_confidence: float

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        line = lines.read()
        assert line is not None
        if not line.content.strip():
            return ()
        try:
            entry = _entry(line.content)
            text = _text(entry)
            label = _label(entry, self.label_names, self.min_confidence)
            _check_text(text)
        except BadRow as bad:
            return (line.rejection(self.file, bad),)
        return (Row(self.file, line.number, label, text),)


def _entry(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_ROW_BYTES:
        raise BadRow("text_too_long", f"the line is longer than {MAX_ROW_BYTES:,} bytes")
    try:
        entry = json.loads(line)
    except UnicodeDecodeError as error:
        raise BadRow("not_utf8", f"not UTF-8 at byte {error.start + 1} of the line") from None
    except (ValueError, RecursionError) as error:
        raise BadRow("malformed", f"not a JSON object: {error}") from None
    if not isinstance(entry, dict):
        raise BadRow("malformed", "not a JSON object")
    return entry


def _text(entry: Mapping[str, Any]) -> str:
    text = entry.get("source")
    if not isinstance(text, str):
        hint = " (source-ref, a text in a file of its own, is not supported)" if "source-ref" in entry else ""
        raise BadRow("missing_column", f"source is missing or not a text{hint}")
    return text


def _check_text(text: str) -> None:
    if not text.strip():
        raise BadRow("empty_text", "the text is empty")
    if "\0" in text:
        raise BadRow("nul_byte", f"NUL character at position {text.index(chr(0)) + 1} of the text")
    if surrogate := _SURROGATE.search(text):
        raise BadRow("not_utf8", f"half a surrogate pair at position {surrogate.start() + 1} of the text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BadRow("text_too_long", f"{len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,} are allowed")


def _label(entry: Mapping[str, Any], label_names: Mapping[str, str], min_confidence: float) -> str:
    attribute = _label_attribute(entry)
    metadata = entry[attribute + METADATA]
    if "failure-reason" in metadata:
        raise BadRow("not_labelled", f"Ground Truth did not label this text: {metadata['failure-reason']}"[:200])
    if "class-map" in metadata:
        raise BadRow("several_labels", f"{attribute} contains several labels; expected one")
    label = str(metadata.get("class-name", entry.get(attribute)))
    if label not in label_names:
        raise BadRow("unknown_label", f"label {label[:50]!r} is not one of: {', '.join(label_names)}")
    _check_confidence(metadata.get("confidence", 1.0), min_confidence)
    return label_names[label]


def _label_attribute(entry: Mapping[str, Any]) -> str:
    """The name of the labelling job's attribute: the only one with metadata."""
    found = [
        name.removesuffix(METADATA)
        for name, value in entry.items()
        if name.endswith(METADATA) and isinstance(value, dict)
    ]
    if len(found) != 1:
        raise BadRow("missing_column", f"expected one attribute with {METADATA}, found: {', '.join(found) or 'none'}")
    return found[0]


def _check_confidence(confidence: Any, min_confidence: float) -> None:
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)):
        raise BadRow("malformed", f"confidence is not a number: {str(confidence)[:50]}")
    if confidence < min_confidence:
        raise BadRow("low_confidence", f"confidence {confidence} is less than {min_confidence}")
