"""
Labelled short texts, prepared as `prepare` does it: real tweets where they are at hand, the sample tweets, and texts
that are made here.

Made texts have words with the frequencies of Zipf's law. In the texts of each label, some words are more frequent than
in those of the others. A share of the labels is wrong, as people's are.
"""

import csv
import os
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from include.tweets.prepare import PrepareSettings, Source, prepare
from include.tweets.split import Split
from include.tweets.supervised import parse_example

REPOSITORY = Path(__file__).parents[1]
REAL_TWEETS = REPOSITORY.parent / "shared" / "data"
SAMPLES = REPOSITORY / "include" / "sample_data" / "hashtags" / "aws"
SIZES = (500, 2_000, 8_000, 30_000)
KINDS = ((2, 0.1), (4, 0.2), (10, 0.0))
"""Number of labels, and share of wrong ones, of the made texts."""
LARGEST = 30_000
VOCABULARY = 20_000
WORDS_PER_TEXT = 15
TELLING_SHARE = 0.3
"""So many of the words are more frequent with one of the labels."""
TELLING_FACTOR = 4.0

Rows = list[tuple[str, str]]
"""Labels and texts."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that is split into files of BlazingText's channels: train.txt, validation.txt, test.txt."""

    name: str
    folder: Path
    labels: tuple[str, ...]
    """In an order that does not depend on the data."""

    def path(self, split: Split) -> Path:
        return self.folder / f"{split}.txt"

    def examples(self, split: Split) -> Rows:
        """Labels, and tokens that are separated by blanks."""
        with self.path(split).open(encoding="utf-8", newline="\n") as lines:
            return [parse_example(line) for line in lines]


def data_sets(folder: Path) -> Iterator[DataSet]:
    """Prepare one set after the other, each below the folder."""
    for name, rows in _all_rows():
        labels = sorted({label for label, _ in rows})
        out = folder / name.replace(" ", "-")
        out.mkdir()
        with (out / "rows.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("label", "text"), *rows])
        settings = PrepareSettings(labels={label: label for label in labels}, max_rejected_share=1)
        prepare([Source.from_path(out / "rows.csv")], out, settings, processes=1)
        yield DataSet(name, out, tuple(labels))


def _all_rows() -> Iterator[tuple[str, Rows]]:
    yield "samples", _labelled(SAMPLES)
    data = Path(os.environ.get("RETRAIN_BENCHMARK_DATA") or REAL_TWEETS)
    if data.is_dir():
        yield from _real(data)
    for size in SIZES:
        for labels, wrong in KINDS:
            yield f"made {size:,}, {labels} labels", made_texts(size, labels, wrong)


def _real(data: Path) -> Iterator[tuple[str, Rows]]:
    """The tweets of each collection, of its middle date, and of all events together."""
    hashtags = sorted(folder for folder in data.glob("*/hashtags/*") if any(folder.rglob("*.csv")))
    rows = {folder.name: _labelled(folder) for folder in hashtags}
    for folder in hashtags:
        yield folder.name, rows[folder.name]
        dates = sorted(folder.iterdir())
        if len(dates) > 1:
            yield f"{folder.name} {dates[len(dates) // 2].name}", _labelled(dates[len(dates) // 2])
    events = [folder.name for folder in hashtags if folder.parents[1].name == "crisis"]
    if events:
        yield from _all_events({name: rows[name] for name in events})


def _all_events(rows: dict[str, Rows]) -> Iterator[tuple[str, Rows]]:
    """Two questions: whether a tweet is on topic, and during which event a tweet off topic was sent."""
    everything = [(event, label, text) for event, labelled in rows.items() for label, text in labelled]
    random.Random(0).shuffle(everything)
    yield "crisis, on topic?", [(label, text) for _, label, text in everything][:LARGEST]
    yield "crisis, which?", [(event, text) for event, label, text in everything if label == "0"][:LARGEST]


def _labelled(folder: Path) -> Rows:
    rows = []
    for path in sorted(path for path in folder.rglob("*.csv") if path.is_file()):
        with path.open(encoding="utf-8", newline="") as file:
            rows += [(row[0], row[1]) for row in csv.reader(file) if len(row) == 2 and row[0] in ("0", "1")]
    return rows


def made_texts(size: int, labels: int, wrong: float) -> Rows:
    """Made texts, the same ones each time. `wrong` is the share of labels that are drawn again, whatever the text."""
    chance = random.Random(f"{size} {labels} {wrong}")
    words = _words(chance)
    names = [f"label{number}" for number in range(labels)]
    frequencies = {name: list(accumulate(_frequencies(chance))) for name in names}
    rows = []
    for _ in range(size):
        name = chance.choice(names)
        text = " ".join(chance.choices(words, cum_weights=frequencies[name], k=WORDS_PER_TEXT))
        rows.append((chance.choice(names) if chance.random() < wrong else name, text))
    return rows


def _words(chance: random.Random) -> list[str]:
    """Of letters only: `prepare` takes texts that differ by their numbers only for the same."""
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(chance.choices(string.ascii_lowercase, k=5))] = None
    return list(words)


def _frequencies(chance: random.Random) -> Iterator[float]:
    for rank in range(1, VOCABULARY + 1):
        yield (TELLING_FACTOR if chance.random() < TELLING_SHARE else 1.0) / rank
