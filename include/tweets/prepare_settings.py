"""Settings of `include.tweets.prepare`. Its output depends on them and on the rows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from include.config.errors import ConfigurationError
from include.config.preparation import Recipe, check_labels
from include.tweets.split import SPLIT_RULE, Fractions
from include.tweets.tokens import TOKENS_RULE


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """
    Settings, which are checked when an object is created.

    :raises ConfigurationError: a value is not valid
    """

    labels: Mapping[str, str] = field(default_factory=lambda: {"0": "technical", "1": "marketing"})
    """Label names by label id. The files may use either."""
    recipe: Recipe = "clean"
    seed: int = 0
    fractions: Fractions = field(default_factory=Fractions)
    min_confidence: float = 0.0
    """Labels in Ground Truth's manifests with less confidence are rejected."""
    max_rejected_share: float = 0.1
    """A larger share of bad rows is an error."""

    def __post_init__(self) -> None:
        check_labels(self.labels)
        if not 0 <= self.min_confidence <= 1:
            raise ConfigurationError(f"min_confidence must be between 0 and 1, not {self.min_confidence}")
        if not 0 <= self.max_rejected_share <= 1:
            raise ConfigurationError(f"max_rejected_share must be between 0 and 1, not {self.max_rejected_share}")

    @property
    def rule(self) -> str:
        """
        A fingerprint of labels, tokens and split. Models with the same rule can be compared: they have the same labels
        and the same tokens, and no test tweet of one is a train tweet of the other.
        """
        parts = (sorted(self.labels.values()), self.recipe, self.seed, asdict(self.fractions), SPLIT_RULE, TOKENS_RULE)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
