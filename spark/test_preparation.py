"""Preparation on Spark writes the same bytes as on one machine, also where it fails."""

import gzip
import json
import os
import random
import sys
from functools import partial
from pathlib import Path

import pytest

from include.config.errors import DataError
from include.spark import preparation
from include.spark.preparation import SparkPreparation, chunks_of
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.sources import Source, ranked

REPOSITORY = Path(__file__).parents[1]
SAMPLES = REPOSITORY / "include" / "sample_data" / "hashtags"
WORDS = ["kernel", "lambda", "webinar", "the", "of", "RT @you", "http://t.co/x", "#aws", "😀", "don't", "U.S.", "e.g."]


def rows(count: int, seed: int, label: str = "01") -> str:
    """Tweets of which some repeat, with contradictory labels, quoted line ends, empty texts and unknown labels."""
    choice = random.Random(seed)
    lines = []
    for _ in range(count):
        text = " ".join(choice.choices(WORDS, k=choice.randint(1, 6)))
        text = choice.choice([text, text, text + "!", f'"{text}, and\nmore"', f"b'{text}'"])
        lines.append(f"{choice.choice(label)},{text}\n")
    lines[count // 2 : count // 2] = ["7,unknown label\n", "1,\n", "0,b'\\xff'\n"]
    return "".join(lines)


def texts(count: int) -> list[str]:
    choice = random.Random(count)
    return [" ".join(choice.choices(WORDS, k=6)) for _ in range(count)]


BIG = rows(6000, 1).encode()
INPUTS = {
    "plain": {"a/2026-01-05/part-0.csv": BIG, "a/2026-01-06/part-0.csv": rows(50, 2).encode()},
    "byte order mark": {"part.csv": b"\xef\xbb\xbf" + BIG},
    "windows line ends": {"part.csv": BIG.replace(b"\n", b"\r\n")},
    "old line ends": {"part.csv": "".join(f"{n % 2},{text}\r" for n, text in enumerate(texts(500))).encode()},
    "western": {"part.csv": BIG.decode().replace("😀", "é").encode("cp1252")},
    "utf-16": {"part.csv": BIG.decode().encode("utf-16")},
    "gzip": {"part.csv.gz": gzip.compress(BIG, mtime=0)},
    "header": {"part.csv": b"label,text\n" + BIG},
    "semicolons": {"part.csv": "".join(f"{n % 2};{text}\n" for n, text in enumerate(texts(3000))).encode()},
    "json lines": {
        "part.json": "".join(
            json.dumps({"label": str(n % 2), "text": text}) + "\n" for n, text in enumerate(texts(3000))
        ).encode()
    },
    "a line that is too long": {"part.csv": BIG + b"1," + b"x" * 200_000 + b"\n" + BIG},
    "ties between dates": {f"a/2026-01-0{day}/p.csv": rows(400, day).encode() for day in (1, 2, 3)},
}
BAD = {
    "no rows": {"part.csv": b"\n\n"},
    "too many bad rows": {"part.csv": rows(500, 1, "0178").encode()},
    "one label": {"part.csv": rows(500, 1, "0").encode()},
    "a damaged file": {"a.csv.gz": gzip.compress(BIG, mtime=0)[:20_000], "b.csv": BIG},
    "binary": {"part.csv": bytes(range(256)) * 400},
    "too few tweets": {"part.csv": b"0,one\n1,two\n"},
}


@pytest.fixture(scope="session")
def context():
    from pyspark import SparkConf, SparkContext

    os.environ.update(PYTHONPATH=str(REPOSITORY), PYSPARK_PYTHON=sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    with SparkContext("local[2]", "tests", conf=SparkConf().setAll(settings.items())) as context:
        yield context


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(preparation, "CHUNK_BYTES", 32 * 1024)
    monkeypatch.setattr(preparation, "PARTITIONS_PER_CORE", 2)


def both(context, tmp_path, sources, settings):
    """What one machine and Spark write, by the names of files, and the errors."""
    outputs = []
    for name, kind in (("one", None), ("spark", partial(SparkPreparation, context=context))):
        error = None
        try:
            prepare(sources, tmp_path / name, settings, processes=1, kind=kind)
        except DataError as raised:
            error = (type(raised), str(raised))
        written = {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())}
        outputs.append((written, error))
    return outputs


def sources_of(folder: Path, files: dict[str, bytes]) -> list[Source]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return ranked([Source.from_path(folder / name, name) for name in sorted(files)])


@pytest.mark.parametrize("files", INPUTS.values(), ids=INPUTS)
def test_the_same_bytes(context, tmp_path, files):
    one, spark = both(context, tmp_path, sources_of(tmp_path / "in", files), PrepareSettings())

    assert one[1] is None
    assert len(one[0]) == 6
    assert spark == one


@pytest.mark.parametrize("files", BAD.values(), ids=BAD)
def test_the_same_bytes_and_message_where_it_fails(context, tmp_path, files):
    one, spark = both(context, tmp_path, sources_of(tmp_path / "in", files), PrepareSettings())

    assert one[1] is not None
    assert set(one[0]) == {"rejected.csv", "report.json"}
    assert spark == one


def test_the_samples_with_other_settings(context, tmp_path):
    files = {str(path.relative_to(SAMPLES)): path.read_bytes() for path in SAMPLES.rglob("part-*.csv")}
    settings = PrepareSettings(recipe="original", seed=7, max_rejected_share=1.0)

    one, spark = both(context, tmp_path, sources_of(tmp_path / "in", files), settings)

    assert spark == one


def test_large_files_are_cut_where_their_rows_can_be_read_from_the_middle(tmp_path):
    cut = {
        name: len(chunks_of(0, source, PrepareSettings()))
        for name, files in INPUTS.items()
        for source in sources_of(tmp_path / name, files)[:1]
    }

    assert {name for name, count in cut.items() if count > 1} == {
        "plain",
        "byte order mark",
        "windows line ends",
        "header",
        "semicolons",
        "json lines",
    }
