import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets import rows
from include.tweets.formats.csv import CsvFormat
from include.tweets.labels import Labels
from include.tweets.rows import MAX_ROW_BYTES, Block, Incomplete, Lines, read_blocks, whole_lines

LABELS = {"0": "technical", "1": "marketing"}
NAMES = {"technical": "technical", "marketing": "marketing", **LABELS}
PIECES = [
    b"0,plain\n",
    b'1,"in quotes"\n',
    b'0,"one\ntwo"\n',
    b'0,"opens\n',
    b'"\n',
    b'closes"\n',
    b'0,"x\n1,y\n"\n',
    b"\n",
    b"label,text\n",
    b'0,a "q" b\n',
    b'0,"a \\"q\\" b"\n',
    b'x"y,"abc\n',
    b'0,"a"\r\n',
    b"\r",
    b'"',
    b",",
    b"\xff",
    b"\0",
]


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read1(7)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_blocks_hold_the_rows_that_the_whole_file_holds(content):
    (whole,) = [list(block.rows()) for block in CsvFormat("f", Labels(LABELS)).blocks(io.BytesIO(content))] or [[]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BLOCK_BYTES", 1)
        blocks = list(CsvFormat("f", Labels(LABELS)).blocks(Trickle(content)))

    assert [row for block in blocks for row in block.rows()] == whole
    assert b"".join(block.content for block in blocks) == content
    assert [block.first for block in blocks] == [
        1 + content.count(b"\n", 0, sum(len(before.content) for before in blocks[:index]))
        for index in range(len(blocks))
    ]


def test_a_file_is_cut_into_blocks_of_about_one_size():
    content = b"0,some tweet or other\n" * 10_000

    blocks = list(read_blocks(io.BytesIO(content), whole_lines))

    assert b"".join(content for _, content in blocks) == content
    assert all(rows.BLOCK_BYTES / 2 < len(content) < rows.BLOCK_BYTES * 2 for _, content in blocks[:-1])


def test_a_line_without_an_end_is_not_held_in_memory():
    content = b"0,short\n0," + b"x" * 3 * MAX_ROW_BYTES + b"\n1,next\n1," + b"y" * 3 * MAX_ROW_BYTES

    blocks = list(read_blocks(io.BytesIO(content), whole_lines))

    lines = b"".join(content for _, content in blocks).split(b"\n")
    assert [len(line) for line in lines] == [7, MAX_ROW_BYTES + 1, 6, MAX_ROW_BYTES + 1]


def test_what_was_read_before_an_error_is_not_lost():
    class Broken(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            piece = super().read1(9)
            if not piece:
                raise EOFError("cut short")
            return piece

    blocks = read_blocks(Broken(b"0,first\n0,second\n0,thi"), whole_lines)

    assert next(blocks) == (1, b"0,first\n0,second\n")
    with pytest.raises(EOFError, match="cut short"):
        next(blocks)


def test_lines_are_numbered_and_cut_and_can_be_put_back():
    lines = Lines(b"a\n" + b"b" * 200_000 + b"\nc", first=5)

    first, second = lines.read(), lines.read()
    assert (first.number, first.content, second.number, len(second.content)) == (5, b"a\n", 6, MAX_ROW_BYTES + 1)
    lines.put_back([second])
    assert lines.read() == second
    assert lines.read().content == b"c"
    assert lines.read() is None


def test_where_the_file_goes_on_the_end_of_a_piece_is_no_end():
    lines = Lines(b"whole\npart", more=True)

    assert len(lines) == 1
    assert lines.read().content == b"whole\n"
    with pytest.raises(Incomplete):
        lines.read()


def test_a_byte_order_mark_is_no_part_of_a_line_also_where_files_are_put_together():
    mark = b"\xef\xbb\xbf"

    assert Lines(mark + b"a").read().content == b"a"
    assert Lines(mark + b"a", first=2).read().content == b"a"


def test_how_to_read_rows_does_not_depend_on_the_file_they_are_in():
    assert CsvFormat("one.csv", Labels(NAMES)) == CsvFormat("other.csv", Labels(NAMES))
    assert next(Block(3, b"0,a\n", CsvFormat("one.csv", Labels(NAMES))).rows()).line == 3


def test_an_endless_line_is_looked_at_only_until_it_is_too_long():
    looked_at = []

    def whole_rows(content: bytes, first: int) -> int:
        looked_at.append(len(content))
        return 0

    list(read_blocks(io.BytesIO(b"x" * 40 * MAX_ROW_BYTES), whole_rows))

    assert sum(looked_at) < 20 * MAX_ROW_BYTES
