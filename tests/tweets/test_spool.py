from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets import keying
from include.tweets.cleaning import UndecodableCell, body_of, plain_text
from include.tweets.formats.columns import Columns
from include.tweets.formats.csv import CsvFormat
from include.tweets.keying import Piece
from include.tweets.labels import Labels
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Block, Row
from include.tweets.spool import Spool, Spooled, spooled_buckets

SETTINGS = PrepareSettings()
NAMES = {"technical": "technical", "marketing": "marketing", "0": "technical", "1": "marketing"}
LINES = [
    b"0,plain\n",
    b"1,plain\n",
    b'0,"plain"\n',
    b"technical,plain\n",
    b'0,"one\n',
    b'two"\n',
    b'0,"opens\n',
    b"\n",
    b"2,x\n",
    b'"0,plain\n',
    b"0, \n",
    b"0,&#32;\n",
    b"0,\xff\n",
    b"0,a,2019-01-04 17:33:00,b'broken\n",
    b"0,plain",
]
content = st.lists(st.sampled_from(LINES), max_size=30).map(b"".join)


def buckets(folder) -> list[Piece]:
    return [Piece.joined(map(Spooled.pieces, spooled)) for spooled in spooled_buckets(folder)]


def spooled(folder) -> list[tuple[str, str, int, int]]:
    return sorted(
        (SETTINGS.label_names[bucket.labels[index]], bucket.cells[index], file, line)
        for bucket in buckets(folder)
        for index, file, line in bucket.rows.tolist()
    )


def is_usable(row) -> bool:
    try:
        return isinstance(row, Row) and body_of(plain_text(row.cell)) != ""
    except UndecodableCell:
        return False


@pytest.mark.parametrize("remembered", [0, 2, 1000])
@given(st.lists(content, max_size=3))
def test_rows_come_back_as_they_were_read_whether_their_lines_are_remembered_or_not(
    tmp_path_factory, remembered, contents
):
    folder = tmp_path_factory.mktemp("spool")
    blocks = [Block(1, content, CsvFormat(f"file-{index}", Labels(NAMES))) for index, content in enumerate(contents)]
    rows = [list(block.rows()) for block in blocks]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keying, "CACHED_LINES", remembered)
        writer = Spool(folder, [f"file-{index}" for index in range(len(blocks))], SETTINGS, buffered_rows=5)
        tallies = [writer.add(block) for block in blocks]
        writer.flush()

    usable = [[row for row in found if is_usable(row)] for found in rows]
    assert spooled(folder) == sorted(
        (row.label, row.cell, file, row.line) for file, found in enumerate(usable) for row in found
    )
    assert [tally.rows for tally in tallies] == [len(found) for found in rows]
    for tally, found, kept in zip(tallies, rows, usable, strict=True):
        assert list(tally.labels.items()) == list(Counter(row.label for row in kept).items())
        assert len(tally.rejected) == len(found) - len(kept)


def test_a_cell_is_written_once_for_all_its_rows(tmp_path):
    writer = Spool(tmp_path, ["f"], SETTINGS)
    for number in range(1, 1000):
        writer.add(Block(number, b"0,the same\n", CsvFormat("f", Labels(NAMES))))
    writer.flush()

    (bucket,) = buckets(tmp_path)
    assert len(bucket.rows) == 999
    assert len(bucket.cells) <= 2  # a file's first line is not cached


def test_files_with_other_columns_do_not_share_remembered_lines(tmp_path):
    writer = Spool(tmp_path, ["one", "two"], SETTINGS)
    writer.add(Block(2, b"0,1\n", CsvFormat("one", Labels(NAMES))))
    writer.add(Block(2, b"0,1\n", CsvFormat("two", Labels(NAMES), columns=Columns(label=1, text=0))))
    writer.flush()

    assert spooled(tmp_path) == [("marketing", "0", 1, 2), ("technical", "1", 0, 2)]


def test_tweets_with_the_same_body_are_in_one_bucket(tmp_path):
    writer = Spool(tmp_path, ["f"], SETTINGS)
    writer.add(Block(1, b"0,a  b\n1,a b\n0,a &#98;\n", CsvFormat("f", Labels(NAMES))))
    writer.flush()

    (bucket,) = buckets(tmp_path)
    assert len(set(bucket.keys)) == 1
