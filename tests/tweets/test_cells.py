import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.cells import csv_line, read_csv


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = write(tmp_path_factory.mktemp("cells"), rows)

    assert [list(row.values()) for row in read_csv(path)] == rows


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''=1", "＝1", '=HYPERLINK("http://x")']
)
def test_no_cell_is_a_formula_for_a_spreadsheet(tmp_path, cell):
    path = write(tmp_path, [[cell, "plain"]])

    with path.open(newline="", encoding="utf-8") as file:
        raw = list(csv.reader(file))[1][0]
    assert raw == f"'{cell}"
    assert next(read_csv(path)) == {"a": cell, "b": "plain"}


@pytest.mark.parametrize("cell", ["'quoted'", "it's", "a=b", "1-1", "", "'"])
def test_any_other_cell_stays_as_it_is(cell):
    assert next(csv.reader([csv_line([cell, "x"])]))[0] == cell


def write(folder: Path, rows: list[list[str]]) -> Path:
    path = folder / "cells.csv"
    path.write_text("".join(map(csv_line, [["a", "b"], *rows])), encoding="utf-8", newline="")
    return path
