"""What a label column may contain, and which label that is."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from include.config.mistakes import did_you_mean
from include.tweets.rows import BadRow
from include.tweets.supervised import LABEL_PREFIX

_WHOLE_NUMBER = re.compile(r"\+?(-?\d+)(?:\.0+)?")
"""Also as pandas writes whole numbers in a column that has empty cells: 1.0."""
_LEADING_ZEROS = re.compile(r"^0+(?=\d+$)")
_SEVERAL = re.compile(r"[\s,;|/\[\](){}'\"]+")
SHOWN_CHARACTERS = 50


def _folded(spelling: str) -> str:
    text = unicodedata.normalize("NFC", spelling).strip().removeprefix(LABEL_PREFIX).casefold()
    number = _WHOLE_NUMBER.fullmatch(text)
    return number[1] if number else text


@dataclass(frozen=True, slots=True)
class Labels:
    """
    The labels of a hashtag.

    :param names_by_id: label names by label id. Several ids may have the same name. Files may use either.
    """

    names_by_id: Mapping[str, str]
    exact: dict[str, str] = field(init=False, repr=False, compare=False)
    """Names by ids and names as they stand in the settings."""
    _by_folded: dict[str, set[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        exact = {**{name: name for name in self.names_by_id.values()}, **self.names_by_id}
        by_folded: defaultdict[str, set[str]] = defaultdict(set)
        for spelling, name in exact.items():
            by_folded[_folded(spelling)].add(name)
        object.__setattr__(self, "exact", exact)
        object.__setattr__(self, "_by_folded", by_folded)

    @property
    def names(self) -> list[str]:
        """The different names, in their order."""
        return list(dict.fromkeys(self.names_by_id.values()))

    @property
    def spellings(self) -> list[str]:
        """Ids and names."""
        return list(self.exact)

    def is_exact(self, spelling: str) -> bool:
        """Whether this is an id or a name as it stands in the settings."""
        return spelling in self.exact

    def find(self, spelling: str) -> str | None:
        """
        The label's name; None if this is no label.

        Blanks around it, capitals, and ``+``, zeros or ``.0`` around a number make no difference, unless two labels
        differ in nothing else.
        """
        if (name := self.exact.get(spelling)) is not None:
            return name
        folded = _folded(spelling)
        names = self._by_folded.get(folded) or self._by_folded.get(_LEADING_ZEROS.sub("", folded)) or set()
        return next(iter(names)) if len(names) == 1 else None

    def read(self, spelling: str) -> str:
        """
        The label's name.

        :raises BadRow: this is no label, or several
        """
        if (name := self.find(spelling)) is not None:
            return name
        shown = spelling.strip()[:SHOWN_CHARACTERS]
        if not shown:
            raise BadRow("missing_label", "the label is empty")
        parts = [part for part in _SEVERAL.split(spelling) if part]
        if len(parts) > 1 and all(self.find(part) for part in parts):
            raise BadRow("several_labels", f"label {shown!r} names several labels; expected one label a row")
        meant = did_you_mean(shown, self.spellings)
        raise BadRow("unknown_label", f"label {shown!r} is not one of: {', '.join(self.spellings)}"[:500] + meant)

    def all_titles(self, titles: Iterable[str]) -> list[str]:
        """The labels that have a column of their own, which is how multi-label data are often written."""
        return [name for title in titles if (name := self.find(title)) is not None]
