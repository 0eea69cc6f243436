import csv
import io

from include.tweets.cells import csv_line
from include.tweets.rejected import RejectedRows
from include.tweets.rows import Rejection


def test_rejected_rows_are_counted_by_reason_and_the_labellers_doing_is_no_bad_row():
    rows = RejectedRows()
    rows.add(Rejection("f.csv", 1, "label_tie", "a tie"))
    rows.add(Rejection("f.csv", 2, "malformed", 'a "quote"', "with, comma\nand more"))
    rows.add(Rejection("f.csv", 3, "malformed", "another"))

    assert (rows.counts, rows.bad, len(rows)) == ({"label_tie": 1, "malformed": 2}, 2, 3)
    assert rows.first_bad is not None and rows.first_bad.line == 2
    table = list(csv.reader(io.StringIO("".join(rows.lines), newline="")))
    assert table[1] == ["f.csv", "2", "malformed", 'a "quote"', "with, comma\nand more"]


def test_counting_without_lines():
    counted, rows = RejectedRows(), RejectedRows()
    rows.add(Rejection("f.csv", 1, "empty_text", ""))
    counted.count(rows)

    assert (counted.counts, counted.lines) == ({"empty_text": 1}, [])


def test_a_line_of_csv_ends_in_a_newline():
    assert csv_line(("a", 1, "b,c")) == 'a,1,"b,c"\n'
