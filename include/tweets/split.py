"""
The split of each tweet: train, validation or test. It depends only on the tweet and the seed.

So a tweet is in the same split on every date and in every backfill, and no earlier model was trained on a test tweet of
today. The drawback: splits are not stratified, so with few tweets their sizes and label shares vary.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Literal, get_args

from include.config.errors import ConfigurationError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

SPLIT_RULE = 2
"""
Increase this with every change that puts a tweet into another split. Models from before the change may have been
trained on test tweets of later ones, so they are not compared.
"""


@dataclass(frozen=True, slots=True)
class Fractions:
    """The share of tweets in each split. They add up to 1."""

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if not (min(shares) > 0 and abs(sum(shares) - 1) < 1e-9):  # NaN fails every comparison
            raise ConfigurationError(f"split fractions must be positive and add up to 1, not {shares}")


def keyed_hash(text: str, seed: int, purpose: bytes) -> bytes:
    """A uniform hash of 16 bytes, the same on every machine. Hashes for different purposes are independent."""
    hashed = _empty_hash(seed, purpose).copy()  # which is faster than a new one
    hashed.update(text.encode("utf-8", "surrogatepass"))
    return hashed.digest()


@cache
def _empty_hash(seed: int, purpose: bytes) -> blake2b:
    return blake2b(digest_size=16, key=str(seed).encode(), person=purpose)


def assign(group: str, seed: int, fractions: Fractions) -> Split:
    """The split of a group of near copies (see `include.tweets.cleaning.groups`)."""
    position = int.from_bytes(keyed_hash(group, seed, b"split")[:8], "big") / 2**64
    if position < fractions.test:
        return "test"
    return "validation" if position < fractions.test + fractions.validation else "train"
