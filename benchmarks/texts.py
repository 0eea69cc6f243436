"""Texts to train on, made up: word frequencies as Zipf has them, two labels that some words tell apart."""

import random
from pathlib import Path


def write_supervised(path: Path, lines: int, vocabulary: int = 30_000, words_per_line: int = 15) -> int:
    """Write labelled lines, the same ones each time; returns the number of words."""
    chance = random.Random(0)
    words = [f"word{number}" for number in range(vocabulary)]
    weights = [1 / (rank + 1) for rank in range(vocabulary)]
    telling = {
        "technical": ["lambda", "bucket", "kernel", "region"],
        "marketing": ["coupon", "webinar", "offer", "deal"],
    }
    with path.open("w") as file:
        for _ in range(lines):
            label = chance.choice(list(telling))
            tokens = chance.choices(words, weights, k=words_per_line - 1)
            tokens.insert(chance.randrange(words_per_line), chance.choice(telling[label]))
            file.write(f"__label__{label} {' '.join(tokens)}\n")
    return lines * words_per_line
