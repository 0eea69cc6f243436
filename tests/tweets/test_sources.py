import gzip
import io

import pytest

from include.config.errors import DataError
from include.tweets.formats.csv import CsvRows
from include.tweets.formats.ground_truth import ManifestRows
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.sources import Source, read_source


def blocks(content: bytes):
    return list(read_source(Source("f", lambda: io.BytesIO(content)), io.BytesIO(content), PrepareSettings()))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"0,a\n", CsvRows),
        (b'{"source": "a"}\n', ManifestRows),
        (b'\xef\xbb\xbf{"source": "a"}\n', ManifestRows),
        (gzip.compress(b"0,a\n", mtime=0), CsvRows),
        (gzip.compress(b'{"source": "a"}\n', mtime=0), ManifestRows),
    ],
)
def test_what_a_file_holds_is_told_by_how_it_begins(content, kind):
    (block,) = blocks(content)

    assert isinstance(block.format, kind)
    assert (block.format.file, block.first) == ("f", 1)


def test_an_empty_file_has_no_blocks():
    assert blocks(b"") == []


def test_a_path_is_a_source_with_its_name_and_size(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"0,a\n")

    source = Source.from_path(path, rank=3)

    assert (source.name, source.size, source.rank) == ("rows.csv", 4, 3)
    assert Source.from_path(path, "other").name == "other"


@pytest.mark.parametrize("content", [gzip.compress(b"0,a\n" * 99, mtime=0)[:-4], b"\x1f\x8bnonsense"])
def test_a_damaged_gzip_file_is_an_error_with_its_name(content):
    with pytest.raises(DataError, match="f: the gzip file is damaged or cut short"):
        blocks(content)
