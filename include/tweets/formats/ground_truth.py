"""
Labelled rows out of a SageMaker Ground Truth output manifest: JSON lines, each with the text as ``source``, the label
under the labelling job's attribute, and ``<attribute>-metadata``.

https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html#sms-output-class
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from include.tweets.formats.csv import MAX_TEXT_CHARACTERS
from include.tweets.rows import MAX_ROW_BYTES, Block, Lines, Rejection, Row, read_blocks, whole_lines

METADATA = "-metadata"

_SURROGATE = re.compile(r"[\ud800-\udfff]")


class _Unusable(Exception):
    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def read_manifest(
    file: str, stream: io.BufferedIOBase, labels: Mapping[str, str], min_confidence: float
) -> Iterator[Block]:
    """
    A manifest in blocks, whose rows are all of its lines, usable or not, in its order; blank lines are no rows.

    :param labels: the labels' names by id; the manifest's ``class-name`` may be either
    :param min_confidence: labels that Ground Truth is less sure of are set aside
    """
    rows = ManifestRows(file, {**{name: name for name in labels.values()}, **labels}, min_confidence)
    for first, content in read_blocks(stream, whole_lines):
        yield Block(first, content, rows)


@dataclass(frozen=True, slots=True)
class ManifestRows:
    """How to read the lines of a manifest (an `include.tweets.rows.Format`)."""

    file: str = field(compare=False)
    names: Mapping[str, str]
    min_confidence: float

    def read(self, lines: Lines) -> Sequence[Row | Rejection]:
        line = lines.read()
        assert line is not None
        if not line.content.strip():
            return ()
        try:
            label, text = _parse(line.content, self.names, self.min_confidence)
        except _Unusable as unusable:
            content = line.content[:200].decode("utf-8", "replace").strip().replace("\0", "\\0")
            return (Rejection(self.file, line.number, unusable.reason, str(unusable), content),)
        return (Row(self.file, line.number, label, text),)


def _parse(line: bytes, names: Mapping[str, str], min_confidence: float) -> tuple[str, str]:
    """Label and text."""
    if len(line) > MAX_ROW_BYTES:
        raise _Unusable("text_too_long", f"the line is longer than {MAX_ROW_BYTES:,} bytes")
    try:
        entry = json.loads(line)
    except UnicodeDecodeError as error:
        raise _Unusable("not_utf8", f"not UTF-8 at byte {error.start + 1} of the line") from None
    except (ValueError, RecursionError) as error:
        raise _Unusable("malformed", f"not a JSON object: {error}") from None
    if not isinstance(entry, dict):
        raise _Unusable("malformed", "not a JSON object")
    text = entry.get("source")
    if not isinstance(text, str):
        hint = " (source-ref, a text in a file of its own, is not read)" if "source-ref" in entry else ""
        raise _Unusable("missing_column", f"no source with a text{hint}")
    label = _label(entry, names, min_confidence)
    if not text.strip():
        raise _Unusable("empty_text", "the text is empty")
    if "\0" in text:
        raise _Unusable("nul_byte", f"NUL character at position {text.index(chr(0)) + 1} of the text")
    if half := _SURROGATE.search(text):
        raise _Unusable("not_utf8", f"half a surrogate pair at position {half.start() + 1} of the text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise _Unusable("text_too_long", f"{len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,} are a tweet")
    return label, text


def _label(entry: Mapping[str, Any], names: Mapping[str, str], min_confidence: float) -> str:
    found = [
        name.removesuffix(METADATA)
        for name, value in entry.items()
        if name.endswith(METADATA) and isinstance(value, dict)
    ]
    if len(found) != 1:
        attributes = ", ".join(found) or "none"
        raise _Unusable("missing_column", f"one label attribute with its {METADATA} is needed; there are: {attributes}")
    (attribute,) = found
    metadata = entry[attribute + METADATA]
    if "failure-reason" in metadata:
        raise _Unusable("not_labelled", f"Ground Truth did not label it: {metadata['failure-reason']}"[:200])
    if "class-map" in metadata:
        raise _Unusable("several_labels", f"{attribute} holds several labels, and one is needed")
    label = str(metadata.get("class-name", entry.get(attribute)))
    if label not in names:
        raise _Unusable("unknown_label", f"label {label[:50]!r} is none of {', '.join(names)}")
    confidence = metadata.get("confidence", 1.0)
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)):
        raise _Unusable("malformed", f"confidence is no number: {str(confidence)[:50]}")
    if confidence < min_confidence:
        raise _Unusable("low_confidence", f"confidence {confidence} is below {min_confidence}")
    return names[label]
