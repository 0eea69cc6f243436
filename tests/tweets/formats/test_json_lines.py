import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.formats.columns import ColumnNames
from include.tweets.formats.json_lines import JsonFormat
from include.tweets.labels import Labels
from include.tweets.rows import Rejection, Row

LABELS = {"0": "technical", "1": "marketing"}


def entry(source="A tweet", value=0, **metadata):
    known = {
        "confidence": 0.9,
        "class-name": "technical",
        "job-name": "labeling-job/x",
        "human-annotated": "yes",
        "type": "groundtruth/text-classification",
    }
    return {"source": source, "topic": value, "topic-metadata": {**known, **metadata}}


def read(*lines, **settings):
    content = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    blocks = JsonFormat("output.manifest", Labels(LABELS), **settings).blocks(io.BytesIO(content))
    return [row for block in blocks for row in block.rows()]


def test_text_and_label_of_each_line():
    rows = read(
        entry("One"), b"", entry("Two", 1, **{"class-name": "marketing"}), entry("Three", **{"class-name": "1"})
    )

    assert rows == [
        Row("output.manifest", 1, "technical", "One"),
        Row("output.manifest", 3, "marketing", "Two"),
        Row("output.manifest", 4, "marketing", "Three"),
    ]


def test_labels_below_the_confidence_are_set_aside():
    first, second = read(entry(confidence=0.59), entry(confidence=0.6), min_confidence=0.6)

    assert (first.reason, first.detail) == ("low_confidence", "confidence 0.59 is less than 0.6")
    assert isinstance(second, Row)


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"{", "malformed", "not a JSON object"),
        (b"[1]", "malformed", "not a JSON object"),
        (b'{"source": "\xff"}', "not_utf8", "byte 13"),
        ({"source-ref": "s3://x/y"}, "missing_column", "source-ref"),
        ({"source": "x"}, "missing_column", "keys: source"),
        (entry() | {"other": 1, "other-metadata": {}}, "missing_column", "found: topic, other"),
        (entry(**{"failure-reason": "no workers"}), "not_labelled", "no workers"),
        (entry(**{"class-map": {"0": "technical"}}), "several_labels", "topic contains several labels"),
        (entry(**{"class-name": "sport"}), "unknown_label", "label 'sport' is not one of: technical, marketing, 0, 1"),
        (entry(confidence="high"), "malformed", "confidence is not a number: high"),
        (entry(confidence=float("nan")), "malformed", "confidence is not a number: nan"),
        (entry(**{"failure-reason": "no \ud800 worker"}), "not_labelled", r"no \ud800 worker"),
        (entry() | {"\ud800-metadata": {}}, "missing_column", r"found: topic, \ud800"),
        (entry("  "), "empty_text", "the text is empty"),
        (entry("a\0b"), "nul_byte", "position 2"),
        (entry("a\ud800b"), "not_utf8", "half a surrogate pair at position 2"),
        (entry("x" * 10_001), "text_too_long", "10,001 characters"),
        (entry("x" * 200_000), "text_too_long", "longer than"),
    ],
)
def test_a_line_that_cannot_be_used_is_set_aside_with_its_number_and_reason(line, reason, detail):
    first, rejection, last = read(entry("before"), line, entry("after"))

    assert isinstance(rejection, Rejection)
    assert (rejection.line, rejection.reason) == (2, reason)
    assert detail in rejection.detail
    assert (first.cell, last.cell, last.line) == ("before", "after", 3)


@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=8))
def test_no_line_is_lost_whatever_it_holds(lines):
    rows = read(*lines)

    lines = [line.removeprefix(b"\xef\xbb\xbf") for line in lines]  # where another file was appended, too
    assert [row.line for row in rows] == [number for number, line in enumerate(lines, start=1) if line.strip()]


@pytest.mark.parametrize(
    "line",
    [
        {"label": 1, "text": "a"},
        {"Class": "marketing", "id": 5, "tweet": "a"},
        {"label": [1.0], "text": "a"},
        {"label": 1, "text": "b\u2026", "full_text": "a"},
        {"label": 1, "text": "b\u2026", "truncated": True, "extended_tweet": {"full_text": "a", "entities": {}}},
    ],
)
def test_objects_with_a_label_and_a_text_are_read(line):
    (row,) = read(line)

    assert (row.label, row.cell) == ("marketing", "a")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"rawContent": "words", "source": "Twitter for iPad", "label": 0}, "missing_column"),
        ({"text": "a", "label": "technical", "answer": "reject"}, "not_labelled"),
        ({"text": "a", "label": None, "category": 1}, "missing_label"),
        ({"text": {"0": "a", "1": "b"}, "label": {"0": 0, "1": 1}}, "missing_column"),
        ({"text": None, "message": "error 5", "label": 0}, "empty_text"),
    ],
)
def test_nothing_else_is_taken_for_a_label_or_a_text(line, reason):
    (row,) = read(line)

    assert row.reason == reason


def test_a_manifests_text_is_its_source():
    (row,) = read(entry("real words") | {"text": "id77"})

    assert row.cell == "real words"


def test_several_labels_of_an_object_are_named():
    (row,) = read({"label": [0, 1], "text": "a"})

    assert row.reason == "several_labels"


def test_keys_and_confidence_are_those_of_the_settings():
    names = ColumnNames("sentiment", "opinion", "trust")

    low, row = read(
        {"sentiment": 0, "opinion": "a", "trust": 0.1},
        {"sentiment": 0, "opinion": "b", "trust": 0.9},
        names=names,
        min_confidence=0.5,
    )

    assert (low.reason, row.cell) == ("low_confidence", "b")


def test_a_line_with_two_keys_of_one_name_is_set_aside():
    (row,) = read({"label": "0", "text": "a", "Text": "b"})
    (same,) = read(b'{"label": 0, "label": 1, "text": "a"}')

    assert (same.reason, same.detail) == ("malformed", "the key label is there twice")
    assert (row.reason, "several keys are called text" in row.detail) == ("malformed", True)
