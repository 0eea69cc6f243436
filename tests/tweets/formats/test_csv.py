import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config.errors import DataError
from include.tweets.formats.columns import Columns
from include.tweets.formats.csv import DIALECTS, CsvFormat, Dialect, detect_format
from include.tweets.labels import Labels
from include.tweets.rows import MAX_ROW_BYTES, MAX_TEXT_CHARACTERS, Lines, Rejection, Row
from tests.conftest import REPOSITORY

LABELS = {"0": "technical", "1": "marketing"}


def read(content: bytes) -> list[Row | Rejection]:
    format = detect_format(CsvFormat("part.csv", Labels(LABELS)), content[:60_000].removeprefix(b"\xef\xbb\xbf"))
    return [row for block in format.blocks(io.BytesIO(content)) for row in block.rows()]


def rows(content: bytes) -> list[tuple[str, str]]:
    return [(row.label, row.cell) for row in read(content) if isinstance(row, Row)]


def rejections(content: bytes) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in read(content) if isinstance(row, Rejection)]


def test_a_row_is_a_label_and_a_text():
    assert rows(b'0,plain\n1,"with, comma"\n') == [("technical", "plain"), ("marketing", "with, comma")]


def test_labels_may_be_ids_or_names():
    assert rows(b"technical,a\n1,b\n") == [("technical", "a"), ("marketing", "b")]


@pytest.mark.parametrize("unknown", [b"", b"post,flag\n"])
def test_without_a_header_row_the_text_may_come_first(unknown):
    content = unknown + b'plain,0\n"with, comma",marketing\n0,1\n"two\nlines",0\n'

    texts = [("technical", "plain"), ("marketing", "with, comma"), ("marketing", "0"), ("technical", "two\nlines")]
    assert rows(content) == texts


def test_rows_with_unknown_labels_whose_texts_are_called_like_labels_are_no_rows():
    assert rows(b"ham,0\nspam,words\nspam,more words\n") == []


def test_the_first_row_is_data_where_it_is_no_header():
    assert rows(b"1,first\n0,second\n")[0] == ("marketing", "first")


def test_a_header_row_is_recognised_and_is_no_data():
    assert read(b"tweet id, tweet, label\n'42',hello,technical\n") == [Row("part.csv", 2, "technical", "hello")]


def test_a_header_row_without_a_label_column_is_an_error_that_names_the_columns():
    with pytest.raises(DataError, match=r"part\.csv, line 1: the columns \(id, tweet\) include no label column"):
        read(b"id,tweet\n1,hello\n")
    with pytest.raises(DataError, match=r"line 3: the columns \(label\) include no text column"):
        read(b"\n\nlabel\n0\n")


def test_columns_of_one_name_are_an_error_that_names_it():
    with pytest.raises(DataError, match=r"part\.csv, line 1: several columns are called text .*Rename"):
        read(b"label,text,Text\n0,a,b\n")
    assert rows(b"label,text,id,id\n0,a,1,2\n") == [("technical", "a")]


@pytest.mark.parametrize("separator", [b"\t", b"\1", b","])
def test_where_a_database_has_no_text_there_is_none(separator):
    content = b"".join(label + separator + text + b"\n" for label, text in ((b"0", b"a"), (b"1", rb"\N")))

    assert (rows(content), rejections(content)) == ([("technical", "a")], [(2, "empty_text")])


def test_hives_own_separator_is_read():
    assert rows(b'0\1a, "b"\n1\1c; d\te\n') == [("technical", 'a, "b"'), ("marketing", "c; d\te")]


def test_newlines_and_quotes_inside_a_quoted_cell_belong_to_it():
    assert rows(b'0,"one\ntwo ""quoted"""\r\n1,next\n') == [
        ("technical", 'one\ntwo "quoted"'),
        ("marketing", "next"),
    ]


def test_a_lone_quote_in_an_unquoted_cell_is_text():
    assert rows(b'0,a 6" pipe\n1,next\n') == [("technical", 'a 6" pipe'), ("marketing", "next")]


def test_a_carriage_return_inside_a_row_is_white_space():
    assert rows(b"0,a\rb\n1,next\n") == [("technical", "a b"), ("marketing", "next")]


