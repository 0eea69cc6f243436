"""Small data of the form that the notebooks download, made from the sample tweets, and their preparation of it."""

import csv
import os
import random
from pathlib import Path

INCLUDE = Path(__file__).parents[1] / "include"
SAMPLES = sorted(INCLUDE.glob("sample_data/hashtags/aws/*/labeled.csv/part-*.csv"))
INDEX_TO_LABEL = {"0": "technical", "1": "marketing"}

# Instead of nltk.download("punkt"), which needs the network. nltk reads this when it is imported.
os.environ["NLTK_DATA"] = str(INCLUDE / "tweets" / "nltk_data")


def write_dbpedia(folder: Path) -> None:
    """DBpedia's files: classes.txt, and train.csv and test.csv with the class's number, a title and a text."""
    folder.mkdir()
    (folder / "classes.txt").write_text("".join(f"{label}\n" for label in INDEX_TO_LABEL.values()))
    *train, test = SAMPLES
    for name, samples in {"train.csv": train, "test.csv": [test]}.items():
        rows = [_in_dbpedia_form(*row) for sample in samples for row in _read_csv(sample)]
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)


def read_classes(path: Path) -> dict[str, str]:
    """The classes by their numbers, from 1."""
    return {str(number): label for number, label in enumerate(path.read_text().splitlines(), 1)}


def preprocess(source: Path, target: Path, index_to_label: dict[str, str], keep: float = 1) -> None:
    """Write a share of the rows as BlazingText reads them: the label and the tokens of the other columns."""
    rows = _read_csv(source)
    random.Random(1).shuffle(rows)
    with target.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=" ", lineterminator="\n")
        for index, *texts in rows[: int(keep * len(rows))]:
            words = [token for text in texts for token in tokens(text.lower())]
            writer.writerow([f"__label__{index_to_label[index]}", *words])


def tokens(text: str) -> list[str]:
    """The tokens of the notebooks."""
    import nltk  # only here, after NLTK_DATA

    return nltk.word_tokenize(text)


def _in_dbpedia_form(index: str, tweet: str) -> list[str]:
    title, _, text = tweet.partition(",")
    return [str(int(index) + 1), title, text]


def _read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))
