"""The columns of labelled files, and by which names they are found."""

from collections.abc import Sequence
from dataclasses import dataclass

from include.config.errors import DataError
from include.tweets.labels import Labels

LABEL_COLUMNS = ("label", "class", "category", "target", "sentiment")
TEXT_COLUMNS = ("full_text", "text", "tweet", "body", "content", "message", "sentence")
SHOWN_CHARACTERS = 300
"""So much of a header row is shown in messages."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The positions of a row's columns, from 0."""

    label: int = 0
    text: int = 1
    confidence: int | None = None
    count: int = 2
    """Those without titles that follow, as spreadsheets write them, are not counted: their cells must be empty."""


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """
    How the columns are called.

    :param label: the label column's name; empty for one of LABEL_COLUMNS
    :param text: the text column's name; empty for one of TEXT_COLUMNS
    :param confidence: the name of the column with the label's confidence; empty for none
    """

    label: str = ""
    text: str = ""
    confidence: str = ""

    @property
    def labels(self) -> Sequence[str]:
        """The possible names of the label column, the likeliest first."""
        return (self.label,) if self.label else LABEL_COLUMNS

    @property
    def texts(self) -> Sequence[str]:
        """The possible names of the text column, the likeliest first."""
        return (self.text,) if self.text else TEXT_COLUMNS

    def find(self, titles: Sequence[str]) -> Columns | None:
        """The columns that these titles name; None unless there is both a label and a text column."""
        label, text = _position(titles, self.labels), _position(titles, self.texts)
        if label is None or text is None or label == text:
            return None
        confidence = _position(titles, (self.confidence,)) if self.confidence else None
        count = max(position for position, title in enumerate(titles, start=1) if title.strip())
        return Columns(label, text, confidence, count)

    def repeated(self, titles: Sequence[str]) -> str | None:
        """The name of a column that is read, if several titles are the same name; None if there is no such one."""
        found = self.find(titles)
        if found is None:
            return None
        folded = [title.strip().casefold() for title in titles]
        read = [folded[column] for column in (found.label, found.text, found.confidence) if column is not None]
        return next((name for name in read if folded.count(name) > 1), None)

    def missing(self, where: str, titles: Sequence[str], labels: Labels) -> DataError:
        """
        The error that titles name no label or no text column, or not that of the confidence.

        :param where: the file, and the line if it has one
        """
        shown = ", ".join(title.strip() for title in titles)[:SHOWN_CHARACTERS]
        if _position(titles, self.labels) is None:
            own_columns = labels.all_titles(titles)
            if len(own_columns) > 1:
                return DataError(
                    f"{where}: multi-label data: the columns {', '.join(own_columns)[:SHOWN_CHARACTERS]} are labels. "
                    f"Expected one label a row, in a column with one of the names: {', '.join(self.labels)}."
                )
            column, names, setting = "label", self.labels, "label_column"
        else:
            column, names, setting = "text", self.texts, "text_column"
        return DataError(
            f"{where}: the columns ({shown}) include no {column} column. Name it {' or '.join(names)}, or set "
            f"{setting} to its name."
        )

    def ambiguous(self, where: str, name: str) -> DataError:
        """The error that several columns have the same name, and no setting can tell which one is meant."""
        return DataError(
            f"{where}: several columns are called {name} (capitals make no difference). Rename those that are not "
            "meant."
        )

    def names_any(self, titles: Sequence[str]) -> bool:
        """Whether one of these titles is that of a label or a text column."""
        return _position(titles, (*self.labels, *self.texts)) is not None


def _position(titles: Sequence[str], names: Sequence[str]) -> int | None:
    """The position of the first of these names that is a title. Blanks and capitals make no difference."""
    folded = [title.strip().casefold() for title in titles]
    return next((folded.index(name.casefold()) for name in names if name.casefold() in folded), None)
