"""Settings of `include.tweets.prepare`. Its output depends on them and on the rows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from include.config.errors import ConfigurationError
from include.config.preparation import Recipe, check_encoding, check_labels
from include.tweets.formats.columns import ColumnNames
from include.tweets.labels import Labels
from include.tweets.split import SPLIT_RULE, Fractions
from include.tweets.tokens import TOKENS_RULE


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """
    Settings, which are checked when an object is created.

    :raises ConfigurationError: a value is not valid
    """

    labels: Mapping[str, str] = field(default_factory=lambda: {"0": "technical", "1": "marketing"})
    """Label names by label id. The files may use either. Several ids may have the same name."""
    recipe: Recipe = "clean"
    seed: int = 0
    fractions: Fractions = field(default_factory=Fractions)
    min_confidence: float = 0.0
    """Labels with less confidence are rejected: Ground Truth's, and those of files with a `confidence_column`."""
    label_column: str = ""
    """The label column's name; empty for one of LABEL_COLUMNS."""
    text_column: str = ""
    """The text column's name; empty for one of TEXT_COLUMNS."""
    confidence_column: str = ""
    """The name of the column with the labels' confidence; empty for none."""
    label_attribute: str = ""
    """The labelling job's attribute in Ground Truth's manifests; empty for the newest one."""
    encoding: str = ""
    """The encoding of files that are not UTF-8; empty if it is to be detected."""
    max_rejected_share: float = 0.1
    """A larger share of bad rows is an error."""
    max_rejected_share_of_file: float = 0.5
    """A file with a larger share of bad rows is a warning, and an error if its date has no better one."""

    def __post_init__(self) -> None:
        check_labels(self.labels)
        check_encoding(self.encoding)
        for name in ("min_confidence", "max_rejected_share", "max_rejected_share_of_file"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} must be between 0 and 1, not {getattr(self, name)}")

    @property
    def known_labels(self) -> Labels:
        """What the label column may contain."""
        return Labels(self.labels)

    @property
    def label_names(self) -> list[str]:
        """The different names of the labels, in their order."""
        return self.known_labels.names

    @property
    def columns(self) -> ColumnNames:
        """How the files' columns are called."""
        return ColumnNames(self.label_column, self.text_column, self.confidence_column)

    @property
    def rule(self) -> str:
        """
        A fingerprint of labels, tokens and split. Models with the same rule can be compared: they have the same labels
        and the same tokens, and no test tweet of one is a train tweet of the other.
        """
        parts = (sorted(self.label_names), self.recipe, self.seed, asdict(self.fractions), SPLIT_RULE, TOKENS_RULE)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
