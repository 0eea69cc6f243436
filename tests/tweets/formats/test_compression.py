import bz2
import gzip
import io
import lzma
import tracemalloc

import pytest
import zstandard

from include.config.errors import DataError
from include.tweets.formats import compression
from include.tweets.formats.compression import PIECE_BYTES, decompressed, stream_of

CONTENT = b"0,hello\n" * 50_000
COMPRESSIONS = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": zstandard.compress,
}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_file_of_one_part_or_several_is_read_whole(compress):
    for compressed in (compress(CONTENT), compress(CONTENT[:80]) + compress(CONTENT[80:])):
        with decompressed("f", io.BytesIO(compressed)) as content:
            assert content.read() == CONTENT


@pytest.mark.parametrize("cut", [1, 9, 30])
@pytest.mark.parametrize("name", COMPRESSIONS)
def test_a_file_that_is_cut_short_gives_what_is_there_and_then_an_error_with_its_name(name, cut):
    compressed = COMPRESSIONS[name](CONTENT)

    with (
        pytest.raises(DataError, match=f"f: the {name} file is damaged or cut short"),
        decompressed("f", io.BytesIO(compressed[:-cut])) as content,
    ):
        while content.read1(100):
            pass


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"])
def test_nonsense_behind_the_first_bytes_is_an_error_with_the_files_name(start):
    with (
        pytest.raises(DataError, match=r"f: the .* file is damaged"),
        decompressed("f", io.BytesIO(start + b"x" * 99)) as content,
    ):
        content.read()


def test_what_is_not_compressed_is_read_as_it_is():
    with decompressed("f", io.BytesIO(CONTENT)) as content:
        assert content.read() == CONTENT


def test_a_stream_gives_its_pieces_before_the_error_between_them():
    def pieces():
        yield b"abc"
        raise ValueError

    stream = stream_of(pieces())

    assert stream.read1(2) + stream.read1(9) == b"abc"
    with pytest.raises(ValueError):
        stream.read1(9)


def test_a_zstandard_file_that_expands_without_measure_takes_little_memory():
    compressed = zstandard.compress(bytes(128 * 1024 * 1024))

    tracemalloc.start()
    with decompressed("f", io.BytesIO(compressed)) as content:
        while content.read1(PIECE_BYTES):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 100 * 1024 * 1024


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_a_file_that_expands_more_than_tweets_do_is_an_error_that_says_so(name, monkeypatch):
    monkeypatch.setattr(compression, "ALWAYS_READ_BYTES", 100_000)
    compress = COMPRESSIONS[name]

    with decompressed("f", io.BytesIO(compress(b"x" * 90_000))) as content:
        assert len(content.read()) == 90_000
    with (
        pytest.raises(DataError, match=f"f: the {name} file expands to more than 500 times its size"),
        decompressed("f", io.BytesIO(compress(b"x" * 9_000_000))) as content,
    ):
        content.read()
