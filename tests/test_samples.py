from include.samples import DATES, SAMPLE_DATA
from include.tweets.cleaning import body_of, plain_text
from include.tweets.formats.csv import CsvFormat
from include.tweets.labels import Labels
from include.tweets.rows import Row

LABELS = {"0": "technical", "1": "marketing"}


def rows(hashtag: str, date: str) -> list[Row]:
    path = SAMPLE_DATA / "hashtags" / hashtag / date / "labeled.csv" / "part-00000.csv"
    with path.open("rb") as stream:
        found = [row for block in CsvFormat(path.name, Labels(LABELS)).blocks(stream) for row in block.rows()]
    assert all(isinstance(row, Row) for row in found)
    return found


def test_the_samples_are_many_different_tweets_of_both_labels_on_every_date():
    bodies = set()
    for hashtag in ("aws", "azure"):
        for date in DATES:
            found = rows(hashtag, date)
            assert {row.label for row in found} == set(LABELS.values())
            bodies |= {body_of(plain_text(row.cell)) for row in found}

    assert len(bodies) >= 600


def test_the_samples_hold_what_makes_real_tweets_hard():
    cells = [row.cell for hashtag in ("aws", "azure") for date in DATES for row in rows(hashtag, date)]
    texts = [plain_text(cell) for cell in cells]

    assert all(cell != text for cell, text in zip(cells, texts, strict=True))  # all are in the collector's form
    for what, minimum in {"RT @": 100, "https://t.co/": 200, "@": 100, "\n": 60, "…": 20}.items():
        assert sum(what in text for text in texts) >= minimum, what
    assert sum(not text.isascii() for text in texts) >= 200
    assert sum("&amp;" in cell or "&lt;" in cell or "&gt;" in cell for cell in cells) >= 60
