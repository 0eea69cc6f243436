import bz2
import csv
import gzip
import io
import json
from datetime import UTC, datetime

import pandas
import pytest
import zstandard

from include.config.errors import DataError
from include.tweets.formats.csv import CsvFormat
from include.tweets.formats.json_lines import JsonFormat
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Rejection, Row
from include.tweets.sources import Source, ranked, read_source


def blocks(content: bytes):
    return list(read_source(Source("f", lambda: io.BytesIO(content)), io.BytesIO(content), PrepareSettings()))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"0,a\n", CsvFormat),
        (b'{"source": "a"}\n', JsonFormat),
        (b'\xef\xbb\xbf{"source": "a"}\n', JsonFormat),
        (gzip.compress(b"0,a\n", mtime=0), CsvFormat),
        (gzip.compress(b'{"source": "a"}\n', mtime=0), JsonFormat),
    ],
)
def test_what_a_file_holds_is_told_by_how_it_begins(content, kind):
    (block,) = blocks(content)

    assert isinstance(block.format, kind)
    assert (block.format.file, block.first) == ("f", 1)


@pytest.mark.parametrize("columns", [{"label": [0], "text": ["a"]}, {"text": ["a b"] * 400, "label": [1] * 400}])
def test_a_file_that_holds_no_text_is_not_taken_for_utf_16(columns):
    file = io.BytesIO()
    pandas.DataFrame(columns).to_feather(file)

    with pytest.raises(DataError, match=r"this is an Arrow \(Feather\) file"):
        blocks(file.getvalue())


def test_an_empty_file_has_no_blocks():
    assert blocks(b"") == []


def test_a_path_is_a_source_with_its_name_and_size(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"0,a\n")

    source = Source.from_path(path)

    assert (source.name, source.size, source.rank) == ("rows.csv", 4, 0)
    assert Source.from_path(path, "other").name == "other"


@pytest.mark.parametrize("content", [gzip.compress(b"0,a\n" * 99, mtime=0)[:-4], b"\x1f\x8bnonsense"])
def test_a_damaged_gzip_file_is_an_error_with_its_name(content):
    with pytest.raises(DataError, match="f: the gzip file is damaged or cut short"):
        blocks(content)


def test_a_compressed_parquet_file_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match=r"f: a compressed Parquet file\. Decompress it"):
        blocks(gzip.compress(b"PAR1 and so on"))


ROWS = [
    ("technical", 'he said "ship it", then left'),
    ("marketing", "caf\u00e9; 20 % | off\tto-day"),
    ("technical", "one\ntwo"),
    ("marketing", "don\u2019t"),
] * 30


def all_of(content: bytes, **settings) -> list[Row | Rejection]:
    source = Source("f", lambda: io.BytesIO(content))
    with source.open() as stream:
        return [row for block in read_source(source, stream, PrepareSettings(**settings)) for row in block.rows()]


def rows_of(content: bytes, **settings) -> list[tuple[str, str]]:
    found = all_of(content, **settings)
    assert [row for row in found if not isinstance(row, Row)] == []
    return [(row.label, row.cell) for row in found]


def written(separator: str, line_end: str, header: bool, **dialect) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=line_end, **dialect)
    if header:
        writer.writerow(["Unnamed: 0", "Text", "a:b", "label"])
        writer.writerows([number, text, "x", label] for number, (label, text) in enumerate(ROWS))
    else:
        writer.writerows(ROWS)
    return file.getvalue()


