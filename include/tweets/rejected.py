"""Rows that are set aside, as rejected.csv lists them."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from include.tweets.rows import Rejection

REJECTED_COLUMNS = ("file", "line", "reason", "detail", "content")
LABELLING_REASONS = ("label_tie", "label_outvoted", "label_superseded", "low_confidence", "not_labelled")
"""Rows set aside because of what labellers did: no fault of the row, so not counted as bad rows."""


@dataclass(slots=True)
class RejectedRows:
    """Some rejected rows in order, counted by reason."""

    lines: list[str] = field(default_factory=list)
    """For rejected.csv."""
    counts: Counter[str] = field(default_factory=Counter)
    first_bad: Rejection | None = None

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def bad(self) -> int:
        return sum(count for reason, count in self.counts.items() if reason not in LABELLING_REASONS)

    def add(self, rejection: Rejection) -> None:
        self.lines.append(csv_line([getattr(rejection, column) for column in REJECTED_COLUMNS]))
        self.counts[rejection.reason] += 1
        if self.first_bad is None and rejection.reason not in LABELLING_REASONS:
            self.first_bad = rejection

    def count(self, others: "RejectedRows") -> None:
        """Count further rows as well, without their lines."""
        self.counts.update(others.counts)
        self.first_bad = self.first_bad or others.first_bad

    def extend(self, others: "RejectedRows") -> None:
        self.lines += others.lines
        self.count(others)


def csv_line(cells: Iterable[object]) -> str:
    """One row, with its newline. A cell with a carriage return is quoted: readers take a bare one for the row's end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()[:-2] + "\n"
