"""Labelled rows: CSV, the collector's nested rows, Ground Truth's manifests; gzipped, in UTF-16, or damaged."""

import csv
import gzip
import io
import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from include.config.errors import DataError
from include.config.printable import printable
from include.tweets.cleaning import UndecodableCell, body_of, groups, plain_text
from include.tweets.prepare import PrepareSettings, Source, prepare
from include.tweets.rows import Rejection
from include.tweets.sources import read_source
from tests.fuzz.mutations import REPEATS, mutated, share_of_examples

GOOD = "".join(f"{number % 2},tweet {number} of a kernel and a coupon\n" for number in range(80)).encode()
"""With these rows there are enough for every split, so that the others are tokenised, too."""
CSV = (
    b'label,text\n0,"a tweet, with a comma"\n1,"two\nlines"\n0,"Spark\'s \\"quotes\\""\n1,plain &amp; simple\n',
    b"0,\"Ann, Lee,2019-01-04 17:33:00,b'RT @x: caf\\xc3\\xa9 &amp; cloud\\xe2\\x80\\xa6'\"\n" * 3,
    b'1,"aws,Ann,2019-01-04 17:33:00,b""it\'s #a #b https://t.co/x\\xe2\\x80\\xa6"""\n' * 3,
)
CSV_PIECES = (b'"', b",", b"\n", b"\r", b"\\", b"'", b"0,", b"label,", b"b'", b"\\x", b"\\N{", b"&#", b"9", b"#a")
CSV_PIECES += (b"&", b";", b"\xef\xbb\xbf", b"\0", b"RT @x: ", b"__label__1", b"(", b"\xe2\x80\xa6", b"\xcc\x81", b"=")
MANIFEST = tuple(
    "\n".join(json.dumps({"source": text, "kind": number, "kind-metadata": metadata}) for number in (0, 1)).encode()
    for text, metadata in (
        ("a tweet", {"class-name": "technical", "confidence": 0.9, "type": "groundtruth/text-classification"}),
        ("caf\u00e9 \U0001f600", {"class-name": "1", "confidence": 1, "human-annotated": "yes"}),
        ("another", {"failure-reason": "ClientError: no label"}),
    )
)
MANIFEST_PIECES = (b"{", b"[", b'"', b":", b",", b"\\ud800", b"\\u0000", b"NaN", b"Infinity", b"-1e999", b"null", b"9")
MANIFEST_PIECES += (b'-metadata": {}, "', b'"class-map": {}, ', b'"a\\ud800-metadata": {}, ', b'"source": ')

HOSTILE = (
    "9",
    "[",
    "(",
    "\n",
    '"',
    "'",
    "\\",
    "&#",
    "&#x",
    ";",
    "\ud800",
    "\0",
    "b'",
    "\\x",
    "\\N{",
    "RT @x: ",
    "#a",
    "\u2026",
)
texts = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE), st.text(max_size=6)), st.sampled_from(REPEATS)
    ).map(lambda pair: pair[0] * pair[1]),
    max_size=5,
).map("".join)
labels = st.sampled_from(["0", "1", "technical", "2", ""]) | texts
cells = st.one_of(
    texts,
    texts.map(lambda text: f"Ann,2019-01-04 17:33:00,{text.encode('utf-8', 'replace')!r}"),
    st.tuples(texts, texts).map(lambda pair: f"{pair[0]},2019-01-04 17:33:00,b'{pair[1]}'"),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
metadata = st.fixed_dictionaries(
    {}, optional={"class-name": labels | values, "confidence": values, "failure-reason": values, "class-map": values}
)
entries = st.dictionaries(texts.map("{}-metadata".format), values, max_size=1).flatmap(
    lambda more: st.fixed_dictionaries(
        {"source": texts | values}, optional={"kind": values, "kind-metadata": metadata}
    ).map(lambda entry: entry | more)
)


def as_csv(rows: list[tuple[str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


contents = st.one_of(
    mutated(CSV, CSV_PIECES),
    mutated(MANIFEST, MANIFEST_PIECES),
    st.lists(st.tuples(labels, cells), max_size=4).map(as_csv),
    st.lists(entries, max_size=4).map(lambda found: "\n".join(map(json.dumps, found)).encode()),
    st.binary(max_size=200),
)
in_utf_16 = contents.map(lambda content: content.decode(errors="replace").encode("utf-16"))
gzipped = contents.map(lambda content: gzip.compress(content, mtime=0)).flatmap(lambda content: mutated((content,)))


def source(name: str, content: bytes) -> Source:
    return Source(name, lambda: io.BytesIO(content))


files = st.one_of(contents, contents, contents, in_utf_16, gzipped)


@given(files)
def test_what_is_read_of_a_file_can_be_written(content):
    settings = PrepareSettings(min_confidence=0.5)
    other = source("other", content)
    try:
        rows = [row for block in read_source(other, other.open(), settings) for row in block.rows()]
    except DataError as error:
        assert printable(str(error)).encode()
        return

    for row in rows:
        if isinstance(row, Rejection):
            f"{row.reason}{row.detail}{row.content}".encode()
        else:
            assert row.label in settings.labels.values()
            with suppress(UndecodableCell):
                groups([body_of(plain_text(row.cell))])[0].encode()


@share_of_examples(0.1)
@given(files, st.sampled_from(["clean", "original"]))
def test_every_row_is_used_or_rejected_or_the_file_is_refused(content, recipe):
    settings = PrepareSettings(recipe=recipe, max_rejected_share=1.0, min_confidence=0.5)
    with TemporaryDirectory() as folder:
        try:
            report = prepare([source("good", GOOD), source("other", content)], Path(folder), settings, processes=1)
        except DataError as error:
            assert printable(str(error)).encode()
            return
        with (Path(folder) / "rejected.csv").open(encoding="utf-8", newline="") as file:
            rejected = list(csv.DictReader(file))

    assert report["rows"]["used"] + len(rejected) == report["rows"]["read"]
    assert all(row["file"] and int(row["line"]) and row["reason"] and row["detail"] for row in rejected)