@pytest.mark.parametrize(
    "escape", [{}, {"doublequote": False, "escapechar": "\\", "quoting": csv.QUOTE_ALL}], ids=["doubled", "Spark's"]
)
@pytest.mark.parametrize("header", [False, True], ids=["no header", "header"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_dialect_gives_the_same_rows(separator, line_end, header, escape):
    # The csv module quotes no newline in a cell if its line ends are others.
    content = written(separator, line_end, header, **({"quoting": csv.QUOTE_ALL} if line_end == "\r" else {}) | escape)

    assert rows_of(content.encode()) == ROWS


@pytest.mark.parametrize(("quote", "end"), [('\\"', "\\\\"), ('""', "\\")], ids=["Spark's", "doubled"])
def test_what_backslashes_before_quotes_mean_is_told_by_all_of_the_file(quote, end):
    texts = [*["plain " * 100 + "text"] * 250, 'a "quote"', "ends, with \\", 'a "\n"b"']
    written = [text.replace("\\", end).replace('"', quote) for text in texts]

    assert rows_of("".join(f'0,"{text}"\n' for text in written).encode()) == [("technical", text) for text in texts]


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"]
COMPRESSIONS = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_every_encoding_and_compression_gives_the_same_rows(encoding, compress):
    csv_file = written(";", "\r\n", header=True).encode(encoding)
    json_lines = "\n".join(json.dumps({"label": label, "text": text}, ensure_ascii=False) for label, text in ROWS)

    assert rows_of(compress(csv_file)) == ROWS
    assert rows_of(compress(json_lines.encode(encoding))) == ROWS


def test_blanks_after_the_separators_and_mixed_line_ends():
    content = b'0, "one, two"\r\n1, three\n0,"four"\r1,five\r0, six\n' * 40

    assert (
        rows_of(content)
        == [
            ("technical", "one, two"),
            ("marketing", " three"),
            ("technical", "four"),
            ("marketing", "five"),
            ("technical", " six"),
        ]
        * 40
    )


def test_tabs_separate_texts_with_quotes_of_their_own():
    content = b'label\ttext\n1\t"Great" he said\n0\t"unclosed, and so it stays\n1\tplain\n'

    assert rows_of(content) == [
        ("marketing", '"Great" he said'),
        ("technical", '"unclosed, and so it stays'),
        ("marketing", "plain"),
    ]


def test_a_header_row_in_the_middle_of_a_file_is_no_row():
    assert rows_of(b"label,text\n0,a\nlabel,text\n1,b\n") == [("technical", "a"), ("marketing", "b")]


def test_a_header_row_of_other_columns_is_rejected():
    content = b"label,text,note\n0,foo bar,ok\nlabel,note,text\n1,baz,ok\n"

    assert all_of(content)[1].reason == "other_header"


def test_excels_line_with_the_separator_hides_no_header():
    content = b"sep=;\r\ntext;id;label\r\nfoo, bar;7;0\r\n"
    source = Source("f", lambda: io.BytesIO(content))

    rows = [row for block in read_source(source, source.open(), PrepareSettings()) for row in block.rows()]

    assert [row.cell for row in rows if isinstance(row, Row)] == ["foo, bar"]


@pytest.mark.parametrize(
    "name", ["2026-01-07/labeled.csv/part-2025-01-01.csv", "dt=2026-01-07/a.csv", "2026/01/07/a.csv", "2026-01-07.csv"]
)
def test_the_date_of_a_file_is_the_first_one_in_its_path(name):
    assert source(name).date == "2026-01-07"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"0,a\n1,b\n", "no header row that names trust"), (b"label,text\n0,a\n", "no column trust")],
)
def test_a_confidence_that_cannot_be_checked_is_an_error(content, message):
    with pytest.raises(DataError, match=f"f, line 1: {message}, which is confidence_column"):
        rows_of(content, confidence_column="trust")


def test_what_was_not_certain_is_noted():
    notes: list[str] = []
    for content in ("1,caf\u00e9\n0,a\n".encode("cp1252"), "1,\u043f\u0440\u0438\u0432\u0435\u0442\n".encode("cp1251")):
        source = Source("f", lambda content=content: io.BytesIO(content))
        list(read_source(source, source.open(), PrepareSettings(), notes.append))

    assert [note.partition(".")[0] for note in notes] == [
        "f: not UTF-8; read as Windows' Western encoding (cp1252)",
        "f: not UTF-8, and its encoding cannot be told",
    ]
    assert rows_of("1,\u043f\u0440\u0438\u0432\u0435\u0442\n".encode("cp1251"), encoding="cp1251") == [
        ("marketing", "\u043f\u0440\u0438\u0432\u0435\u0442")
    ]


def source(name: str, hour: int = 0) -> Source:
    return Source(name, lambda: io.BytesIO(b""), modified=datetime(2026, 1, 1, hour, tzinfo=UTC))


def test_later_dates_and_newer_files_rank_higher_and_the_parts_of_a_file_rank_alike():
    names = {
        "2026-01-07/labeled.csv/part-0.csv.gz": 3,
        "2026-01-07/labeled.csv/part-1.csv": 1,
        "2026-01-07/labeled.csv/part-0-fixed.csv": 4,
        "2026-01-06/labeled.csv/part-0.csv": 9,
    }

    ranks = {found.name: found.rank for found in ranked([source(name, hour) for name, hour in names.items()])}

    assert list(ranks.values()) == [1, 1, 2, 0]


def test_a_csv_whose_first_text_begins_with_a_brace_is_no_json():
    content = b'{patched} the kernel,0\n"{offer, today}",1\nlambda is here,0\n'

    assert rows_of(content) == [
        ("technical", "{patched} the kernel"),
        ("marketing", "{offer, today}"),
        ("technical", "lambda is here"),
    ]


def test_json_lines_whose_first_lines_are_broken_are_json():
    content = b'{"label": 0, "text": "cut\n{"label": 1, "text": "whole"}\n'

    found = all_of(content)

    assert [(row.line, getattr(row, "reason", "")) for row in found] == [(1, "malformed"), (2, "")]
