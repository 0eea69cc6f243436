"""
Which tweet is trained on, validated on, tested on: a function of the tweet and the seed alone.

So a tweet stays in its split on every day and in every backfill, the test split is frozen while the data grow, and a
model of yesterday has not been trained on a test tweet of today. The price is that splits are not stratified: with
few tweets their sizes and label shares vary.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

from include.config.errors import ConfigurationError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

SPLIT_RULE = 1
"""To be counted up with any change that puts a tweet into another split: models from before are then not compared with
later ones, whose test tweets they may have been trained on."""


@dataclass(frozen=True, slots=True)
class Fractions:
    """Shares of the tweets in each split; they add up to 1."""

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if not (min(shares) > 0 and abs(sum(shares) - 1) < 1e-9):  # NaN fails every comparison
            raise ConfigurationError(f"split fractions must be positive and add up to 1, not {shares}")


def keyed_hash(text: str, seed: int, purpose: bytes) -> bytes:
    """16 bytes that depend on text, seed and purpose; uniform, the same on every machine."""
    return blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=16, key=str(seed).encode(), person=purpose
    ).digest()


def assign(group: str, seed: int, fractions: Fractions) -> Split:
    """The split of all tweets of a group (see `include.tweets.cleaning.Tweet.group`)."""
    position = int.from_bytes(keyed_hash(group, seed, b"split")[:8], "big") / 2**64
    if position < fractions.test:
        return "test"
    return "validation" if position < fractions.test + fractions.validation else "train"