def test_a_byte_order_mark_is_not_part_of_the_first_label():
    assert rows(b"\xef\xbb\xbf1,hello\n") == [("marketing", "hello")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(b"2,text", "unknown_label", id="unknown label"),
        pytest.param(b"0", "missing_column", id="missing column"),
        pytest.param(b"0,text,with commas", "extra_column", id="unquoted comma"),
        pytest.param(b"0,", "empty_text", id="empty text"),
        pytest.param(b'0," \n "', "empty_text", id="blank text"),
        pytest.param(b"0,caf\xe9", "not_utf8", id="not UTF-8"),
        pytest.param(b"0,a\0b", "nul_byte", id="NUL byte"),
        pytest.param(b'0,"' + b"x" * 1_000_000 + b'"', "text_too_long", id="1 MB quoted"),
        pytest.param(b"0," + b"x" * 1_000_000, "text_too_long", id="1 MB"),
        pytest.param(b"0," + b"x" * (MAX_ROW_BYTES // 2), "text_too_long", id="64 KB"),
        pytest.param(b'0,"text" behind', "malformed", id="text behind the quote"),
    ],
)
def test_a_bad_row_costs_that_row_and_is_reported_with_line_and_reason(row, reason):
    content = b"1,before\n" + row + b"\n0,after\n"

    assert rejections(content) == [(2, reason)]
    assert rows(content) == [("marketing", "before"), ("technical", "after")]


def test_an_unclosed_quote_does_not_swallow_the_rest_of_a_large_file():
    plain = b"".join(b"0,row %d\n" % number for number in range(5000))

    content = plain + b'1,"unclosed\n' + plain

    assert len(rows(content)) == 10_000
    assert rejections(content) == [(5001, "unclosed_quote")]


def test_an_unclosed_quote_before_a_quoted_row_costs_one_row():
    assert rejections(b'1,"unclosed\n0,"quoted, text"\n1,plain\n') == [(1, "unclosed_quote")]


def test_rows_that_an_unclosed_quote_may_have_swallowed_are_rejected_and_named():
    first, second, row = read(b'1,"unclosed\n0,a quote "\n1,plain\n')

    assert [(rejection.reason, rejection.line) for rejection in (first, second)] == [
        ("ambiguous_quote", 1),
        ("ambiguous_quote", 2),
    ]
    assert "lines 1 to 2 are rejected" in first.detail
    assert row == Row("part.csv", 3, "marketing", "plain")


@pytest.mark.parametrize(
    ("line", "cell"),
    [
        (rb'1,"he said \"hi\" to me"', 'he said "hi" to me'),
        (rb'1,"ends with \"quote\""', 'ends with "quote"'),
        (rb'1,"a \", b"', 'a ", b'),
    ],
)
def test_quotes_escaped_as_spark_escapes_them_are_read(line, cell):
    assert rows(b"0,before\n" + line + b"\n0,after\n") == [
        ("technical", "before"),
        ("marketing", cell),
        ("technical", "after"),
    ]


def test_files_that_are_put_together_have_no_rows_but_theirs():
    whole = b"\xef\xbb\xbflabel,text\n0,a\n1,b\n"

    assert rows(whole * 300) == [("technical", "a"), ("marketing", "b")] * 300
    assert rejections(whole * 300) == []


def test_excels_own_first_line_is_no_row():
    assert rows(b"sep=;\nlabel;text\n0;a\n") == [("technical", "a")]
    assert rejections(b"sep=;\r\nlabel;text\r\n0;a\r\n") == []


@pytest.mark.parametrize("header", [b"", b"label,text\n", b"label,text,,\n"])
def test_empty_columns_behind_the_others_are_none(header):
    assert rows(header + b"0,a,,\n1,b, ,\n") == [("technical", "a"), ("marketing", "b")]
    assert rejections(b"0,a,,\n1,d,e,\n") == [(2, "extra_column")]


@pytest.mark.parametrize("content", [b"0,0;hello %d\n1,0;bye %d\n", b"0|1,hello %d\n1|0,bye %d\n"])
def test_rows_with_several_labels_are_not_taken_for_those_of_another_separator(content):
    content = b"".join(content % (number, number) for number in range(20))

    assert rows(content) == []
    assert {reason for _, reason in rejections(content)} == {"several_labels"}


def test_a_numbered_list_in_a_quoted_text_is_part_of_it():
    texts = ["tips:\n1, be quick\n0, be kind", "numbers\n1\n0"]

    assert rows("".join(f'0,"{text}"\n' for text in texts).encode()) == [("technical", text) for text in texts]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("separator", list(",;\t|"))
@pytest.mark.parametrize("header", [None, ["text", "label"], ["id", "label", "text", "note"]])
def test_a_text_of_several_lines_is_read_whole_wherever_its_column_is(header, separator, quoting):
    texts = ["plain", "two\nlines", "\nends", 'a "quote"\nand more', "more", "last\n"]
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, quoting=quoting, lineterminator="\n")
    for row in [header or [], *({"id": 7, "label": 1, "text": text, "note": ""} for text in texts)]:
        writer.writerow([row[name] for name in header or ["label", "text"]] if isinstance(row, dict) else row)

    assert rows(written.getvalue().encode()) == [("marketing", text) for text in texts]


