from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets import keying
from include.tweets.formats.csv import CsvFormat
from include.tweets.keying import Keyer, Piece
from include.tweets.labels import Labels
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Block

SETTINGS = PrepareSettings()
FILES = ["a.csv", "b.csv"]
LINES = st.lists(
    st.sampled_from(
        [b"0,Hello  you\n", b"1,Hello you\n", b"0,\n", b"7,who\n", b'1,"two\nlines"\n', b"0,b'\\xff'\n", b"\n"]
    ),
    max_size=30,
)


def block(content: bytes, file: str = "a.csv", first: int = 1) -> Block:
    return Block(first, content, CsvFormat(file, Labels({"0": "technical", "1": "marketing"})))


def rows_of(pieces: dict[int, Piece]) -> set[tuple[str, int, str, int, bytes]]:
    """File, line, cell, label and key of each row."""
    return {
        (FILES[file], line, piece.cells[cell], piece.labels[cell], piece.keys[cell])
        for piece in pieces.values()
        for cell, file, line in piece.rows.tolist()
    }


def test_each_usable_row_is_in_the_bucket_of_its_key_with_its_file_and_line():
    keyer = Keyer(FILES, SETTINGS)
    keyer.add(block(b"0,Hello you\n1,A coupon\n"))
    keyer.add(block(b"1,A coupon\n", "b.csv", first=8))

    pieces = keyer.take()

    assert {row[:4] for row in rows_of(pieces)} == {
        ("a.csv", 1, "Hello you", SETTINGS.label_names.index("technical")),
        ("a.csv", 2, "A coupon", SETTINGS.label_names.index("marketing")),
        ("b.csv", 8, "A coupon", SETTINGS.label_names.index("marketing")),
    }
    assert all(key[0] == bucket for bucket, piece in pieces.items() for key in piece.keys)


def test_rows_of_the_same_tweet_have_the_same_key_however_it_is_spaced():
    keyer = Keyer(FILES, SETTINGS)
    keyer.add(block(b"0,Hello  you\n1, Hello you \n0,Hello us\n"))

    keys = {line: key for _, line, _, _, key in rows_of(keyer.take())}

    assert keys[1] == keys[2] != keys[3]


def test_a_line_inside_a_cell_is_no_row_even_if_an_equal_line_was_one():
    keyer = Keyer(FILES, SETTINGS)

    tally = keyer.add(block(b'0,Hello you\n1,"two\n0,Hello you\n"\n'))

    assert (tally.labels, tally.rejected.counts) == ({"technical": 1}, {"ambiguous_quote": 3})
    assert {row[1:3] for row in rows_of(keyer.take())} == {(1, "Hello you")}


def test_what_was_taken_is_not_taken_again():
    keyer = Keyer(FILES, SETTINGS)
    keyer.add(block(b"0,Hello you\n"))
    assert (keyer.row_count, keyer.byte_count) == (1, 12)
    keyer.take()

    assert (keyer.row_count, keyer.byte_count) == (0, 0)
    assert keyer.take() == {}


def test_a_cell_that_was_taken_is_not_passed_on_again_and_its_rows_still_find_it():
    keyer = Keyer(FILES, SETTINGS)
    keyer.add(block(b"0,Hello you\n"))
    (first,) = keyer.take().values()
    keyer.add(block(b"0,Hello you\n", first=2))
    (second,) = keyer.take().values()

    assert second.cells == []
    whole = Piece.joined([[first, second]])
    assert [(whole.cells[cell], line) for cell, _, line in whole.rows.tolist()] == [("Hello you", 1), ("Hello you", 2)]


def test_the_cells_of_another_keyer_come_after_those_of_the_first():
    pieces = []
    for name in FILES:
        keyer = Keyer(FILES, SETTINGS)
        keyer.add(block(b"0,Hello you\n1,Hello you\n", name))
        pieces.append(keyer.take().values())

    whole = Piece.joined(pieces)

    assert [(whole.labels[cell], FILES[file]) for cell, file, _ in whole.rows.tolist()] == [
        (0, "a.csv"),
        (1, "a.csv"),
        (0, "b.csv"),
        (1, "b.csv"),
    ]


def test_a_blocks_tally_counts_labels_in_their_order_and_names_the_rejected_rows():
    tally = Keyer(FILES, SETTINGS).add(block(b"1,A coupon\n0,Hello you\n1,Another\n0, \n7,who\n"))

    assert (tally.file, tally.rows) == ("a.csv", 5)
    assert list(tally.labels.items()) == [("marketing", 2), ("technical", 1)]
    assert tally.rejected.counts == {"empty_text": 1, "unknown_label": 1}


def test_another_format_reads_the_same_line_anew():
    keyer = Keyer(FILES, SETTINGS)
    keyer.add(block(b"0,Hello you\n"))
    swapped = CsvFormat("a.csv", Labels({"0": "marketing", "1": "technical"}))

    tally = keyer.add(replace(block(b"0,Hello you\n"), format=swapped))

    assert tally.labels == {"marketing": 1}


@given(contents=st.lists(LINES, max_size=4), limit=st.sampled_from(["CACHED_LINES", "CACHED_BYTES", "LONGEST_CACHED"]))
def test_the_cache_changes_no_row_no_count_and_no_rejection(contents, limit):
    def keyed() -> tuple:
        keyer, first, tallies = Keyer(FILES, SETTINGS), 1, []
        for lines in contents:
            tally = keyer.add(block(b"".join(lines), first=first))
            tallies.append((tally.rows, list(tally.labels.items()), tally.rejected.counts, tally.rejected.lines))
            first += b"".join(lines).count(b"\n")
        return rows_of(keyer.take()), tallies

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keying, limit, 1)
        without = keyed()
    assert keyed() == without
