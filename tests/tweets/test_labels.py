import pytest

from include.tweets.labels import Labels
from include.tweets.rows import BadRow

LABELS = Labels({"0": "technical", "1": "marketing", "01": "event", "promo": "marketing"})


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        ("0", "technical"),
        ("01", "event"),
        ("technical", "technical"),
        ("promo", "marketing"),
        ("1.0", "marketing"),
        ("0.00", "technical"),
        ("00", "technical"),
        ("+1", "marketing"),
        ("001", "marketing"),
        ("+01.0", "event"),
        ("Technical", "technical"),
        (" MARKETING ", "marketing"),
        ("__label__event", "event"),
    ],
)
def test_ids_and_names_are_read_however_they_are_spelled(spelling, label):
    assert LABELS.read(spelling) == label


def test_several_ids_may_name_one_label():
    assert LABELS.names == ["technical", "marketing", "event"]


def test_labels_that_differ_in_capitals_only_are_told_apart_by_them():
    labels = Labels({"a": "X", "b": "x"})

    assert (labels.read("X"), labels.read("x"), labels.find(" X ")) == ("X", "x", None)


@pytest.mark.parametrize(
    ("spelling", "reason", "detail"),
    [
        ("2", "unknown_label", "label '2' is not one of: technical, marketing, event, 0, 1, 01, promo"),
        ("tecnical", "unknown_label", "did you mean technical?"),
        ("1.5", "unknown_label", "label '1.5'"),
        ("", "missing_label", "the label is empty"),
        ("technical;event", "several_labels", "names several labels"),
        ("[0, 1]", "several_labels", "names several labels"),
    ],
)
def test_what_is_no_label_is_said(spelling, reason, detail):
    with pytest.raises(BadRow, match=detail.replace("?", r"\?")) as bad:
        LABELS.read(spelling)

    assert bad.value.reason == reason