def test_a_lone_quote_before_a_row_that_ends_it_is_named_where_the_label_is_last():
    content = b'text,label\n"unclosed,0\nmore",1\nplain,1\n'

    assert rejections(content) == [(2, "ambiguous_quote"), (3, "ambiguous_quote")]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb"two\nlines, a\ttab, a \\ backslash", "two\nlines, a\ttab, a \\ backslash"),
        (rb'quoted "text"\r\n', 'quoted "text"\r\n'),
        (rb"b'caf\\xc3\\xa9'", r"b'caf\xc3\xa9'"),
        (rb"b'caf\xc3\xa9 \n'", r"b'caf\xc3\xa9 \n'"),  # not from a database
        (rb"C:\dir\new", r"C:\dir\new"),
    ],
)
def test_text_with_tabs_is_read_as_databases_write_it(written, text):
    assert rows(b"1\tplain\n0\t" + written + b"\n") == [("marketing", "plain"), ("technical", text)]


def test_a_text_with_tabs_that_mysql_continues_in_the_next_line_is_not_cut():
    content = b"0\tplain\n1\tone\\\ntwo\n0\tends with \\\\\n"

    assert rows(content) == [("technical", "plain"), ("technical", "ends with \\")]
    assert rejections(content) == [(2, "malformed"), (3, "missing_column")]


def test_no_quotes_and_separators_can_raise_anything_but_an_error_that_says_what_is_wrong():
    pieces = st.sampled_from([b'"', b",", b"\n", b"0", b"1", b"label", b"text", b"\r", b"\0", b"\xff", b" ", b"x"])

    @given(st.lists(pieces, max_size=40).map(b"".join))
    def check(content: bytes) -> None:
        try:
            found = read(content)
        except DataError:
            return
        lines = [row.line for row in found]
        assert lines == sorted(set(lines))
        assert all(1 <= line <= content.count(b"\n") + 1 for line in lines)

    check()


