import pytest

from include.tweets.formats.columns import ColumnNames, Columns
from include.tweets.labels import Labels

LABELS = Labels({"0": "technical", "1": "marketing"})


@pytest.mark.parametrize(
    ("titles", "columns"),
    [
        (["Unnamed: 0", "label", "text"], Columns(1, 2, None, 3)),
        (["", "x (y)", "Tweet", "2nd", "technical", " CLASS "], Columns(5, 2, None, 6)),
        (["label", "class", "text"], Columns(0, 2, None, 3)),
        (["label", "id"], None),
        (["0", "hello"], None),
    ],
)
def test_the_label_and_text_columns_make_a_header_whatever_the_other_titles_are(titles, columns):
    assert ColumnNames().find(titles) == columns


def test_columns_of_other_names_are_found_by_the_settings():
    names = ColumnNames("airline_sentiment", "Text of tweet", "trust")

    assert names.find(["text", "text of tweet", "Trust", "Airline_Sentiment"]) == Columns(3, 1, 2, 4)
    assert names.find(["label", "text"]) is None


@pytest.mark.parametrize(
    ("titles", "message"),
    [
        (["id", "tweet"], r"f: the columns \(id, tweet\) include no label column.*set label_column"),
        (["label", "comment"], r"include no text column.*set text_column"),
        (["text", "technical", "marketing"], "multi-label data: the columns technical, marketing are labels"),
    ],
)
def test_a_missing_column_is_said_with_the_setting_that_names_it(titles, message):
    import re

    assert re.match(f".*{message}", str(ColumnNames().missing("f", titles, LABELS)))
