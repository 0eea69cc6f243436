"""Rejected rows, as rejected.csv lists them."""

from collections import Counter
from dataclasses import dataclass, field

from include.tweets.cells import csv_line
from include.tweets.rows import Rejection

REJECTED_COLUMNS = ("file", "line", "reason", "detail", "content")
UNKNOWN_LABEL = "unknown_label"
LABELLING_REASONS = ("label_tie", "label_outvoted", "label_superseded", "low_confidence", "not_labelled")
"""Reasons that lie in the labels and not in the row. These rows do not count as bad rows."""


@dataclass(slots=True)
class RejectedRows:
    """Rejected rows in order, and their counts by reason."""

    lines: list[str] = field(default_factory=list)
    """Lines of rejected.csv."""
    counts: Counter[str] = field(default_factory=Counter)
    first_bad: Rejection | None = None
    first_unknown_label: Rejection | None = None

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def bad(self) -> int:
        """The number of bad rows."""
        return sum(count for reason, count in self.counts.items() if reason not in LABELLING_REASONS)

    def add(self, rejection: Rejection) -> None:
        self.lines.append(csv_line([getattr(rejection, column) for column in REJECTED_COLUMNS]))
        self.counts[rejection.reason] += 1
        if self.first_bad is None and rejection.reason not in LABELLING_REASONS:
            self.first_bad = rejection
        if self.first_unknown_label is None and rejection.reason == UNKNOWN_LABEL:
            self.first_unknown_label = rejection

    def count(self, others: "RejectedRows") -> None:
        """Add the counts of other rows, but not their lines."""
        self.counts.update(others.counts)
        self.first_bad = self.first_bad or others.first_bad
        self.first_unknown_label = self.first_unknown_label or others.first_unknown_label