def as_csv(pairs: list[tuple[str, str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(pairs)
    return buffer.getvalue()


def as_spark(pairs: list[tuple[str, str]]) -> str:
    """As its CSV library univocity does it with Spark's settings: backslashes are escaped in quoted cells only."""
    lines = []
    for label, text in pairs:
        if any(character in text for character in '",\n'):
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        lines.append(f"{label},{text}\n")
    return "".join(lines)


TEXT_PIECES = ['"', '"', "\\", "\\", "\n", ", ", "word", "b'caf\\xc3'", "\u00e9", "\x0b", "\u2028", "\x1c"]
TEXTS = st.lists(st.sampled_from(TEXT_PIECES), max_size=6).map(lambda pieces: "".join(["a", *pieces]).rstrip())


@pytest.mark.parametrize("write", [as_csv, as_spark])
@given(st.lists(st.tuples(st.sampled_from("01"), TEXTS), max_size=8))
def test_what_a_file_s_rows_say_of_its_quotes_holds_for_each_of_them(write, pairs):
    pairs += [("0", 'a "quote", and'), ("1", "a line\nand C:\\dir")] * 2

    assert rows(write(pairs).encode()) == [(LABELS[label], text) for label, text in pairs]


@pytest.mark.parametrize("write", [as_csv, as_spark])
def test_quotes_may_be_told_by_the_collectors_backslashes_alone(write):
    texts = ["Ann, Lee,2019-01-04 17:33:00,b'caf\\xc3'", r"C:\dir, it is"]

    assert [text for _, text in rows(write([("0", text) for text in texts]).encode())] == texts


def test_two_backslashes_that_stand_for_newlines_do_not_tell_how_quotes_are_escaped():
    texts = [r"in Alberta: \\ Regina, Saskatchewan", r"Lord, \\we pray"]

    assert [text for _, text in rows(as_csv([("0", text) for text in texts]).encode())] == texts


def test_a_row_with_backslashes_that_are_no_escapes_keeps_them():
    content = rb"""0,"Ann, Lee,2019-01-04 17:33:00,b'caf\xc3 \"hi\"'"
"""

    assert rows(content) == [("technical", r"Ann, Lee,2019-01-04 17:33:00,b'caf\xc3 " + '"hi"' + "'")]


def test_apostrophes_around_some_texts_are_theirs():
    texts = ["'quoted'", "it's", "'tis, with comma", "'twas"]

    assert [text for _, text in rows(as_csv([("0", text) for text in texts]).encode())] == texts


@pytest.mark.parametrize("broken", ['0,"Cut tweet', '0,"Wow" she said', "0,'cause we can, goin'"])
def test_apostrophes_stay_whatever_is_wrong_with_another_row(broken):
    content = f"{broken}\n0,'like this'\n0,'and that'\n1,buy now\n".encode()

    assert [text for _, text in rows(content)] == ["'like this'", "'and that'", "buy now"]


@pytest.mark.parametrize(
    "content",
    [b'Technical,"cut\nMarketing,here"\n', b'1.0,"cut\n0.0,here"\n', b'Technical,"cut\n1,ok\nMarketing,here"\n'],
)
def test_a_row_that_an_open_quote_would_swallow_is_recognised_however_its_label_is_spelled(content):
    assert rows(content + b"1,buy now\n" * 3) == [("marketing", "buy now")] * 3


def test_a_text_that_reaches_into_a_column_without_a_title_is_rejected():
    content = b"label,text,\n0,Hello, world\n1,Buy now,\n"

    assert rows(content) == [("marketing", "Buy now")]
    assert rejections(content) == [(2, "extra_column")]


def test_a_cell_in_quotes_may_have_blanks_around_them_and_newlines_inside():
    assert rows(b'0, "one\ntwo" \n1, "three" \n') == [("technical", "one\ntwo"), ("marketing", "three")]


CELLS = [
    b"0",
    b"1",
    b"technical",
    b"2",
    b" 0",
    b"a",
    b"",
    b" ",
    b"\\",
    b'"',
    b'""',
    b'\\"',
    b"\r",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b"\\n",
    b"b'x'",
]
COLUMNS = [
    Columns(),
    Columns(1, 0),
    Columns(1, 2, None, 3),
    Columns(2, 0, None, 4),
    Columns(0, 1, 2, 3),
    Columns(count=0),
]


@given(
    st.lists(st.one_of(st.sampled_from(CELLS), st.sampled_from(b",;\t|").map(lambda code: bytes([code]))), max_size=12),
    st.sampled_from(DIALECTS),
    st.sampled_from(COLUMNS),
)
def test_a_row_that_is_read_quickly_is_the_same_row(pieces, dialect, columns):
    line = b"".join(pieces)
    format = CsvFormat("f", Labels(LABELS), dialect=dialect, columns=columns)

    plain = format.plain_row(line)

    if plain is not None:
        (row,) = format.read(Lines(line + b"\nnext", 2))
        assert row == Row("f", 2, *plain)


@pytest.mark.parametrize("line", [b"0,some text", b'technical,"some, text"', b'1,"he said ""hi"""', b"0,caf\xc3\xa9\r"])
def test_most_rows_are_read_quickly(line):
    assert CsvFormat("f", Labels(LABELS)).plain_row(line) is not None


def test_no_long_row_is_read_quickly():
    assert CsvFormat("f", Labels(LABELS)).plain_row(b"0," + b"x" * (MAX_TEXT_CHARACTERS + 1)) is None


@pytest.mark.parametrize(
    "options", [{"index": False}, {"index": False, "header": False}, {}], ids=["plain", "bare", "index"]
)
def test_a_file_is_read_as_pandas_writes_it(options):
    import pandas

    texts = ["plain", 'with, comma and "quotes"', "two\nlines", "caf\u00e9 \U0001f600"]
    frame = pandas.DataFrame({"label": [0, 1, 0, 1], "text": texts})

    content = frame.to_csv(**options).encode()

    assert rows(content) == [
        ("technical", texts[0]),
        ("marketing", texts[1]),
        ("technical", texts[2]),
        ("marketing", texts[3]),
    ]


def test_no_expression_needs_what_python_before_3_11_5_gets_wrong():
    """
    There a group with a possessive quantifier matches a part of its last repetition, and Debian 12 has Python 3.11.2:
    https://github.com/python/cpython/issues/106052
    """
    sources = [path for folder in ("include", "plugins", "local_aws") for path in (REPOSITORY / folder).rglob("*.py")]

    assert [path.name for path in sources if re.search(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+", path.read_text())] == []


@pytest.mark.timeout(60)  # it took minutes
def test_empty_columns_behind_the_tweets_as_spreadsheets_write_them_are_nothing():
    assert rows((b"0,hello" + b"," * 120_000 + b"\n") * 20) == [("technical", "hello")] * 20


PIECES = ["0", "1", "2", "a", ",", ";", "\t", "|", "\1", '"', '\\"', "\n", "label", "text", " "]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=60).map("".join), st.integers(0, 5))
def test_no_dialect_that_fits_better_is_left_out(text, rows):
    content = (text + "\n0,a text\n1;another" * rows).encode()
    found = detected(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dialect, "most_rows", lambda self, samples: 10**9)
        assert detected(content) == found


def detected(content: bytes) -> object:
    try:
        return detect_format(CsvFormat("part.csv", Labels(LABELS)), content)
    except DataError as error:
        return str(error)
