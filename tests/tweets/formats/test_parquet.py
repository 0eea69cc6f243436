import io
from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest

from include.config.errors import DataError
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Rejection
from include.tweets.sources import Source, read_source


def parquet(**columns) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file, compression="snappy")
    return file.getvalue()


def read(content: bytes, **settings):
    source = Source("f.parquet", lambda: io.BytesIO(content))
    return [row for block in read_source(source, source.open(), PrepareSettings(**settings)) for row in block.rows()]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(pyarrow.array([0, 1]), id="integers"),
        pytest.param(pyarrow.array([0.0, 1.0]), id="floats"),
        pytest.param(pyarrow.array(["0", "marketing"]), id="texts"),
        pytest.param(pyarrow.array(["0", "1"]).dictionary_encode(), id="categories"),
        pytest.param(pyarrow.array([b"0", b"1"]), id="bytes"),
        pytest.param(pyarrow.array([[0], [1]]), id="lists of one"),
        pytest.param(pyarrow.array(["0", "1"], pyarrow.large_string()), id="large texts"),
        pytest.param(pyarrow.array([Decimal("0.00"), Decimal("1.00")]), id="decimals"),
    ],
)
def test_rows_are_read_whatever_the_type_of_the_label(labels):
    rows = read(parquet(id=pyarrow.array([{"a": 1}, {"a": 2}]), text=["one\ntwo", "caf\u00e9"], label=labels))

    assert [(row.line, row.label, row.cell) for row in rows] == [
        (1, "technical", "one\ntwo"),
        (2, "marketing", "caf\u00e9"),
    ]


def test_a_bad_row_costs_that_row_and_has_its_number():
    rows = read(parquet(label=[0, None, 1, 7], text=["a", "b", None, "d"]))

    assert [(row.line, row.reason) for row in rows if isinstance(row, Rejection)] == [
        (2, "missing_label"),
        (3, "empty_text"),
        (4, "unknown_label"),
    ]


def test_columns_and_confidence_are_those_of_the_settings():
    rows = read(
        parquet(sentiment=["0", "1"], opinion=["a", "b"], trust=[0.4, 0.6], text=["x", "y"]),
        label_column="sentiment",
        text_column="opinion",
        confidence_column="trust",
        min_confidence=0.5,
    )

    assert (rows[0].reason, rows[1].cell) == ("low_confidence", "b")


def test_bytes_that_are_not_utf8_cost_their_row():
    rejected, row = read(parquet(label=[0, 1], text=[b"caf\xe9", b"fine"]))

    assert (rejected.reason, rejected.line, row.cell) == ("not_utf8", 1, "fine")


def test_two_columns_of_one_name_are_an_error():
    table = pyarrow.Table.from_arrays(
        [pyarrow.array([0]), pyarrow.array(["a"]), pyarrow.array(["b"])], ["label", "text", "text"]
    )
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)

    with pytest.raises(DataError, match="several columns are called text"):
        read(file.getvalue())


def test_a_file_without_the_columns_or_that_is_damaged_is_an_error_with_its_name():
    with pytest.raises(DataError, match=r"f\.parquet: the columns \(id, text\) include no label column"):
        read(parquet(id=[1], text=["a"]))
    with pytest.raises(DataError, match=r"f\.parquet: the Parquet file cannot be read"):
        read(parquet(label=[1], text=["a"])[:-20] + b"PAR1")
