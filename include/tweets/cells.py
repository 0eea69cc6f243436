"""
The CSV files that prepare writes for people. A spreadsheet that opens one takes no cell for a formula, and what
`read_csv` reads is what was written.

https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_LIKE_A_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet takes for a formula (the last four are full-width), or that an apostrophe has
made into text."""


class _NewlineForReturns(io.StringIO):
    """A row as csv writes it, which ends with a newline alone."""

    def write(self, row: str) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def csv_line(cells: Iterable[object]) -> str:
    """One row, with its newline. A cell that looks like a formula gets an apostrophe, which makes it text."""
    return csv_lines([cells])


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows, as `csv_line` makes them one by one."""
    lines = _NewlineForReturns()
    # With this terminator csv quotes cells with a carriage return. Without quotes it would end the row for readers.
    writer = csv.writer(lines, lineterminator="\r\n")
    for cells in rows:
        texts = map(str, cells)
        writer.writerow([f"'{text}" if _LIKE_A_FORMULA.match(text) else text for text in texts])
    return lines.getvalue()


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """The rows of such a file, as they were before `csv_line`, by column."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {column: cell[1:] if _is_escaped(cell) else cell for column, cell in row.items()}


def _is_escaped(cell: str) -> bool:
    return cell.startswith("'") and _LIKE_A_FORMULA.match(cell) is not None
